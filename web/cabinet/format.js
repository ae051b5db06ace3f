/** Money, days and times for people. Amounts stay exact: whole minor units in a bigint, and decimals only as text. */
import { language } from "./words.js";

/** @typedef {{ minorUnits: bigint, currencyCode: string }} Money */
/** @typedef {{ year: number, month: number, day: number }} CivilDate */

/** Digits after the point of a currency. @param {string} currency */
export function digitsOf(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Money where the server gave no text of its own. @param {Money | undefined} amount */
export function money(amount) {
  if (amount === undefined) {
    return "";
  }
  const digits = digitsOf(amount.currencyCode);
  const exact = decimal(amount.minorUnits, digits);
  const format = new Intl.NumberFormat(language(), { style: "currency", currency: amount.currencyCode, currencyDisplay: "narrowSymbol" });
  return format.format(/** @type {any} */ (exact)); // Text is taken exactly (ECMA-402 2023), a number would be rounded.
}

/** @param {bigint} minorUnits @param {number} digits */
export function decimal(minorUnits, digits) {
  const sign = minorUnits < 0n ? "-" : "";
  const text = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(digits + 1, "0");
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/**
 * Reads an amount that a person typed, such as "40 000" or "39999,50". Undefined when it is none.
 *
 * @param {string} typed
 * @param {string} currency
 * @returns {Money | undefined}
 */
export function parseMoney(typed, currency) {
  const digits = digitsOf(currency);
  const match = /^(\d{1,12})(?:[.,](\d+))?$/.exec(typed.replaceAll(/\s/g, ""));
  const fraction = match?.[2] ?? "";
  if (match === null || fraction.length > digits) {
    return undefined;
  }
  return { minorUnits: BigInt((match[1] ?? "") + fraction.padEnd(digits, "0")), currencyCode: currency };
}

/** A civil day: it has no time zone, so it is formatted in none. @param {CivilDate | undefined} date */
export function day(date) {
  if (date === undefined) {
    return "";
  }
  const at = new Date(Date.UTC(date.year, date.month - 1, date.day));
  return new Intl.DateTimeFormat(language(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(at);
}

/** A day in few letters, for tables. @param {CivilDate | undefined} date */
export function shortDay(date) {
  if (date === undefined) {
    return "";
  }
  const at = new Date(Date.UTC(date.year, date.month - 1, date.day));
  return new Intl.DateTimeFormat(language(), { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" }).format(at);
}

/** A moment in the person's own time. @param {Date} at */
export function moment(at) {
  const today = at.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language(), today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(at);
}

/** The moment of a protobuf timestamp. @param {{ seconds: bigint } | undefined} at */
export function momentOf(at) {
  return at === undefined ? "" : moment(new Date(Number(at.seconds) * 1000));
}

/** "1990-05-17" of a civil date, as date inputs want it, and back. @param {CivilDate | undefined} date */
export function isoDay(date) {
  return date === undefined ? "" : `${date.year}-${String(date.month).padStart(2, "0")}-${String(date.day).padStart(2, "0")}`;
}

/** @param {string} iso @returns {CivilDate | undefined} */
export function parseDay(iso) {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(iso);
  return match === null ? undefined : { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) };
}
