/** The screens catalogue: reading it, checking it against the contract and the fixtures, and writing it for people. */
import { readdirSync, readFileSync } from "node:fs";
import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { parse } from "yaml";

import { section_required } from "../gen/lendgate/type/v1/option_pb.js";
import { contracts, type Fixture, findMethod, services } from "./fixture.js";

/** A screen of the catalogue; ../catalog/screens.yaml explains the fields. */
export interface Screen {
  readonly id: string;
  readonly title: string;
  readonly calls: readonly { readonly rpc: string; readonly via: "get" | "post" }[];
  readonly sections?: readonly { readonly field: string; readonly required: boolean }[];
  readonly errors: Readonly<Record<string, string>>;
  readonly empty: string;
  readonly offline: "read" | "none";
  readonly budget: { readonly json_bytes: number; readonly round_trips: number };
  readonly a11y: readonly string[];
  readonly min_app: Readonly<Record<string, string>>;
}

/** The catalogue. */
export interface Catalogue {
  readonly everywhere: Readonly<Record<string, string>>;
  readonly screens: readonly Screen[];
}

/** Reads the catalogue. */
export function loadScreens(): Catalogue {
  return parse(readFileSync(new URL("catalog/screens.yaml", contracts), "utf8")) as Catalogue;
}

/** Tells all that is not true in the catalogue. */
export function checkCatalogue(catalogue: Catalogue, fixtures: readonly Fixture[]): string[] {
  const listed = new Set(catalogue.screens.flatMap(({ calls }) => calls.map(({ rpc }) => rpc)));
  const promised = promisedErrors();
  const orphans = services
    .flatMap((service) => service.methods.map(({ name }) => `${service.name}/${name}`))
    .filter((rpc) => !listed.has(rpc))
    .map((rpc) => `${rpc} belongs to no screen`);
  const strangers = fixtures.filter(({ screen }) => !catalogue.screens.some(({ id }) => id === screen)).map(({ name }) => `${name}: the catalogue has no such screen`);
  return [...orphans, ...strangers, ...catalogue.screens.flatMap((screen) => checkScreen(screen, catalogue, promised, fixtures))];
}

function checkScreen(screen: Screen, catalogue: Catalogue, promised: ReadonlyMap<string, readonly string[]>, all: readonly Fixture[]): string[] {
  const faults: string[] = [];
  const say = (fault: string) => faults.push(`${screen.id}: ${fault}`);
  const fixtures = all.filter((fixture) => fixture.screen === screen.id);

  for (const { rpc, via } of screen.calls) {
    const reads = findMethod(rpc).idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    if (reads !== (via === "get")) {
      say(`${rpc} goes by ${reads ? "get" : "post"}`);
    }
  }
  const main = screen.calls[0];
  if (main !== undefined) {
    const wanted = JSON.stringify(sectionsOf(findMethod(main.rpc).output));
    if (wanted !== JSON.stringify(screen.sections ?? [])) {
      say(`the sections of ${main.rpc} are ${wanted}`);
    }
  }
  const reasons = new Set(screen.calls.flatMap(({ rpc }) => promised.get(rpc) ?? []));
  for (const reason of reasons) {
    if (!(reason in screen.errors) && !(reason in catalogue.everywhere)) {
      say(`${reason} is promised by the contract and not handled`);
    }
  }
  for (const reason of Object.keys(screen.errors).filter((reason) => !reasons.has(reason))) {
    say(`${reason} is not promised by the contract of its calls`);
  }
  if (!fixtures.some(({ expect }) => expect.code === "ok")) {
    say("there is no fixture of an answer");
  }
  if (!fixtures.some(({ expect }) => expect.code !== "ok")) {
    say("there is no fixture of a refusal");
  }
  for (const { name, expect } of fixtures) {
    if (expect.reason !== undefined && !(expect.reason in screen.errors) && !(expect.reason in catalogue.everywhere)) {
      say(`${name} is refused with ${expect.reason}, which the screen does not handle`);
    }
  }
  for (const { field, required } of screen.sections ?? []) {
    if (!required && !fixtures.some(({ expect }) => expect.sections?.[field] === "gap")) {
      say(`there is no fixture in which the section ${field} is missing`);
    }
  }
  return faults;
}

/** The fields of an answer that are sections: messages with a status of their own. */
function sectionsOf(answer: DescMessage): { field: string; required: boolean }[] {
  return answer.fields
    .filter(({ message }) => message?.field["status"]?.message?.typeName === "lendgate.mobile.v1.SectionStatus")
    .map((field) => ({ field: field.name, required: getOption(field, section_required) }));
}

/** Reads "Errors: A, B." out of the comments of each RPC: descriptors in an app hold no comments. */
function promisedErrors(): Map<string, string[]> {
  const folder = new URL("../proto/lendgate/mobile/v1/", contracts);
  const promised = new Map<string, string[]>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith("_service.proto"))) {
    const source = readFileSync(new URL(file, folder), "utf8");
    const service = /^service (\w+) \{/m.exec(source)?.[1] ?? "";
    for (const [, comment, method] of source.matchAll(/((?: {2}\/\/.*\n)+) {2}rpc (\w+)\(/g)) {
      const errors = /Errors:([\s\S]*)\./.exec((comment ?? "").replaceAll(/\n? *\/\/ ?/g, " "))?.[1] ?? "";
      promised.set(`${service}/${method}`, errors.match(/\b[A-Z][A-Z_]{3,}\b/g) ?? []);
    }
  }
  return promised;
}

/** The catalogue for people. */
export function catalogueText(catalogue: Catalogue, fixtures: readonly Fixture[]): string {
  const lines = [
    "# Screens",
    "",
    "<!-- Written by `npm run catalog` in ../web from screens.yaml, proto/ and the fixtures. Do not edit. -->",
    "",
    "Every call may also meet:",
    "",
    "| reason | what the app does |",
    "|---|---|",
    ...Object.entries(catalogue.everywhere).map(([reason, action]) => `| \`${reason}\` | ${action} |`),
  ];
  for (const screen of catalogue.screens) {
    lines.push("", ...screenText(screen, fixtures.filter((fixture) => fixture.screen === screen.id)));
  }
  return `${lines.join("\n")}\n`;
}

function screenText(screen: Screen, fixtures: readonly Fixture[]): string[] {
  const lines = [`## ${screen.title} (\`${screen.id}\`)`, ""];
  lines.push(...screen.calls.map(({ rpc, via }) => `- ${via.toUpperCase()} \`${rpc}\``));
  if (screen.sections !== undefined) {
    lines.push(`- sections: ${screen.sections.map(({ field, required }) => (required ? `**${field}** (required)` : field)).join(", ")}`);
  }
  lines.push(`- empty: ${screen.empty}; offline: ${screen.offline}; at most ${screen.budget.json_bytes} bytes of JSON in ${screen.budget.round_trips} round trip`);
  lines.push(`- screen reader: ${screen.a11y.map((label) => `“${label}”`).join(" · ")}`);
  lines.push(`- from app: ${Object.entries(screen.min_app).map(([platform, version]) => `${platform} ${version}`).join(", ")}`);
  lines.push(`- fixtures: ${fixtures.map(({ name }) => `[${name.slice(screen.id.length + 1)}](../fixtures/${name}.yaml)`).join(", ")}`);
  const errors = Object.entries(screen.errors);
  if (errors.length > 0) {
    lines.push("", "| reason | what the app does |", "|---|---|", ...errors.map(([reason, action]) => `| \`${reason}\` | ${action} |`));
  }
  return lines;
}
