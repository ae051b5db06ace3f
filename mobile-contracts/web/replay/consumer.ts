/** The consumer's side of a golden call: an app must be able to decode it, print it again, and know what to show. */
import { existsSync, readFileSync } from "node:fs";
import { type DescMessage, fromJson, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";

import { StatusEventSchema } from "../gen/lendgate/realtime/v1/status_pb.js";
import { ErrorReason } from "../gen/lendgate/type/v1/error_pb.js";
import { type Section, sectionView } from "../src/index.js";
import { canonical, type Fixture, findMethod, goldenText } from "./fixture.js";

/** Checks a golden call with the SDK alone. Answers with what is wrong. */
export function checkConsumer(fixture: Fixture): string[] {
  if (!existsSync(fixture.golden)) {
    return ["there is no golden body"];
  }
  const text = readFileSync(fixture.golden, "utf8");
  const body = JSON.parse(text) as JsonValue;
  if (fixture.expect.code !== "ok") {
    return checkRefusal(fixture, body as JsonObject);
  }
  const schema = fixture.call.rpc === undefined ? StatusEventSchema : findMethod(fixture.call.rpc).output;
  const message = fromJson(schema, body);
  return [...checkText(text, schema, message), ...checkNewer(body as JsonObject, schema, text), ...checkSections(fixture, message)];
}

/** What the SDK prints of a decoded body must be the body, byte for byte. */
function checkText(text: string, schema: DescMessage, message: Message): string[] {
  return goldenText(canonical(schema, message)) === text ? [] : ["the golden body is not canonical protoJSON"];
}

/** A server that is newer than the app adds fields: they must not disturb. */
function checkNewer(body: JsonObject, schema: DescMessage, text: string): string[] {
  const newer = fromJson(schema, { ...body, fieldOfTomorrow: { demo: true } }, { ignoreUnknownFields: true });
  return goldenText(canonical(schema, newer)) === text ? [] : ["a field of a newer server disturbs the decoding"];
}

/** The sections must be shown as the fixture says. */
function checkSections(fixture: Fixture, message: Message): string[] {
  const sections = message as unknown as Readonly<Record<string, Section | undefined>>;
  return Object.entries(fixture.expect.sections ?? {})
    .map(([field, wanted]) => ({ field, wanted, shown: sectionView(sections[field]).show }))
    .filter(({ wanted, shown }) => wanted !== shown)
    .map(({ field, wanted, shown }) => `the section ${field} is shown as ${shown}, not ${wanted}`);
}

/** A refusal must be of a reason that the SDK knows, with words for people. */
function checkRefusal({ expect }: Fixture, body: JsonObject): string[] {
  const faults: string[] = [];
  if (body["code"] !== expect.code || body["reason"] !== expect.reason) {
    faults.push(`the golden body says ${String(body["code"])} ${String(body["reason"])}`);
  }
  if (!(String(expect.reason) in ErrorReason)) {
    faults.push(`the SDK does not know the reason ${expect.reason}`);
  }
  if (typeof body["localizedMessage"] !== "string" || body["localizedMessage"] === "") {
    faults.push("there are no words for people");
  }
  return faults;
}
