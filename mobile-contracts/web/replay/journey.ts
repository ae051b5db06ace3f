/**
 * The way of one borrower from the first start of an app to a payment, in stages. Fixtures name the stage that they are called in. A stage is
 * left by the fixture with moves_to, or by a step outside of the app: reading a text message, filling in the bank's form, waiting.
 */
import { WebSocket } from "ws";

import { Card_State } from "../gen/lendgate/payments/v1/payment_pb.js";
import { type StatusEvent, StatusEvent_Kind } from "../gen/lendgate/realtime/v1/status_pb.js";
import { connectRealtime, createLendgateClient, type DeviceKey, generateDeviceKey, type LendgateClient, memoryTokens, type Realtime } from "../src/index.js";
import type { FixtureFile } from "./fixture.js";
import { fillForm, readCode, until } from "./outside.js";

/** Where the platform listens. */
export interface Platform {
  readonly edge: string;
  readonly simulators: string;
  /** Speak binary Protobuf. */
  readonly binary: boolean;
}

/** A borrower on the way. */
export class Journey {
  stage = "start";
  /** What fixtures refer to as $name. */
  readonly saved: Record<string, string>;
  /** What was heard on the websocket. */
  readonly events: StatusEvent[] = [];

  private readonly tokens = memoryTokens();
  private realtime: Realtime | undefined;
  private readonly messagesRead = new Set<string>();

  private constructor(
    private readonly platform: Platform,
    private readonly key: DeviceKey,
    private readonly stranger: DeviceKey,
    phone: string,
  ) {
    this.saved = { phone, key_x: key.publicJwk.x, key_y: key.publicJwk.y };
  }

  /** Begins with a new key and a number of nobody. */
  static async begin(platform: Platform): Promise<Journey> {
    const number = String(Math.floor(Math.random() * 10_000_000)).padStart(7, "0");
    return new Journey(platform, await generateDeviceKey(), await generateDeviceKey(), `+38050${number}`);
  }

  /** The borrower's app, or one that differs in what a fixture gives. */
  client(given: FixtureFile["given"] = {}): LendgateClient {
    return createLendgateClient({
      baseUrl: this.platform.edge,
      tenant: given.tenant ?? "demo",
      keyPair: given.as === "stranger" ? this.stranger : this.key,
      tokens: given.as === undefined ? this.tokens : memoryTokens(),
      locale: given.locale ?? "en",
      app: { version: given.app_version ?? "1.0.0", platform: "web" },
      binary: this.platform.binary,
      now: () => Date.now() + (given.clock_minutes ?? 0) * 60_000,
    });
  }

  /** The value of a name that a fixture refers to. */
  value(name: string): string {
    const value = this.saved[name];
    if (value === undefined) {
      throw new Error(`$${name} was not saved by an earlier fixture`);
    }
    return value;
  }

  /** Enters a stage. */
  enter(stage: string): void {
    this.stage = stage;
    if (stage === "logged_in") {
      this.listen();
    }
  }

  /** Leaves a stage that no fixture leaves. False at the end of the way. */
  async goOn(): Promise<boolean> {
    const steps: Readonly<Record<string, () => Promise<string>>> = {
      code_sent: () => this.readCode("code_read"),
      card_form: () => this.registerCard(),
      applied: () => this.awaitEvent(StatusEvent_Kind.APPLICATION_OFFERED, "offered"),
      signature_code_sent: () => this.readCode("signature_code_read"),
      signed: () => this.awaitEvent(StatusEvent_Kind.LOAN_DISBURSED, "disbursed"),
      payment_open: () => this.pay(),
    };
    const step = steps[this.stage];
    if (step === undefined) {
      return false;
    }
    this.enter(await step());
    return true;
  }

  close(): void {
    this.realtime?.close();
  }

  private listen(): void {
    this.realtime = connectRealtime(this.client(), {
      onEvent: (event) => this.events.push(event),
      centrifuge: { websocket: WebSocket },
    });
  }

  private async readCode(next: string): Promise<string> {
    this.saved["code"] = await readCode(this.platform.simulators, this.value("phone"), this.messagesRead);
    // A code that is not the right one.
    this.saved["wrong_code"] = this.saved["code"] === "000000" ? "111111" : "000000";
    return next;
  }

  private async registerCard(): Promise<string> {
    await fillForm(this.value("card_form"));
    await until("an active card", async () => {
      const { cards } = await this.client().apply.getApply({});
      return cards?.cards.find(({ state }) => state === Card_State.ACTIVE);
    });
    return "card_active";
  }

  private async pay(): Promise<string> {
    await fillForm(this.value("payment_form"));
    return this.awaitEvent(StatusEvent_Kind.LOAN_REPAID, "paid");
  }

  private async awaitEvent(kind: StatusEvent_Kind, next: string): Promise<string> {
    await until(`the event ${StatusEvent_Kind[kind]} on the websocket`, async () => this.events.find((event) => event.kind === kind));
    return next;
  }
}
