/** Replays golden calls and compares. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fromJson, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { type CallOptions, createClient } from "@connectrpc/connect";

import { StatusEvent_Kind, StatusEventSchema } from "../gen/lendgate/realtime/v1/status_pb.js";
import { LendgateError } from "../src/index.js";
import { checkConsumer } from "./consumer.js";
import { canonical, canonicalError, codeName, commonVolatile, type Fixture, findMethod, goldenText } from "./fixture.js";
import type { Journey } from "./journey.js";
import { mask } from "./mask.js";

/** What came of a fixture. */
export interface Outcome {
  readonly fixture: Fixture;
  /** Empty when it passed. */
  readonly faults: readonly string[];
  /** True when the golden body was rewritten. */
  readonly updated: boolean;
  readonly milliseconds: number;
  /** True when the call answered with the code that was expected, whatever its body: the journey can go on. */
  readonly answered: boolean;
}

interface Answer {
  readonly code: string;
  readonly reason: string;
  readonly body: JsonValue;
  readonly faults: readonly string[];
}

/** Replays all fixtures along one journey. report hears of each as it is done. */
export async function replayAll(
  fixtures: readonly Fixture[],
  journey: Journey,
  options: { readonly update: boolean; readonly budgets: ReadonlyMap<string, number> },
  report: (outcome: Outcome) => void,
): Promise<void> {
  const waiting = new Set(fixtures);
  const done = (outcome: Outcome): Outcome => {
    waiting.delete(outcome.fixture);
    report(outcome);
    return outcome;
  };
  for (const fixture of fixtures.filter(({ given }) => given.fault !== undefined)) {
    done({ fixture, faults: checkConsumer(fixture), updated: false, milliseconds: 0, answered: true });
  }
  let stuck = "no fixture and no step leads there";
  try {
    for (let moving = true; moving; ) {
      const here = fixtures.filter(({ given }) => given.stage === journey.stage);
      for (const fixture of here.filter(({ moves_to }) => moves_to === undefined)) {
        done(await replay(fixture, journey, options));
      }
      const mover = here.find(({ moves_to }) => moves_to !== undefined);
      if (mover?.moves_to === undefined) {
        moving = await journey.goOn();
      } else if (done(await replay(mover, journey, options)).answered) {
        journey.enter(mover.moves_to);
      } else {
        throw new Error(`${mover.name} leads nowhere`);
      }
    }
  } catch (error) {
    stuck = `the journey ended at the stage ${journey.stage}: ${String(error)}`;
  }
  for (const [index, fixture] of [...waiting].entries()) {
    report({ fixture, faults: [index === 0 ? `not reached: ${stuck}` : "not reached"], updated: false, milliseconds: 0, answered: false });
  }
}

async function replay(fixture: Fixture, journey: Journey, options: { update: boolean; budgets: ReadonlyMap<string, number> }): Promise<Outcome> {
  const began = performance.now();
  try {
    const answer = fixture.call.event === undefined ? await call(fixture, journey) : heard(fixture, journey);
    save(fixture, journey, answer);
    const unexpected = compareCode(fixture, answer);
    const faults = [...answer.faults, ...unexpected, ...compareBudget(fixture, answer, options.budgets)];
    const body = goldenText(mask(answer.body, { ...fixture.volatile, ...commonVolatile() }));
    const golden = existsSync(fixture.golden) ? readFileSync(fixture.golden, "utf8") : "";
    const updated = options.update && faults.length === 0 && body !== golden;
    if (updated) {
      writeFileSync(fixture.golden, body);
    } else {
      faults.push(...difference(golden, body));
    }
    return { fixture, faults, updated, milliseconds: performance.now() - began, answered: unexpected.length === 0 };
  } catch (error) {
    return { fixture, faults: [String(error)], updated: false, milliseconds: performance.now() - began, answered: false };
  }
}

