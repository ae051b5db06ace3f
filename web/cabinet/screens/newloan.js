/** New loan: the calculator, the card for the money, and the application. The screens apply and quote of the catalogue. */
import { CardState, LendgateError } from "../sdk.js";
import { fill, h } from "../dom.js";
import { decimal, digitsOf, money, parseMoney, shortDay } from "../format.js";
import { action, facts, field, firstPayment, form, link, refusal, section } from "../parts.js";
import { say } from "../words.js";
import { underWay } from "./home.js";

/** @typedef {Awaited<ReturnType<import("../sdk.js").LendgateClient["apply"]["getApply"]>>} Apply */
/** @typedef {NonNullable<Apply["products"]>["products"][number]} Product */
/** @typedef {NonNullable<Apply["cards"]>["cards"][number]} Card */
/** @typedef {import("../main.js").Cabinet} Cabinet */

/** How long the typing must pause before the server is asked, in milliseconds. */
const pause = 250;
/** How often a card that is being registered is looked at, in milliseconds: the bank's form tells us nothing by itself. */
const glance = 2000;

/** @type {import("../main.js").Draw} */
export async function newLoan(cabinet) {
  const screen = await cabinet.api.apply.getApply({});
  const products = screen.products?.products ?? [];
  const [product] = products;
  const open = screen.application?.application;
  if (open !== undefined && underWay(open)) {
    const toIt = link(`#/application/${open.applicationId}`, "open");
    return { title: say("newLoan"), content: [h("div", { class: "panel" }, h("p", {}, say("underWay")), toIt)] };
  }
  if (product === undefined) {
    return { title: say("newLoan"), content: [h("div", { class: "panel" }, h("p", {}, say("nothingOffered")))] };
  }
  const calculator = new Calculator(cabinet, products, product);
  const cards = new Cards(cabinet, screen.cards?.cards ?? []);
  const submit = action(cabinet, say("apply"), async (requestId) => {
    const { productCode, principal, instalments } = calculator.wish();
    const { application } = await cabinet.api.apply.apply({ requestId, productCode, principal, instalments, cardId: cards.chosen() });
    cabinet.go(`application/${application?.applicationId ?? ""}`);
  }, { submit: true });
  cards.onChange = () => {
    submit.button.disabled = cards.chosen() === "";
  };
  cards.onChange();
  void calculator.quote();
  return {
    title: say("newLoan"),
    leave: () => cards.stop(),
    content: [
      h("div", { class: "panel" }, calculator.element),
      section(cabinet, say("payoutCard"), screen.cards, () => cards.element),
      h("div", { class: "panel" }, form(submit, h("p", { class: "quiet" }, say("applyText")))),
    ],
  };
}

class Calculator {
  #timer = 0;
  /** Counts the questions: only the answer to the last one is shown. */
  #turn = 0;

