/** Golden calls: reading the files of ../fixtures, and the canonical text of what a call answers. */
import { readdirSync, readFileSync } from "node:fs";
import { type DescMessage, type DescMethodUnary, type JsonObject, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { parse } from "yaml";

import { AppService } from "../gen/lendgate/mobile/v1/app_service_pb.js";
import { ApplyService } from "../gen/lendgate/mobile/v1/apply_service_pb.js";
import { AuthService } from "../gen/lendgate/mobile/v1/auth_service_pb.js";
import { HomeService } from "../gen/lendgate/mobile/v1/home_service_pb.js";
import { LoanService } from "../gen/lendgate/mobile/v1/loan_service_pb.js";
import { PayService } from "../gen/lendgate/mobile/v1/pay_service_pb.js";
import { ProfileService } from "../gen/lendgate/mobile/v1/profile_service_pb.js";
import type { LendgateError } from "../src/index.js";
import type { Rules } from "./mask.js";

/** The folder mobile-contracts, seen from dist/replay. */
export const contracts = new URL("../../../", import.meta.url);

/** All services of the app API. */
export const services = [AppService, AuthService, HomeService, ProfileService, ApplyService, LoanService, PayService];

/** A golden call as its file tells it. */
export interface FixtureFile {
  /** The state in which the call is made. */
  readonly given: {
    /** How far the borrower has come; see replay/journey.ts. Absent when the fixture has a fault. */
    readonly stage?: string;
    /** "nobody" calls without a session, "stranger" from a device that is not enrolled. */
    readonly as?: "nobody" | "stranger";
    readonly tenant?: string;
    /** The app's version; 1.0.0 unless told. */
    readonly app_version?: string;
    /** How wrong the device's clock is. */
    readonly clock_minutes?: number;
    /** BCP 47 language; English unless told. */
    readonly locale?: string;
    /** The backend that is away. Such fixtures are made by `go test ./bff/mobile -run Fixtures`, for a live platform has no such switch. */
    readonly fault?: string;
  };
  readonly call: {
    /** Service and method of lendgate.mobile.v1. */
    readonly rpc?: string;
    /** The request in protoJSON; "$name" is what an earlier fixture saved. */
    readonly request?: JsonObject;
    /** Instead of an RPC: the kind of a status event that must have been heard on the websocket. */
    readonly event?: string;
  };
  readonly expect: {
    /** "ok" or a Connect code such as "not_found". */
    readonly code: string;
    readonly reason?: string;
    /** How an app shows each section of a screen: content, stale, gap or nothing. */
    readonly sections?: Readonly<Record<string, string>>;
  };
  /** What differs from run to run, beside what ../fixtures/volatile.yaml names for all. */
  readonly volatile?: Rules;
  /** What later fixtures need of the answer: name to path. */
  readonly save?: Readonly<Record<string, string>>;
  /** The stage that the borrower is in after this call. */
  readonly moves_to?: string;
}

/** A golden call. */
export interface Fixture extends FixtureFile {
  /** Screen and case, such as "home/ok". */
  readonly name: string;
  readonly screen: string;
  /** The golden body. */
  readonly golden: URL;
}

/** Reads all fixtures, by name. */
export function loadFixtures(): Fixture[] {
  const root = new URL("fixtures/", contracts);
  const screens = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return screens
    .flatMap(({ name: screen }) =>
      readdirSync(new URL(`${screen}/`, root))
        .filter((file) => file.endsWith(".yaml"))
        .map((file) => ({
          ...(parse(readFileSync(new URL(`${screen}/${file}`, root), "utf8")) as FixtureFile),
          name: `${screen}/${file.slice(0, -".yaml".length)}`,
          screen,
          golden: new URL(`${screen}/${file.slice(0, -".yaml".length)}.json`, root),
        })),
    )
    .sort((a, b) => a.name.localeCompare(b.name, "en"));
}

/** What is volatile wherever it appears. */
export function commonVolatile(): Rules {
  return parse(readFileSync(new URL("fixtures/volatile.yaml", contracts), "utf8")) as Rules;
}

/** Finds an RPC by "Service/Method". */
export function findMethod(rpc: string): DescMethodUnary {
  const [serviceName, methodName] = rpc.split("/");
  const service = services.find(({ typeName }) => typeName === `lendgate.mobile.v1.${serviceName}`);
  const method = service?.methods.find(({ name }) => name === methodName);
  if (method === undefined) {
    throw new Error(`there is no RPC ${rpc} in lendgate.mobile.v1`);
  }
  return method as DescMethodUnary; // The contract has no streams: buf's rule UNARY_RPC.
}

/** Canonical protoJSON: fields in the order of their numbers, maps in the order of their keys, defaults left out. */
export function canonical(schema: DescMessage, message: Message): JsonValue {
  return sortMaps(schema, toJson(schema, message));
}

/** Sorts maps by key, for binary Protobuf promises no order. */
function sortMaps(schema: DescMessage, json: JsonValue): JsonValue {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return json; // A well-known type such as Timestamp, which is written as text.
  }
  const sorted: JsonObject = { ...json };
  for (const field of schema.fields) {
    const value = sorted[field.jsonName];
    if (value === undefined) {
      continue;
    }
    if (field.fieldKind === "map") {
      sorted[field.jsonName] = Object.fromEntries(Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1)));
    } else if (field.message !== undefined) {
      const { message } = field;
      sorted[field.jsonName] = Array.isArray(value) ? value.map((item) => sortMaps(message, item)) : sortMaps(message, value);
    }
  }
  return sorted;
}

/** The text of a golden body. */
export function goldenText(body: JsonValue): string {
  return `${JSON.stringify(body, null, 2)}\n`;
}

/** Names of Connect codes as they go over the wire, such as "not_found". */
export function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** A refusal as a golden body: all that an app may rely on, and nothing of what is for developers. */
export function canonicalError(error: LendgateError): JsonValue {
  return {
    code: codeName(error.code),
    reason: error.reasonName,
    ...(error.localizedMessage === "" ? {} : { localizedMessage: error.localizedMessage }),
    ...(Object.keys(error.facts).length === 0 ? {} : { facts: Object.fromEntries(Object.entries(error.facts).sort()) }),
    ...(error.fieldViolations.length === 0 ? {} : { fields: error.fieldViolations.map(({ field }) => field) }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  };
}