async function call(fixture: Fixture, journey: Journey): Promise<Answer> {
  const method = findMethod(fixture.call.rpc ?? "");
  const request = fromJson(method.input, fill(fixture.call.request ?? {}, journey));
  const client = createClient(method.parent, journey.client(fixture.given).transport) as unknown as Record<
    string,
    (request: Message, options: CallOptions) => Promise<Message>
  >;
  const send = client[method.localName];
  if (send === undefined) {
    throw new Error(`the SDK has no ${method.localName}`);
  }
  let headers = new Headers();
  try {
    const message = await send(request, { onHeader: (received) => (headers = received) });
    const reads = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    return { code: "ok", reason: "", body: canonical(method.output, message), faults: headerFaults(headers, reads) };
  } catch (thrown) {
    const error = LendgateError.from(thrown);
    if (error.reasonName === "") {
      throw error; // Not the platform's own refusal: nothing answered, or something in between.
    }
    return { code: codeName(error.code), reason: error.reasonName, body: canonicalError(error), faults: error.requestId === "" ? ["no X-Request-Id"] : [] };
  }
}

/** What every answer must bear; reads also what makes them cacheable for one person. */
function headerFaults(headers: Headers, reads: boolean): string[] {
  const wanted: [header: string, pattern: RegExp][] = [["X-Request-Id", /^req_/]];
  if (reads) {
    wanted.push(["ETag", /^(W\/)?".+"$/], ["Vary", /Accept-Language/], ["Cache-Control", /^private\b/]);
  }
  return wanted.filter(([header, pattern]) => !pattern.test(headers.get(header) ?? "")).map(([header]) => `the header ${header} is ${headers.get(header)}`);
}

function heard(fixture: Fixture, journey: Journey): Answer {
  const event = journey.events.find(({ kind }) => `KIND_${StatusEvent_Kind[kind]}` === fixture.call.event);
  if (event === undefined) {
    throw new Error(`not heard on the websocket: ${fixture.call.event}`);
  }
  return { code: "ok", reason: "", body: canonical(StatusEventSchema, event), faults: [] };
}

/** Puts what earlier fixtures saved in place of $name. */
function fill(value: JsonValue, journey: Journey): JsonValue {
  if (typeof value === "string" && value.startsWith("$")) {
    return journey.value(value.slice(1));
  }
  if (Array.isArray(value)) {
    return value.map((item) => fill(item, journey));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, journey)]));
  }
  return value;
}

function save(fixture: Fixture, journey: Journey, answer: Answer): void {
  for (const [name, path] of Object.entries(fixture.save ?? {})) {
    const value = path.split(".").reduce<JsonValue | undefined>((at, key) => (at as JsonObject | undefined)?.[key], answer.body);
    if (typeof value === "string") {
      journey.saved[name] = value;
    }
  }
}

function compareCode({ expect }: Fixture, { code, reason }: Answer): string[] {
  return expect.code === code && (expect.reason ?? "") === reason ? [] : [`answered ${code} ${reason}, expected ${expect.code} ${expect.reason ?? ""}`];
}

/** The main answer of a screen must fit its budget, before masks. */
function compareBudget({ screen, expect, call: { rpc } }: Fixture, { body }: Answer, budgets: ReadonlyMap<string, number>): string[] {
  const budget = budgets.get(`${screen} ${rpc}`);
  const size = Buffer.byteLength(JSON.stringify(body));
  return expect.code !== "ok" || budget === undefined || size <= budget ? [] : [`the answer has ${size} bytes, the screen's budget is ${budget}`];
}

/** The first lines that differ. */
function difference(golden: string, body: string): string[] {
  if (golden === body) {
    return [];
  }
  if (golden === "") {
    return ["there is no golden body yet; write it with --update --reason"];
  }
  const [want, got] = [golden.split("\n"), body.split("\n")];
  const at = want.findIndex((line, index) => line !== got[index]);
  const line = at < 0 ? want.length : at;
  return [`differs from the golden body in line ${line + 1}`, `  want: ${want.slice(line, line + 3).join(" ⏎ ")}`, `  have: ${got.slice(line, line + 3).join(" ⏎ ")}`];
}
