/** Parts that screens share: sections that may be missing, buttons that act once, refusals that say what to do next. */
import { ErrorReason, LendgateError, sectionView } from "./sdk.js";
import { fill, h } from "./dom.js";
import { moment } from "./format.js";
import { say } from "./words.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./words.js").Word} Word */
/** @typedef {import("./main.js").Cabinet} Cabinet */

/** Reasons after which the screen is no longer true: the person is offered to load it again. */
const outdated = [
  ErrorReason.AGREEMENT_CHANGED,
  ErrorReason.AGREEMENT_STATE_INVALID,
  ErrorReason.FLOW_ENDED,
  ErrorReason.FLOW_NOT_FOUND,
  ErrorReason.FLOW_STEP_NOT_OPEN,
  ErrorReason.LOAN_STATE_INVALID,
  ErrorReason.OFFER_EXPIRED,
  ErrorReason.OFFER_NOT_FOUND,
  ErrorReason.PRODUCT_NOT_FOUND,
  ErrorReason.PROFILE_VERSION_STALE,
  ErrorReason.REPAYMENT_ABOVE_PAYOFF,
];

/** Reasons after which there is nothing to see here. */
const gone = [
  ErrorReason.AGREEMENT_NOT_FOUND,
  ErrorReason.APPLICATION_NOT_FOUND,
  ErrorReason.COLLECTION_NOT_FOUND,
  ErrorReason.INVALID_REQUEST,
  ErrorReason.LOAN_NOT_FOUND,
];

/** @param {string} href @param {Word} word @param {string} [look] */
export function link(href, word, look = "button") {
  return h("a", { href, class: look }, say(word));
}

/** A panel with a heading. @param {string} title @param {...(Child | Child[])} children */
export function panel(title, ...children) {
  return h("section", { class: "panel" }, h("h2", {}, title), ...children);
}

