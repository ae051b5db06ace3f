/** The websocket: what happens to the person's applications, loans and payments, as it happens. */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Centrifuge, type Options } from "centrifuge";

import { type StatusEvent, StatusEventSchema } from "../gen/lendgate/realtime/v1/status_pb.js";
import type { LendgateClient } from "./client.js";

/** What a realtime connection tells. */
export interface RealtimeOptions {
  /** Called for each event, in order, each once as long as the connection can be resumed. */
  readonly onEvent: (event: StatusEvent) => void;
  /**
   * Called when events may have been missed for good: on the first connection, and when the server no longer has what happened while the
   * device was away. Load the screen that is open again.
   */
  readonly onGap?: (() => void) | undefined;
  /** Called with "connecting", "connected" and "disconnected", for a sign of life in the app. */
  readonly onState?: ((state: string) => void) | undefined;
  /** Path of the websocket: GetAppConfigResponse.realtime_path. */
  readonly path?: string | undefined;
  /** Overrides options of centrifuge-js, such as the WebSocket class in Node. */
  readonly centrifuge?: Partial<Options> | undefined;
}

/** A connection that lives until it is closed: it comes back after every break and resumes where it was. */
export interface Realtime {
  close(): void;
}

/** Connects to the status stream of the person who is logged in. */
export function connectRealtime(client: LendgateClient, options: RealtimeOptions): Realtime {
  const url = new URL(options.path ?? "/connection/websocket", client.baseUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const centrifuge = new Centrifuge(url.href, {
    name: "lendgate-ts",
    getToken: async () => (await client.auth.createRealtimeToken({})).token,
    ...options.centrifuge,
  });
  const tellState = (state: string) => () => options.onState?.(state);
  centrifuge.on("connecting", tellState("connecting"));
  centrifuge.on("connected", tellState("connected"));
  centrifuge.on("disconnected", tellState("disconnected"));
  // The server subscribes the connection to the person's own stream, so there is no subscription to make here.
  centrifuge.on("subscribed", (context) => {
    if (!context.recovered) {
      options.onGap?.();
    }
  });
  centrifuge.on("publication", (context) => {
    options.onEvent(fromJson(StatusEventSchema, context.data as JsonValue, { ignoreUnknownFields: true }));
  });
  centrifuge.connect();
  return {
    close: () => centrifuge.disconnect(),
  };
}
