/** Login by phone and one-time code: the screens login-code and login-confirm of the catalogue. */
import { ErrorReason, LendgateError } from "../sdk.js";
import { h } from "../dom.js";
import { action, codeForm, field, form, panel } from "../parts.js";
import { say } from "../words.js";

/** @typedef {NonNullable<Awaited<ReturnType<import("../session.js").Session["sendCode"]>>["challenge"]>} Challenge */

/** The number that was typed last and the code that is on its way, so that changing the language loses neither. */
let typed = "";
/** @type {Challenge | undefined} */
let waiting;

/** @type {import("../main.js").Draw} */
export async function login(cabinet) {
  return waiting === undefined ? askPhone(cabinet) : askCode(cabinet, waiting);
}

/** @param {import("../main.js").Cabinet} cabinet @returns {import("../main.js").Screen} */
function askPhone(cabinet) {
  const input = h("input", { type: "tel", autocomplete: "tel", inputmode: "tel", placeholder: "+380 50 000 00 00", required: true, value: typed });
  const submit = action(cabinet, say("sendCode"), async (requestId) => {
    typed = input.value;
    const phone = input.value.replaceAll(/[\s()-]/g, "");
    waiting = (await cabinet.session.sendCode(phone, requestId)).challenge;
    cabinet.reload();
  }, { submit: true });
  return {
    title: say("loginTitle"),
    content: [h("div", { class: "panel" }, h("p", {}, say("loginText")), form(submit, field("phone", say("phone"), input)))],
  };
}

/** @param {import("../main.js").Cabinet} cabinet @param {Challenge} challenge @returns {import("../main.js").Screen} */
function askCode(cabinet, challenge) {
  const code = codeForm(cabinet, {
    phone: challenge.maskedPhone,
    label: say("confirm"),
    resendAt: new Date(Number(challenge.resendTime?.seconds ?? 0n) * 1000),
    send: async (requestId) => {
      waiting = (await cabinet.session.sendCode(typed.replaceAll(/[\s()-]/g, ""), requestId)).challenge;
      cabinet.reload();
    },
    submit: async (digits, requestId) => {
      try {
        await cabinet.api.auth.confirmLogin({ requestId, challengeId: challenge.id, code: digits });
      } catch (thrown) {
        if (LendgateError.from(thrown).reason === ErrorReason.NOT_FOUND) {
          waiting = undefined;
          cabinet.reload();
        }
        throw thrown;
      }
      waiting = undefined;
      cabinet.go("");
    },
  });
  const other = () => {
    waiting = undefined;
    cabinet.reload();
  };
  return {
    title: say("loginTitle"),
    content: [panel(say("codeTitle"), ...code, h("div", { class: "end" }, h("button", { type: "button", class: "plain", onclick: other }, say("otherPhone"))))],
  };
}
