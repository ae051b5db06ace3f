/** The person's details and consents. With an application's id behind it, it goes back there when all is told. */
import { ConsentPurpose, Employment, ErrorReason, LendgateError } from "../sdk.js";
import { h } from "../dom.js";
import { decimal, digitsOf, isoDay, momentOf, parseDay, parseMoney } from "../format.js";
import { action, field, form, panel, section } from "../parts.js";
import { language, say } from "../words.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["profile"]["getProfile"]>>} ProfileScreen */
/** @typedef {NonNullable<NonNullable<NonNullable<ProfileScreen["person"]>["person"]>["profile"]>} Profile */

/** What an application cannot do without. */
const needed = [ConsentPurpose.PERSONAL_DATA, ConsentPurpose.CREDIT_BUREAU];

/** Which input a refusal of the whole profile belongs to. */
const inputOf = /** @type {Record<number, string>} */ ({ [ErrorReason.UNDERAGE]: "birth-date", [ErrorReason.TAX_ID_INVALID]: "tax-id" });

/** @type {import("../main.js").Draw} */
export async function profile(cabinet, applicationId = "") {
  const screen = await cabinet.api.profile.getProfile({});
  const person = screen.person?.person;
  const currency = cabinet.session.config?.currencyCode ?? "";
  const inputs = inputsOf(person?.profile, currency);
  const held = screen.consents?.consents.filter((consent) => consent.withdrawTime === undefined) ?? [];
  const boxes = needed.map((purpose) => consentBox(purpose, held.find((consent) => consent.purpose === purpose)?.giveTime));
  let consentsId = "";
  const submit = action(cabinet, say("save"), async (requestId) => {
    const told = read(inputs, currency);
    if (told === undefined) {
      return; // The browser has marked what is wrong.
    }
    const given = boxes.filter(({ box }) => box.checked && !box.disabled).map(({ purpose }) => purpose);
    consentsId ||= crypto.randomUUID();
    if (given.length > 0) {
      await cabinet.api.profile.giveConsents({ requestId: consentsId, purposes: given, textVersion: cabinet.session.config?.consentTextVersion ?? "" });
    }
    try {
      await cabinet.api.profile.updateProfile({ requestId, profile: told, version: person?.version ?? 0n, locale: language() });
    } catch (thrown) {
      const error = LendgateError.from(thrown);
      const named = inputOf[error.reason] ?? error.fieldViolations[0]?.field.replace(/^profile\./, "").replaceAll("_", "-");
      document.getElementById(named ?? "")?.focus();
      throw thrown;
    }
    cabinet.go(applicationId === "" ? "" : `application/${applicationId}`);
  }, { submit: true });
  return {
    title: say("profile"),
    content: [
      form(
        submit,
        h("div", { class: "panel" }, ...Object.values(inputs).map(({ id, label, input }) => field(id, label, input))),
        section(cabinet, say("consents"), screen.consents, () => [
          ...boxes.map(({ element }) => element),
          h("p", { class: "quiet" }, say("consentNeeded")),
        ]) ?? panel(say("consents"), h("p", { class: "quiet" }, say("gap"))),
      ),
    ],
  };
}

/** @param {ConsentPurpose} purpose @param {{ seconds: bigint } | undefined} given */
function consentBox(purpose, given) {
  const box = h("input", { type: "checkbox", checked: given !== undefined, disabled: given !== undefined, required: true, id: `consent-${purpose}` });
  const text = say(purpose === ConsentPurpose.PERSONAL_DATA ? "consentData" : "consentBureau");
  const element = h("label", { class: "choice" }, box, h("span", {}, text, given && h("time", {}, say("consentGiven", { time: momentOf(given) }))));
  return { purpose, box, element };
}

/** The inputs by field, with what is known filled in. @param {Profile | undefined} known @param {string} currency */
function inputsOf(known, currency) {
  const text = (/** @type {string} */ value, /** @type {Record<string, unknown>} */ more = {}) => h("input", { value, maxlength: 80, required: true, ...more });
  const amount = (/** @type {{ minorUnits: bigint } | undefined} */ value) =>
    h("input", { inputmode: "decimal", autocomplete: "off", required: true, value: value === undefined ? "" : decimal(value.minorUnits, digitsOf(currency)).replace(/\.0+$/, "") });
  const employments = /** @type {[number, string][]} */ ([
    [Employment.UNSPECIFIED, say("employmentChoose")],
    [Employment.EMPLOYED, say("employed")],
    [Employment.SELF_EMPLOYED, say("selfEmployed")],
    [Employment.RETIRED, say("retired")],
    [Employment.STUDENT, say("student")],
    [Employment.UNEMPLOYED, say("unemployed")],
  ]);
  const options = employments.map(([value, name]) => h("option", { value: value === 0 ? "" : value, selected: value === known?.employment }, name));
  return {
    givenName: { id: "given-name", label: say("givenName"), input: text(known?.givenName ?? "", { autocomplete: "given-name" }) },
    familyName: { id: "family-name", label: say("familyName"), input: text(known?.familyName ?? "", { autocomplete: "family-name" }) },
    birthDate: { id: "birth-date", label: say("birthDate"), input: text(isoDay(known?.birthDate), { type: "date", autocomplete: "bday" }) },
    taxId: { id: "tax-id", label: say("taxId"), input: text(known?.taxId ?? "", { inputmode: "numeric", pattern: "[0-9]{1,14}", autocomplete: "off" }) },
    address: { id: "address", label: say("address"), input: text(known?.address ?? "", { maxlength: 300, autocomplete: "street-address" }) },
    email: { id: "email", label: say("email"), input: text(known?.email ?? "", { type: "email", maxlength: 254, required: false, autocomplete: "email" }) },
    employment: { id: "employment", label: say("employment"), input: h("select", { required: true }, ...options) },
    employedSince: { id: "employed-since", label: say("employedSince"), input: text(isoDay(known?.employedSince), { type: "date", required: false }) },
    monthlyIncome: { id: "monthly-income", label: say("income"), input: amount(known?.monthlyIncome) },
    monthlyObligations: { id: "monthly-obligations", label: say("obligations"), input: amount(known?.monthlyObligations) },
  };
}

/**
 * Reads the inputs. Undefined when one cannot be read: the browser says so beside it.
 *
 * @param {ReturnType<typeof inputsOf>} inputs
 * @param {string} currency
 */
function read(inputs, currency) {
  const monthlyIncome = parseMoney(inputs.monthlyIncome.input.value, currency);
  const monthlyObligations = parseMoney(inputs.monthlyObligations.input.value, currency);
  for (const [input, value] of /** @type {const} */ ([[inputs.monthlyIncome.input, monthlyIncome], [inputs.monthlyObligations.input, monthlyObligations]])) {
    input.setCustomValidity(value === undefined ? say("amountWrong") : "");
    input.oninput = () => input.setCustomValidity("");
    if (!input.reportValidity()) {
      return undefined;
    }
  }
  return {
    givenName: inputs.givenName.input.value.trim(),
    familyName: inputs.familyName.input.value.trim(),
    birthDate: parseDay(inputs.birthDate.input.value),
    taxId: inputs.taxId.input.value.trim(),
    address: inputs.address.input.value.trim(),
    email: inputs.email.input.value.trim(),
    employment: Number(inputs.employment.input.value),
    employedSince: parseDay(inputs.employedSince.input.value),
    monthlyIncome,
    monthlyObligations,
  };
}
