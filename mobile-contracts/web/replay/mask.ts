/**
 * Masks what differs from run to run in an answer, so that the rest can be compared byte for byte.
 *
 * A masked value is replaced by a stand-in of the same kind, after a check that it is of that kind: a golden body is still a message that
 * every SDK can decode. Ids keep what they say about each other: the same id gets the same stand-in within one body.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** What a volatile value is. */
export type Kind = "id" | "time" | "date" | "amount" | "number" | "decimal" | "digest" | "token" | "url" | "phone" | "document" | "list" | "text" | "exact";

/** Which values are volatile: a path pattern such as "loans.*.nextDue" or "**.createTime" to a kind. The first that fits wins. */
export type Rules = Readonly<Record<string, Kind>>;

/** A volatile value was not of its kind. */
export class MaskError extends Error {}

type StandIns = Map<string, string>;

interface Mask {
  readonly fits: (value: JsonValue) => boolean;
  /** Undefined leaves the value out. */
  readonly standIn: (value: JsonValue, ids: StandIns) => JsonValue | undefined;
}

const text = (pattern: RegExp, standIn: string): Mask => ({
  fits: (value) => typeof value === "string" && pattern.test(value),
  standIn: () => standIn,
});

const zeroDigest = Buffer.alloc(32).toString("base64");

const masks: Readonly<Record<Exclude<Kind, "exact">, Mask>> = {
  id: {
    fits: (value) => typeof value === "string" && /^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/.test(value),
    standIn: (value, ids) => standInId(String(value), ids),
  },
  time: text(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, "2026-01-01T00:00:00Z"),
  date: {
    fits: (value) => isObject(value) && ["year", "month", "day"].every((part) => Number.isInteger(value[part])),
    standIn: () => ({ year: 2026, month: 1, day: 1 }),
  },
  // Money, or money with the text to show for it. Zero minor units are not written at all in protoJSON, so a sum is masked as a whole.
  amount: {
    fits: (value) => isMoney(value) || (isObject(value) && isMoney(value["money"] ?? null) && /\d/.test(String(value["display"]))),
    standIn: (value) => standInAmount(value as JsonObject),
  },
  number: { fits: (value) => Number.isFinite(Number(value)), standIn: (value) => (typeof value === "string" ? "1" : 1) },
  decimal: text(/^-?\d+(\.\d+)?$/, "1"),
  digest: { fits: (value) => typeof value === "string" && Buffer.from(value, "base64").length === 32, standIn: () => zeroDigest },
  token: text(/^[\w.~+/=-]{20,}$/, "demo-token"),
  url: text(/^https?:\/\/[^/]+\//, "https://example.invalid/"),
  phone: text(/^\+\d+.*\d$/, "+380000000000"),
  document: {
    fits: (value) => typeof value === "string" && Buffer.from(value, "base64").subarray(0, 5).toString("latin1") === "%PDF-",
    standIn: () => Buffer.from("%PDF-").toString("base64"),
  },
  // A list of which even the length is volatile is left out, as protoJSON leaves out an empty one.
  list: { fits: Array.isArray, standIn: () => undefined },
  text: text(/./s, "demo"),
};

/** Masks a body. Throws a MaskError that names the path of a value that is not of its kind. */
export function mask(body: JsonValue, rules: Rules): JsonValue {
  const ids: StandIns = new Map();
  const patterns = Object.entries(rules).map(([pattern, kind]) => ({ segments: pattern.split("."), kind }));
  const walk = (value: JsonValue, path: string[]): JsonValue | undefined => {
    const kind = patterns.find(({ segments }) => matches(segments, path))?.kind;
    if (kind !== undefined && kind !== "exact") {
      if (!masks[kind].fits(value)) {
        throw new MaskError(`${path.join(".")} is no ${kind}: ${JSON.stringify(value).slice(0, 80)}`);
      }
      return masks[kind].standIn(value, ids);
    }
    if (Array.isArray(value)) {
      return value.flatMap((item, index) => walk(item, [...path, String(index)]) ?? []);
    }
    if (isObject(value)) {
      const members = Object.entries(value).flatMap(([key, item]) => {
        const masked = walk(item, [...path, key]);
        return masked === undefined ? [] : [[key, masked] as const];
      });
      return Object.fromEntries(members);
    }
    return value;
  };
  return walk(body, []) ?? {};
}

/** Tells whether a path fits a pattern: "*" is one segment, "**" any number. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) {
    return path.length === 0;
  }
  if (head === "**") {
    return matches(rest, path) || (path.length > 0 && matches(pattern, path.slice(1)));
  }
  return path.length > 0 && (head === "*" || head === path[0]) && matches(rest, path.slice(1));
}

function standInId(id: string, ids: StandIns): string {
  const prefix = id.slice(0, id.indexOf("_") + 1);
  const known = ids.get(id);
  if (known !== undefined) {
    return known;
  }
  const count = [...ids.keys()].filter((other) => other.startsWith(prefix)).length + 1;
  const standIn = prefix + String(count).padStart(26, "0");
  ids.set(id, standIn);
  return standIn;
}

/** One unit of the currency; the text keeps the language's symbol and its place. */
function standInAmount(amount: JsonObject): JsonObject {
  if (isMoney(amount)) {
    return { minorUnits: "1", currencyCode: amount["currencyCode"] ?? null };
  }
  return {
    money: standInAmount(amount["money"] as JsonObject),
    display: String(amount["display"]).replace(/\d[\d\s.,]*\d|\d/u, "1"),
  };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMoney(value: JsonValue): boolean {
  return isObject(value) && /^[A-Z]{3}$/.test(String(value["currencyCode"])) && /^-?\d+$/.test(String(value["minorUnits"] ?? "0"));
}
