/** Reading the agreement and signing it by a code: the screens agreement and sign of the catalogue. */
import { AgreementState, sha256 } from "../sdk.js";
import { fill, h } from "../dom.js";
import { action, codeForm, panel } from "../parts.js";
import { say } from "../words.js";

/** @typedef {import("../main.js").Cabinet} Cabinet */

/** How long one must wait for another code when the server did not say, in milliseconds. */
const resendAfter = 60_000;

/** @type {import("../main.js").Draw} */
export async function agreement(cabinet, applicationId = "", agreementId = "") {
  const answer = await cabinet.api.apply.getAgreement({ agreementId });
  const hash = await sha256(answer.document);
  const genuine = hex(hash) === hex(answer.agreement?.documentSha256 ?? new Uint8Array());
  const url = URL.createObjectURL(new Blob([new Uint8Array(answer.document)], { type: "application/pdf" }));
  const signing = h("div", {});
  if (!genuine) {
    fill(signing, h("p", { class: "warn" }, say("changed")));
  } else if (answer.agreement?.state === AgreementState.PREPARED) {
    askToSign(cabinet, signing, { applicationId, agreementId, documentSha256: hash });
  } else {
    fill(signing, h("p", {}, say("signed")));
  }
  return {
    title: say("agreement", { number: answer.agreement?.number ?? "" }),
    leave: () => URL.revokeObjectURL(url),
    content: [
      h(
        "div",
        { class: "panel" },
        h("a", { href: url, target: "_blank", class: "document", id: "document" },
          h("b", {}, say("readPdf")), h("span", {}, say("pdf", { size: Math.ceil(answer.document.length / 1024) }))),
        h("p", { class: "quiet" }, say("saved", { hash: hex(hash).slice(0, 16) })),
      ),
      panel(say("signTitle"), signing),
    ],
  };
}

/**
 * The box that says "I have read it", then the code.
 *
 * @param {Cabinet} cabinet
 * @param {Element} place
 * @param {{ applicationId: string, agreementId: string, documentSha256: Uint8Array<ArrayBuffer> }} what
 */
function askToSign(cabinet, place, what) {
  const read = h("input", { type: "checkbox", id: "read" });
  const send = async (/** @type {string} */ requestId) => {
    const { challengeId, maskedPhone } = await cabinet.api.apply.requestSignatureCode({ requestId, agreementId: what.agreementId });
    fill(place, codeForm(cabinet, {
      phone: maskedPhone,
      label: say("sign"),
      resendAt: new Date(Date.now() + resendAfter),
      send,
      submit: async (code, signId) => {
        await cabinet.api.apply.signAgreement({ requestId: signId, ...what, challengeId, code });
        cabinet.go(`application/${what.applicationId}`);
      },
    }));
    place.querySelector("input")?.focus();
  };
  const ask = action(cabinet, say("askSign"), send, { disabled: true });
  read.addEventListener("change", () => {
    ask.button.disabled = !read.checked;
  });
  fill(place, h("label", { class: "choice" }, read, say("iRead")), ask.said, ask.button);
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
