/** An application on its way: where it stands, and the one thing that the person can do next. It changes by itself as news arrive. */
import { NextStep } from "../sdk.js";
import { h } from "../dom.js";
import { momentOf } from "../format.js";
import { action, facts, firstPayment, link, panel } from "../parts.js";
import { say } from "../words.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["apply"]["getApplication"]>>} Application */
/** @typedef {Application["offers"][number]} Offer */
/** @typedef {import("../main.js").Cabinet} Cabinet */

/** How many of the four steps are behind an application, by its state. Those that ended without a loan have no steps to show. */
const behind = /** @type {Record<string, number>} */ ({ SUBMITTED: 1, OFFERED: 1, ACCEPTED: 2, SIGNED: 3, DISBURSED: 4 });

/** How often an application that waits for us is looked at, in milliseconds: not every step that opens is news on the websocket. */
const glance = 5000;

/** @type {import("../main.js").Draw} */
export async function application(cabinet, id = "") {
  const screen = await cabinet.api.apply.getApplication({ applicationId: id });
  const card = screen.application;
  const state = card?.state ?? "";
  const timer = card?.nextStep === NextStep.UNSPECIFIED ? setTimeout(() => cabinet.reload(), glance) : undefined;
  return {
    leave: () => clearTimeout(timer),
    title: say("applicationFor", { amount: card?.principal?.display ?? "" }),
    live: true,
    content: [
      h("div", { class: "panel", "data-state": state }, h("p", { class: "state" }, card?.stateText), steps(state)),
      next(cabinet, id, screen),
      screen.reasons.length > 0 && panel(say("reasons"), h("ul", {}, ...screen.reasons.map((reason) => h("li", {}, reason)))),
      ["SUBMITTED", "OFFERED", "ACCEPTED"].includes(state) && withdraw(cabinet, id),
    ],
  };
}

/** @param {string} state */
function steps(state) {
  const done = behind[state];
  if (done === undefined) {
    return undefined;
  }
  const names = [say("stepSent"), say("stepOffer"), say("stepSign"), say("stepPaid")];
  const items = names.map((name, at) =>
    h("li", { class: at < done ? "done" : at === done ? "now" : undefined, "aria-current": at === done ? "step" : undefined }, name),
  );
  return h("ol", { class: "steps", "aria-label": say("steps") }, ...items);
}

/** @param {Cabinet} cabinet @param {string} id @param {Application} screen */
function next(cabinet, id, screen) {
  switch (screen.application?.nextStep) {
    case NextStep.COMPLETE_PROFILE:
      return panel(say("profile"), h("p", {}, say("completeText")), link(`#/profile/${id}`, "complete"));
    case NextStep.CHOOSE_OFFER:
      return panel(say("offers"), ...screen.offers.map((offer) => offerCard(cabinet, id, offer)));
    case NextStep.SIGN:
      return panel(say("agreement", { number: "" }).trim(), h("p", {}, say("signText")), link(`#/agreement/${id}/${screen.agreementId}`, "readAndSign"));
    case NextStep.OPEN_LOAN:
      return h("p", {}, link(`#/loan/${screen.loanId}`, "openLoan"));
    case NextStep.APPLY_AGAIN:
      return h("p", {}, link("#/new", "applyAgain"));
    default:
      return h("p", { class: "quiet waiting" }, say(screen.application?.state === "SIGNED" ? "moneyWaiting" : "waiting"));
  }
}

/** @param {Cabinet} cabinet @param {string} id @param {Offer} offer */
function offerCard(cabinet, id, offer) {
  const choose = action(cabinet, say("choose"), async (requestId) => {
    const { agreementId } = await cabinet.api.apply.chooseOffer({ requestId, applicationId: id, offerId: offer.offerId });
    cabinet.go(`agreement/${id}/${agreementId}`);
  });
  return h(
    "article",
    { class: "card offer" },
    h("p", { class: "big" }, h("span", {}, say("offerMonthly", { count: offer.instalments })), h("strong", {}, offer.regularInstalment?.display)),
    facts(
      [say("youGet"), offer.principal?.display],
      firstPayment(offer),
      [say("totalPayable"), offer.totalPayable?.display],
      [say("apr"), `${offer.aprPercent} %`],
    ),
    h("p", { class: "quiet" }, say("offerUntil", { time: momentOf(offer.expireTime) })),
    choose.said,
    choose.button,
  );
}

/** Asks once more before it withdraws: it cannot be taken back. @param {Cabinet} cabinet @param {string} id */
function withdraw(cabinet, id) {
  let sure = false;
  const step = action(cabinet, say("withdraw"), async (requestId) => {
    if (!sure) {
      sure = true;
      step.button.textContent = say("withdrawSure");
      return;
    }
    await cabinet.api.apply.withdrawApplication({ requestId, applicationId: id });
    cabinet.reload();
  }, { look: "plain" });
  return h("div", { class: "end" }, step.said, step.button);
}