  /** @param {Cabinet} cabinet @param {Product[]} products @param {Product} product */
  constructor(cabinet, products, product) {
    this.cabinet = cabinet;
    this.product = product;
    const onInput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.quote(), pause);
    };
    this.amount = h("input", { inputmode: "decimal", autocomplete: "off", required: true, class: "amount", oninput: onInput });
    this.term = h("input", { type: "range", oninput: onInput });
    this.termOut = h("output", { for: "term" });
    this.term.addEventListener("input", () => this.#sayTerm());
    this.figures = h("div", { class: "figures", "aria-live": "polite" });
    this.amountHint = h("span");
    const choose = h(
      "select",
      {
        onchange: (/** @type {Event} */ event) => {
          const code = /** @type {HTMLSelectElement} */ (event.target).value;
          this.#take(products.find((candidate) => candidate.code === code) ?? product);
          void this.quote();
        },
      },
      ...products.map((candidate) => h("option", { value: candidate.code }, candidate.name)),
    );
    this.element = h(
      "div",
      {},
      products.length > 1 && field("product", say("product"), choose),
      field("amount", say("amount"), this.amount, this.amountHint),
      field("term", say("term"), h("div", { class: "slider" }, this.term, this.termOut)),
      this.figures,
    );
    this.term.id = "term";
    this.#take(product);
  }

  /** @param {Product} product */
  #take(product) {
    this.product = product;
    const min = product.minPrincipal?.money;
    const max = product.maxPrincipal?.money;
    if (min !== undefined && max !== undefined && this.amount.value === "") {
      const unit = 10n ** BigInt(digitsOf(min.currencyCode));
      const tenth = ((max.minorUnits / unit / 10n) || min.minorUnits / unit) * unit; // Somewhere to begin.
      this.amount.value = decimal(tenth < min.minorUnits ? min.minorUnits : tenth, digitsOf(min.currencyCode)).replace(/\.0+$/, "");
    }
    fill(this.amountHint, say("between", { min: product.minPrincipal?.display ?? "", max: product.maxPrincipal?.display ?? "" }));
    this.term.min = String(product.minInstalments);
    this.term.max = String(product.maxInstalments);
    this.term.value = String(Math.min(Math.max(12, product.minInstalments), product.maxInstalments));
    this.#sayTerm();
  }

  #sayTerm() {
    this.termOut.textContent = this.term.value;
  }

  /** What is asked for. An amount that is none goes as nothing, which the server refuses in its own words. */
  wish() {
    const currency = this.product.minPrincipal?.money?.currencyCode ?? "";
    return {
      productCode: this.product.code,
      principal: parseMoney(this.amount.value, currency) ?? { minorUnits: 0n, currencyCode: currency },
      instalments: Number(this.term.value),
    };
  }

  /** Asks what it would cost. The last figures stay, greyed, while they are not true any more. */
  async quote() {
    const turn = ++this.#turn;
    this.figures.setAttribute("aria-busy", "true");
    try {
      const quote = await this.cabinet.api.apply.quoteLoan(this.wish());
      if (turn === this.#turn) {
        this.figures.removeAttribute("aria-busy");
        fill(this.figures, ...this.#draw(quote));
      }
    } catch (thrown) {
      const error = LendgateError.from(thrown);
      if (turn === this.#turn && !this.cabinet.leaveIfLoggedOut(error)) {
        this.figures.querySelector(".refusal")?.remove();
        this.figures.prepend(h("div", { class: "refusal", role: "alert" }, ...refusal(this.cabinet, error, () => void this.quote())));
      }
    }
  }

  /** @param {Awaited<ReturnType<import("../sdk.js").LendgateClient["apply"]["quoteLoan"]>>} quote */
  #draw(quote) {
    const schedule = quote.schedule;
    return [
      h("p", { class: "big" }, h("span", {}, say("monthly")), h("strong", {}, quote.regularInstalment?.display)),
      facts(
        firstPayment(quote),
        [say("totalPayable"), quote.totalPayable?.display],
        [say("rate"), `${schedule?.annualRatePercent ?? ""} %`],
        [say("apr"), `${schedule?.aprPercent ?? ""} %`],
      ),
      h(
        "details",
        {},
        h("summary", {}, say("schedule")),
        h("ol", { class: "plan" }, ...(schedule?.instalments ?? []).map((row) => h("li", {}, h("span", {}, shortDay(row.dueDate)), h("b", {}, money(row.total))))),
      ),
    ];
  }
}

class Cards {
  element = h("div", { "aria-live": "polite" });
  onChange = () => {};
  /** The card that the person is registering now. @type {Card | undefined} */
  #registering;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {Cabinet} cabinet @param {Card[]} cards */
  constructor(cabinet, cards) {
    this.cabinet = cabinet;
    this.cards = cards;
    this.#registering = cards.find((card) => card.state === CardState.AWAITING && card.formUrl !== "");
    this.add = action(cabinet, say("addCard"), async (requestId) => {
      const { card } = await cabinet.api.apply.registerCard({ requestId });
      this.#registering = card;
      this.#draw();
    }, { look: "second" });
    this.#draw();
  }

  /** The card that was chosen; "" while there is none. */
  chosen() {
    return /** @type {HTMLInputElement | null} */ (this.element.querySelector("input[name=card]:checked"))?.value ?? "";
  }

  stop() {
    clearInterval(this.#timer);
  }

  #draw() {
    const chosen = this.chosen();
    const active = this.cards.filter((card) => card.state === CardState.ACTIVE);
    const waiting = this.#registering;
    fill(
      this.element,
      active.length === 0 && h("p", { class: "quiet" }, say("noCard")),
      active.map((card, at) => h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "card", value: card.id, checked: chosen === "" ? at === 0 : card.id === chosen }),
        say("cardReady", { number: card.maskedNumber }),
      )),
      waiting?.state === CardState.REJECTED && h("p", { class: "warn" }, say("cardRefused")),
      waiting?.state === CardState.AWAITING
        ? [
            h("p", {}, say("cardWaiting")),
            h("a", { href: waiting.formUrl, target: "_blank", rel: "noopener", class: "button", id: "card-form" }, say("openBank")),
          ]
        : [this.add.said, this.add.button],
    );
    this.stop();
    if (waiting?.state === CardState.AWAITING) {
      this.#timer = setInterval(() => void this.#look(), glance);
    }
    this.onChange();
  }

  /** Looks whether the bank has taken the card. */
  async #look() {
    try {
      const { cards } = await this.cabinet.api.apply.getApply({});
      const now = cards?.cards.find((card) => card.id === this.#registering?.id);
      if (now !== undefined && now.state !== CardState.AWAITING) {
        this.cards = cards?.cards ?? [];
        this.#registering = now.state === CardState.ACTIVE ? undefined : now;
        this.#draw();
      }
    } catch {
      // It is looked at again soon.
    }
  }
}

