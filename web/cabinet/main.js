/** The cabinet: which screen is open, what stands around it, and what happens when news arrive. */
import { LendgateError, StatusKind } from "./sdk.js";
import { byId, fill, h, update } from "./dom.js";
import { refusal } from "./parts.js";
import { agreement } from "./screens/agreement.js";
import { application } from "./screens/application.js";
import { home } from "./screens/home.js";
import { loan } from "./screens/loan.js";
import { login } from "./screens/login.js";
import { newLoan } from "./screens/newloan.js";
import { pay, payment } from "./screens/pay.js";
import { profile } from "./screens/profile.js";
import { endsSession, Session } from "./session.js";
import { chooseLanguage, language, languages, say } from "./words.js";

/**
 * A screen that is ready to be shown.
 *
 * @typedef {object} Screen
 * @property {string} title
 * @property {import("./dom.js").Child[]} content
 * @property {boolean} [live] true when it is drawn again as news arrive; forms are not, since that would empty them.
 * @property {(() => void)} [leave] called when it is left or drawn again.
 */

/** @typedef {(cabinet: Cabinet, ...ids: string[]) => Promise<Screen>} Draw */

/** The screens by the first part of the path behind "#/". @type {Record<string, Draw>} */
const screens = { "": home, login, new: newLoan, application, agreement, loan, pay, payment, profile };

/** How long a piece of news stands, in milliseconds. */
const newsStand = 6000;

export class Cabinet {
  session = new Session((loggedIn) => this.go(loggedIn ? "" : "login"));
  /** @type {Screen | undefined} */
  #screen;
  /** The path of the screen that is shown, to tell a repeat from another screen. */
  #shown = "";
  /** Counts the drawings: an answer that comes after the person went on is dropped. */
  #turn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #newsTimer;

