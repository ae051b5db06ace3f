/** Paying: what is due, what closes the loan, and a payment on its way through the bank's page. */
import { PaymentState, Purpose } from "../sdk.js";
import { h } from "../dom.js";
import { day, money, momentOf } from "../format.js";
import { action, facts, link, panel, section } from "../parts.js";
import { say } from "../words.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["pay"]["getPay"]>>} Pay */
/** @typedef {NonNullable<Pay["payments"]>["payments"][number]} Collection */
/** @typedef {import("../main.js").Cabinet} Cabinet */

/** States in which a payment may still change by itself. */
const moving = [PaymentState.CREATED, PaymentState.AWAITING, PaymentState.PROCESSING, PaymentState.UNKNOWN];
/** How often a payment is looked at, in milliseconds: news come by the websocket, this is for when it is away. */
const glance = 3000;

/** @type {import("../main.js").Draw} */
export async function pay(cabinet, id = "") {
  const screen = await cabinet.api.pay.getPay({ loanId: id });
  const card = screen.due?.card;
  const due = card?.nextDue?.money !== undefined && card.nextDue.money.minorUnits > 0n;
  const start = (/** @type {string} */ label, /** @type {Purpose} */ purpose, look = "") => {
    const step = action(cabinet, label, async (requestId) => {
      const { payment } = await cabinet.api.pay.startPayment({ requestId, loanId: id, purpose });
      cabinet.go(`payment/${payment?.id ?? ""}`);
    }, { look });
    return [step.said, step.button];
  };
  return {
    title: say("payTitle"),
    content: [
      section(cabinet, say("nextPayment"), screen.due, () =>
        due
          ? [
              h("p", { class: "big" }, h("span", {}, say("dueNow", { date: day(card.nextDueDate) })), h("strong", {}, card.nextDue?.display)),
              h("p", { class: "quiet" }, say("payPage")),
              ...start(say("payInstalment", { amount: card.nextDue?.display ?? "" }), Purpose.INSTALMENT),
            ]
          : h("p", {}, say("nothingDue")),
      ),
      due &&
        section(cabinet, say("payoff"), screen.payoff, ({ quote, total }) => [
          h("p", { class: "big" }, h("strong", {}, total?.display)),
          quote?.saved !== undefined && quote.saved.minorUnits > 0n && h("p", {}, say("payoffText", { amount: money(quote.saved) })),
          ...start(say("payInstalment", { amount: total?.display ?? "" }), Purpose.PAYOFF, "second"),
        ]),
      section(cabinet, say("paymentsMade"), screen.payments, ({ payments }) =>
        payments.length === 0 ? h("p", { class: "quiet" }, say("noMovements")) : h("ul", { class: "movements" }, ...payments.map(earlier)),
      ),
      link(`#/loan/${id}`, "toLoan", "back"),
    ],
  };
}

/** @param {Collection} payment */
function earlier(payment) {
  return h(
    "li",
    {},
    h("a", { href: `#/payment/${payment.id}` }, stateText(payment), h("time", {}, momentOf(payment.createTime))),
    h("b", {}, money(payment.amount)),
  );
}

/** @type {import("../main.js").Draw} */
export async function payment(cabinet, id = "") {
  const { payment } = await cabinet.api.pay.getPayment({ paymentId: id });
  const underWay = payment !== undefined && moving.includes(payment.state);
  const timer = underWay ? setTimeout(() => cabinet.reload(), glance) : undefined;
  return {
    title: say("payment"),
    live: true,
    leave: () => clearTimeout(timer),
    content: [
      panel(
        money(payment?.amount),
        h("p", { class: underWay ? "waiting" : "state", "data-payment": payment?.state, role: "status" }, payment && stateText(payment)),
        payment?.state === PaymentState.AWAITING && h("a", { href: payment.paymentUrl, target: "_blank", rel: "noopener", class: "button", id: "payment-form" }, say("openBank")),
        payment && facts([say("loan"), h("a", { href: `#/loan/${payment.loanId}` }, say("toLoan"))]),
      ),
    ],
  };
}

/** @param {Collection} payment */
function stateText(payment) {
  switch (payment.state) {
    case PaymentState.AWAITING:
      return say("payWaiting");
    case PaymentState.PAID:
      return say("payDone", { amount: money(payment.amount) });
    case PaymentState.FAILED:
      return say("payFailed");
    case PaymentState.EXPIRED:
      return say("payExpired");
    default:
      return say("payProcessing");
  }
}
