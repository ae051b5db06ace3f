/** The way to the server: clients whose every request is signed by the device's key, the login, and the news of the websocket. */
import { connectRealtime, createLendgateClient, ErrorReason, LendgateError, Platform } from "./sdk.js";
import { Device } from "./device.js";
import { language } from "./words.js";

/** @typedef {import("./sdk.js").LendgateClient} LendgateClient */
/** @typedef {import("./sdk.js").StatusEvent} StatusEvent */

const version = "1.0.0";

/** Reasons by which the server says that it does not know this device's key, or no longer. */
const keyLost = [ErrorReason.DEVICE_KEY_INVALID, ErrorReason.DEVICE_REVOKED, ErrorReason.DEVICE_UNKNOWN, ErrorReason.SIGNATURE_INVALID];

/** Reasons by which the server says that nobody is logged in. */
const loggedOut = [
  ErrorReason.SESSION_REQUIRED,
  ErrorReason.SESSION_EXPIRED,
  ErrorReason.REFRESH_TOKEN_INVALID,
  ErrorReason.REFRESH_TOKEN_REUSED,
  ErrorReason.DEVICE_REVOKED,
  ErrorReason.SIGNATURE_INVALID, // The key is not known any more: the next login enrols a new one.
];

/** Tells whether an error means that the person must log in again. @param {LendgateError} error */
export function endsSession(error) {
  return loggedOut.includes(error.reason);
}

export class Session {
  /** @type {LendgateClient | undefined} */
  #client;
  /** @type {import("./sdk.js").Realtime | undefined} */
  #realtime;
  #lender = new URLSearchParams(location.search).get("lender") ?? "";

  /** @param {(loggedIn: boolean) => void} onOtherTab */
  constructor(onOtherTab) {
    this.device = new Device(this.#lender, onOtherTab);
  }

  /** Opens what this browser keeps and asks the server what it is. */
  async open() {
    await this.device.open();
    await this.#connect();
    this.config = await this.client.app.getAppConfig({});
  }

  /** The typed clients of the app API. @returns {LendgateClient} */
  get client() {
    if (this.#client === undefined) {
      throw new Error("the session is not open");
    }
    return this.#client;
  }

  get loggedIn() {
    return this.device.read() !== undefined;
  }

  /**
   * Sends a login code. The device is enrolled before the first one; when the server does not take its key, a new one is made, once.
   *
   * @param {string} phone in E.164 form
   * @param {string} requestId
   */
  async sendCode(phone, requestId) {
    try {
      await this.#enrol();
      return await this.client.auth.startLogin({ requestId, phone });
    } catch (thrown) {
      if (!keyLost.includes(LendgateError.from(thrown).reason)) {
        throw thrown;
      }
      await this.forget();
      await this.#enrol();
      return this.client.auth.startLogin({ requestId: crypto.randomUUID(), phone });
    }
  }

  /** Ends the session here and at the server. The device stays enrolled. */
  async logOut() {
    this.silence();
    try {
      await this.client.auth.logOut({});
    } finally {
      this.device.write(undefined); // Also when the server was not reached: the person wants to be out.
    }
  }

  /** Forgets key and session, and makes a new key. */
  async forget() {
    this.silence();
    await this.device.forget();
    await this.#connect();
  }

  /**
   * Listens to what happens to the person's applications, loans and payments, until silence.
   *
   * @param {Pick<import("./sdk.js").RealtimeOptions, "onEvent" | "onGap" | "onState">} handlers
   */
  listen(handlers) {
    this.#realtime ??= connectRealtime(this.client, { ...handlers, path: this.config?.realtimePath });
  }

  silence() {
    this.#realtime?.close();
    this.#realtime = undefined;
  }

  async #connect() {
    const { key } = await this.device.key();
    this.#client = createLendgateClient({
      baseUrl: location.origin,
      tenant: this.#lender,
      keyPair: key,
      tokens: this.device,
      locale: language,
      app: { version, platform: "web" },
    });
  }

  async #enrol() {
    const { key, enrolled } = await this.device.key();
    if (!enrolled) {
      const { x, y } = key.publicJwk;
      await this.client.auth.enrollDevice({ platform: Platform.WEB, publicKey: { x, y }, model: "Browser" });
      await this.device.markEnrolled(key);
    }
  }
}