/** Pairs of a name and a value. @param {...([string, Child] | undefined)} pairs */
export function facts(...pairs) {
  const present = pairs.filter((pair) => pair !== undefined);
  return h("dl", {}, ...present.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** @typedef {NonNullable<Awaited<ReturnType<import("./sdk.js").LendgateClient["apply"]["quoteLoan"]>>["instalment"]>} Amount */

/**
 * The first payment as a fact, when it is not what the others are: it bears the fee.
 *
 * @param {{ instalment?: Amount, regularInstalment?: Amount }} costs
 * @returns {[string, Child] | undefined}
 */
export function firstPayment({ instalment, regularInstalment }) {
  const alike = instalment?.money?.minorUnits === regularInstalment?.money?.minorUnits;
  return alike ? undefined : [say("firstPayment"), instalment?.display];
}

/**
 * A section of a screen as its status wants it: drawn, drawn with its age, a gap with a button, or left out.
 *
 * @template {import("./sdk.js").Section} S
 * @param {Cabinet} cabinet
 * @param {string} title
 * @param {S | undefined} content
 * @param {(content: S) => (Child | Child[])} draw
 */
export function section(cabinet, title, content, draw) {
  const view = sectionView(content);
  if (view.show === "nothing" || content === undefined) {
    return undefined;
  }
  if (view.show === "gap") {
    return panel(title, h("p", { class: "quiet" }, say("gap")), reloadButton(cabinet, "again"));
  }
  if (view.show === "stale") {
    const age = h("p", { class: "stale" }, say("stale", { time: view.asOf === undefined ? "" : moment(view.asOf) }));
    return panel(title, age, draw(content), reloadButton(cabinet, "again"));
  }
  return panel(title, draw(content));
}

/** @param {Cabinet} cabinet @param {Word} word */
function reloadButton(cabinet, word) {
  return h("button", { type: "button", class: "second", onclick: () => cabinet.reload() }, say(word));
}

/**
 * A refusal: the server's words, and what the person can do next.
 *
 * @param {Cabinet} cabinet
 * @param {unknown} thrown
 * @param {() => void} [again] sends the same request again.
 */
export function refusal(cabinet, thrown, again) {
  const error = LendgateError.from(thrown);
  const unreached = error.reason === ErrorReason.UNSPECIFIED;
  const attempts = error.facts["attempts_left"];
  const known = error.facts["application_id"];
  return [
    h("p", {}, error.localizedMessage || say("offline"), attempts === undefined ? undefined : ` ${say("triesLeft", { count: attempts })}`),
    again !== undefined && (unreached || error.retryable) && h("button", { type: "button", class: "second", onclick: again }, say("again")),
    outdated.includes(error.reason) && reloadButton(cabinet, "reload"),
    gone.includes(error.reason) && again !== undefined && link("#/", "home", "button second"),
    error.reason === ErrorReason.APPLICATION_EXISTS && known !== undefined && link(`#/application/${known}`, "open", "button second"),
    error.reason === ErrorReason.INTERNAL && h("p", { class: "quiet" }, say("request", { id: error.requestId })),
  ];
}

/**
 * A button that does one thing. Its request has one id from the tap until there is an answer that is final, so that a repeat after a lost
 * answer takes effect once.
 *
 * @param {Cabinet} cabinet
 * @param {string} label
 * @param {(requestId: string) => Promise<void>} run
 * @param {{ look?: string, submit?: boolean, disabled?: boolean }} [options]
 */
export function action(cabinet, label, run, options = {}) {
  const said = h("div", { class: "refusal", role: "alert" });
  const button = h("button", { type: options.submit ? "submit" : "button", class: options.look, disabled: options.disabled }, label);
  let requestId = "";
  const start = async () => {
    if (button.getAttribute("aria-busy") === "true") {
      return; // A second tap is the same wish.
    }
    requestId ||= crypto.randomUUID();
    button.setAttribute("aria-busy", "true");
    fill(said);
    try {
      await run(requestId);
      requestId = "";
    } catch (thrown) {
      const error = LendgateError.from(thrown);
      if (error.reason !== ErrorReason.UNSPECIFIED && !error.retryable) {
        requestId = ""; // Refused for good: the next tap is another request.
      }
      if (!cabinet.leaveIfLoggedOut(error)) {
        fill(said, ...refusal(cabinet, error, start));
      }
    } finally {
      button.removeAttribute("aria-busy");
    }
  };
  if (!options.submit) {
    button.addEventListener("click", start);
  }
  return { button, said, start };
}

/**
 * A labelled input with a hint below it.
 *
 * @param {string} id
 * @param {string} label
 * @param {HTMLElement} input
 * @param {Child} [hint]
 */
export function field(id, label, input, hint) {
  input.id = id;
  if (hint) {
    input.setAttribute("aria-describedby", `${id}-hint`);
  }
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

/**
 * A form that acts when it is submitted, by a button or the Enter key.
 *
 * @param {ReturnType<typeof action>} submit
 * @param {...(Child | Child[])} children
 */
export function form(submit, ...children) {
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void submit.start();
  };
  return h("form", { onsubmit }, ...children, submit.said, submit.button);
}

/**
 * The form of a one-time code, with the button that sends another.
 *
 * @param {Cabinet} cabinet
 * @param {{ phone: string, label: string, resendAt: Date, send: (requestId: string) => Promise<void>, submit: (code: string, requestId: string) => Promise<void> }} options
 */
export function codeForm(cabinet, options) {
  const input = h("input", { inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{4,10}", maxlength: 10, required: true, class: "code" });
  const submit = action(cabinet, options.label, (requestId) => options.submit(input.value.trim(), requestId), { submit: true });
  const resend = action(cabinet, say("sendAgain"), options.send, { look: "second" });
  countDown(resend.button, options.resendAt);
  return [form(submit, field("code", say("code"), input, say("codeSent", { phone: options.phone }))), resend.said, resend.button];
}

/** Opens a button when its time has come. @param {HTMLButtonElement} button @param {Date} at */
function countDown(button, at) {
  const tick = () => {
    const seconds = Math.ceil((at.getTime() - Date.now()) / 1000);
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? say("sendAgainIn", { seconds }) : say("sendAgain");
    if (seconds > 0 && (button.isConnected || first)) {
      setTimeout(tick, 1000);
    }
    first = false;
  };
  let first = true;
  tick();
}