  async start() {
    this.#drawTop();
    if (!isSecureContext) {
      fill(byId("content"), h("section", { class: "panel" }, h("p", {}, say("notSecure"))));
      return;
    }
    addEventListener("hashchange", () => this.#show());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault(); // Its "#content" is no screen.
      byId("content").focus();
    });
    await this.#open();
  }

  async #open() {
    try {
      await this.session.open();
    } catch (thrown) {
      this.#fail(thrown, () => this.#open());
      return;
    }
    this.#drawTop();
    await this.#show();
  }

  /** The clients of the app API. */
  get api() {
    return this.session.client;
  }

  /** Opens another screen. @param {string} path without "#/" */
  go(path) {
    if (location.hash === `#/${path}`) {
      this.reload();
    } else {
      location.hash = `#/${path}`;
    }
  }

  /** Draws the open screen again. What is shown stays until the answer is there. */
  reload() {
    void this.#show();
  }

  /** Goes to the login when an error says that nobody is logged in. Tells whether it did. @param {LendgateError} error */
  leaveIfLoggedOut(error) {
    if (!endsSession(error) || !this.session.loggedIn) {
      return false;
    }
    this.session.silence();
    this.session.device.write(undefined);
    this.tell(error.localizedMessage || say("ended"));
    this.go("login");
    return true;
  }

  /** Says something without interrupting. @param {string} text */
  tell(text) {
    fill(byId("news"), h("p", {}, text));
    clearTimeout(this.#newsTimer);
    this.#newsTimer = setTimeout(() => fill(byId("news")), newsStand);
  }

  async #show() {
    const turn = ++this.#turn;
    const path = location.hash.replace(/^#\/?/, "");
    const [name = "", ...ids] = path.split("/");
    const draw = screens[name];
    if (draw === undefined || (name === "login") === this.session.loggedIn) {
      this.go(this.session.loggedIn ? "" : "login");
      return;
    }
    const content = byId("content");
    content.setAttribute("aria-busy", "true");
    try {
      const screen = await draw(this, ...ids);
      if (turn === this.#turn) {
        this.#put(screen, path);
      } else {
        screen.leave?.();
      }
    } catch (thrown) {
      if (turn === this.#turn && !this.leaveIfLoggedOut(LendgateError.from(thrown))) {
        this.#fail(thrown, () => this.reload());
      }
    }
    if (this.session.loggedIn) {
      this.session.listen({
        onEvent: (event) => this.#hear(event),
        onGap: () => this.#refresh(),
        onState: (state) => document.body.setAttribute("data-live", state),
      });
    }
  }

  /** @param {Screen} screen @param {string} path */
  #put(screen, path) {
    this.#screen?.leave?.();
    this.#screen = screen;
    const content = byId("content");
    const focused = document.activeElement?.id ?? "";
    const title = screen.title || this.session.config?.lenderName || say("cabinet");
    document.title = `${title} · ${this.session.config?.lenderName ?? say("cabinet")}`;
    const drawn = [path === "" || path === "login" ? undefined : backLink(), h("h1", { tabindex: -1 }, title), ...screen.content];
    content.removeAttribute("aria-busy");
    if (this.#shown === path && screen.live) {
      update(content, ...drawn); // Of a form nothing is kept: its parts know each other.
    } else {
      fill(content, ...drawn);
    }
    if (this.#shown !== path) {
      scrollTo(0, 0);
      content.querySelector("h1")?.focus({ preventScroll: true }); // A screen reader says where it is now.
    } else if (focused !== "" && document.activeElement === document.body) {
      document.getElementById(focused)?.focus({ preventScroll: true }); // It stood in a part that was drawn anew.
    }
    this.#shown = path;
    this.#drawTop();
  }

  /**
   * A screen that could not be had. One that is shown already stays, with the refusal above it.
   *
   * @param {unknown} thrown
   * @param {() => void} again
   */
  #fail(thrown, again) {
    const content = byId("content");
    content.removeAttribute("aria-busy");
    content.querySelector("#failure")?.remove();
    const failure = h("section", { class: "panel refusal", role: "alert", id: "failure" }, ...refusal(this, thrown, again));
    if (this.#shown === location.hash.replace(/^#\/?/, "") && this.#screen !== undefined) {
      content.prepend(failure);
    } else {
      fill(content, backLink(), failure);
    }
  }

  /** News of the websocket: said politely, and shown where the open screen lives by them. @param {import("./session.js").StatusEvent} event */
  #hear(event) {
    const kind = StatusKind[event.kind]; // Undefined when it is newer than this page.
    if (kind !== undefined && kind !== "UNSPECIFIED") {
      this.tell(say(/** @type {import("./words.js").Word} */ (kind)));
    }
    this.#refresh();
  }

  #refresh() {
    if (this.#screen?.live) {
      this.reload();
    }
  }

  #drawTop() {
    document.documentElement.lang = language();
    byId("skip").textContent = say("skip");
    const choices = Object.entries(languages).map(([code, words]) =>
      h("option", { value: code, lang: code, selected: code === language() }, words.language),
    );
    const onchange = (/** @type {Event} */ event) => {
      chooseLanguage(/** @type {import("./words.js").Language} */ (/** @type {HTMLSelectElement} */ (event.target).value));
      this.#drawTop();
      this.reload();
    };
    fill(
      byId("top"),
      h("a", { href: "#/", class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 28, height: 28 }), this.session.config?.lenderName ?? say("cabinet")),
      h("select", { id: "language", "aria-label": "Language / Мова", onchange }, ...choices),
      this.session.loggedIn && h("button", { type: "button", class: "plain", id: "log-out", onclick: () => this.#logOut() }, say("logOut")),
    );
  }

  async #logOut() {
    await this.session.logOut().catch(() => undefined); // Out is out; the server ends what is left by itself.
    this.#screen = undefined;
    this.tell(say("ended"));
    this.go("login");
  }
}

function backLink() {
  return h("a", { href: "#/", class: "back" }, say("home"));
}

void new Cabinet().start();
