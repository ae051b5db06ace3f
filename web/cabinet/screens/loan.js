/** A loan: its figures, its plan, its movements. */
import { TransactionType } from "../sdk.js";
import { h } from "../dom.js";
import { day, money, shortDay } from "../format.js";
import { facts, link, section } from "../parts.js";
import { say } from "../words.js";
import { badge } from "./home.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["loan"]["getLoan"]>>} Loan */
/** @typedef {NonNullable<Loan["loan"]>} Figures */
/** @typedef {NonNullable<NonNullable<Loan["schedule"]>["schedule"]>["instalments"][number]} Instalment */
/** @typedef {NonNullable<Loan["transactions"]>["transactions"][number]} Transaction */

/** @type {import("../main.js").Draw} */
export async function loan(cabinet, id = "") {
  const screen = await cabinet.api.loan.getLoan({ loanId: id });
  const nextDue = screen.loan?.loan?.nextDueDate;
  return {
    title: `${say("loan")} ${screen.loan?.card?.number ?? ""}`,
    live: true,
    content: [
      section(cabinet, say("outstanding"), screen.loan, figures),
      section(cabinet, say("schedule"), screen.schedule, ({ schedule }) => plan(schedule?.instalments ?? [], nextDue)),
      section(cabinet, say("movements"), screen.transactions, ({ transactions }) =>
        transactions.length === 0
          ? h("p", { class: "quiet" }, say("noMovements"))
          : h("ul", { class: "movements" }, ...transactions.map(movement)),
      ),
    ],
  };
}

/** @param {Figures} figures */
function figures({ card, loan }) {
  return [
    h("p", { class: "big", "data-state": card?.state }, h("strong", {}, card?.outstanding?.display), badge(card?.stateText ?? "", card?.state ?? "")),
    card !== undefined && card.daysPastDue > 0 && h("p", { class: "warn" }, say("overdue", { days: card.daysPastDue })),
    facts(
      card?.nextDueDate && [say("nextPayment"), say("dueOn", { amount: card.nextDue?.display ?? "", date: shortDay(card.nextDueDate) })],
      [say("borrowed"), money(loan?.principal)],
      loan?.maturityDate && [say("maturity"), day(loan.maturityDate)],
    ),
    card?.state === "ACTIVE" && link(`#/pay/${card.loanId}`, "pay"),
  ];
}

/**
 * The plan as a table, which screen readers can walk.
 *
 * @param {Instalment[]} instalments
 * @param {import("../format.js").CivilDate | undefined} nextDue
 */
function plan(instalments, nextDue) {
  const head = h("tr", {}, h("th", { scope: "col" }, say("due")), h("th", { scope: "col" }, say("interest")), h("th", { scope: "col" }, say("payment")));
  const rows = instalments.map((row) => {
    const paid = row.paid !== undefined && row.total !== undefined && row.paid.minorUnits >= row.total.minorUnits;
    const now = !paid && shortDay(row.dueDate) === shortDay(nextDue);
    return h(
      "tr",
      { class: paid ? "paid" : now ? "now" : undefined },
      h("th", { scope: "row" }, shortDay(row.dueDate), paid && h("span", { class: "badge closed" }, say("paid"))),
      h("td", {}, money(row.interest)),
      h("td", {}, money(row.total)),
    );
  });
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("schedule") }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
}

/** @param {Transaction} transaction */
function movement(transaction) {
  const out = transaction.type === TransactionType.DISBURSEMENT;
  return h(
    "li",
    {},
    h("span", {}, say(out ? "disbursement" : "repayment"), h("time", {}, day(transaction.valueDate))),
    h("b", { class: out ? undefined : "in" }, money(transaction.amount)),
  );
}
