/** Home: who I am, what I owe, what I applied for, what is new. Each section stands for itself. */
import { sectionView } from "../sdk.js";
import { h } from "../dom.js";
import { day, momentOf } from "../format.js";
import { link, section } from "../parts.js";
import { say } from "../words.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["home"]["getHome"]>>} Home */
/** @typedef {NonNullable<Home["loans"]>["loans"][number]} LoanCard */
/** @typedef {NonNullable<NonNullable<Home["application"]>["application"]>} ApplicationCard */

/** Tells whether an application has not ended: one at a time is taken. @param {{ state: string }} application */
export function underWay({ state }) {
  return !["DISBURSED", "REJECTED", "WITHDRAWN", "EXPIRED", "FAILED"].includes(state);
}

/** @type {import("../main.js").Draw} */
export async function home(cabinet) {
  const screen = await cabinet.api.home.getHome({});
  const name = screen.greeting?.givenName ?? "";
  const application = screen.application?.application;
  const open = application !== undefined && underWay(application);
  const owing = screen.loans?.loans.some(({ state }) => state === "ACTIVE") ?? false;
  const loans = section(cabinet, say("loans"), screen.loans, ({ loans }) =>
    loans.length === 0 ? h("p", { class: "quiet" }, say("noLoans")) : loans.map(loanCard),
  );
  const nothingUnderWay = application === undefined && sectionView(screen.application).show === "content";
  const notices = section(cabinet, say("notices"), screen.notices, ({ notices }) =>
    told(notices).length === 0 ? h("p", { class: "quiet" }, say("noNotices")) : h("ul", { class: "notices" }, ...told(notices).map(notice)),
  );
  return {
    title: name === "" ? say("helloNobody") : say("hello", { name }),
    live: true,
    content: [
      screen.greeting?.profileIncomplete && h("p", { class: "hintline" }, say("profileMissing"), " ", h("a", { href: "#/profile" }, say("fillIn"))),
      !nothingUnderWay && section(cabinet, say("application"), screen.application, ({ application }) => application && applicationCard(application)),
      loans,
      h("nav", { class: "actions" }, !open && link("#/new", "calculate", owing ? "button second" : "button"), link("#/profile", "profile", "button second")),
      notices,
    ],
  };
}

/** @param {LoanCard} loan */
function loanCard(loan) {
  const owed = loan.state === "ACTIVE";
  return h(
    "article",
    { class: "card", "data-loan": loan.loanId },
    h("h3", {}, h("a", { href: `#/loan/${loan.loanId}`, class: "cover" }, `${say("loan")} ${loan.number}`), badge(loan.stateText, loan.state)),
    owed && h("p", { class: "big" }, h("span", {}, say("outstanding")), h("strong", {}, loan.outstanding?.display)),
    loan.nextDueDate && owed &&
      h("p", {}, h("span", { class: "quiet" }, say("nextPayment")), h("br"), h("b", {}, say("dueOn", { amount: loan.nextDue?.display ?? "", date: day(loan.nextDueDate) }))),
    loan.daysPastDue > 0 && h("p", { class: "warn" }, say("overdue", { days: loan.daysPastDue })),
    owed && link(`#/pay/${loan.loanId}`, "pay"),
  );
}

/** @param {ApplicationCard} application */
function applicationCard(application) {
  return h(
    "article",
    { class: "card" },
    h("h3", {}, h("a", { href: `#/application/${application.applicationId}`, class: "cover" }, say("applicationFor", { amount: application.principal?.display ?? "" }))),
    h("p", {}, application.stateText),
  );
}

/** @param {string} text @param {string} state */
export function badge(text, state) {
  return h("span", { class: `badge ${state.toLowerCase()}` }, text);
}

/** @typedef {NonNullable<Home["notices"]>["notices"][number]} Notice */

/** Notices that have words: one that is being written has none yet. @param {Notice[]} notices */
function told(notices) {
  return notices.filter(({ title, body }) => title !== "" || body !== "");
}

/** @param {Notice} news */
function notice(news) {
  return h("li", {}, h("b", {}, news.title), h("time", {}, momentOf(news.createTime)), h("p", {}, news.body));
}

