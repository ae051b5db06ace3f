/**
 * What this browser keeps: the device's key and the session's tokens, in IndexedDB. The private key is made here, cannot be exported, and never
 * leaves the browser's own key store; without it the tokens open nothing, since every request is signed.
 */
import { generateDeviceKey } from "./sdk.js";

/** @typedef {import("./sdk.js").DeviceKey} DeviceKey */
/** @typedef {import("./sdk.js").Tokens} Tokens */

const store = "kept";

export class Device {
  /** @type {IDBDatabase | undefined} */
  #database;
  /** Stands in where the browser keeps nothing, as some do in private windows: then everything ends with the tab. */
  #memory = new Map();
  /** @type {Tokens | undefined} */
  #tokens;
  #channel;

  /**
   * @param {string} lender the lender's code, or "" for the installation's first: each lender knows a key of its own.
   * @param {(loggedIn: boolean) => void} onOtherTab called when another tab has logged in or out.
   */
  constructor(lender, onOtherTab) {
    this.name = `lendgate-cabinet-${lender}`;
    // A refresh token is good once: tabs that renew tell the others, or the server would take the second use for theft.
    this.#channel = new BroadcastChannel(this.name);
    this.#channel.onmessage = ({ data }) => {
      const changed = (this.#tokens === undefined) !== (data === undefined);
      this.#tokens = data;
      if (changed) {
        onOtherTab(data !== undefined);
      }
    };
  }

  async open() {
    this.#database = await openDatabase(this.name).catch(() => undefined);
    this.#tokens = await this.#get("tokens");
  }

  /** The device's key, made at the first call. @returns {Promise<{ key: DeviceKey, enrolled: boolean }>} */
  async key() {
    const kept = await this.#get("key");
    if (kept !== undefined) {
      return kept;
    }
    const made = { key: await generateDeviceKey(), enrolled: false };
    await this.#put("key", made);
    return made;
  }

  /** Remembers that the server knows the key. @param {DeviceKey} key */
  async markEnrolled(key) {
    await this.#put("key", { key, enrolled: true });
  }

  /** Forgets key and session: the server has revoked this device, or never knew it. */
  async forget() {
    this.write(undefined);
    await this.#put("key", undefined);
  }

  /** @returns {Tokens | undefined} */
  read() {
    return this.#tokens;
  }

  /** Keeps the tokens of a session; undefined ends it. @param {Tokens | undefined} tokens */
  write(tokens) {
    this.#tokens = tokens;
    void this.#put("tokens", tokens);
    this.#channel.postMessage(tokens);
  }

  /** @param {string} name @returns {Promise<any>} */
  async #get(name) {
    if (this.#database === undefined) {
      return this.#memory.get(name);
    }
    return settled(this.#database.transaction(store).objectStore(store).get(name));
  }

  /** @param {string} name @param {unknown} value */
  async #put(name, value) {
    if (this.#database === undefined) {
      this.#memory.set(name, value);
      return;
    }
    await settled(this.#database.transaction(store, "readwrite").objectStore(store).put(value, name));
  }
}

/** @param {string} name @returns {Promise<IDBDatabase>} */
function openDatabase(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(store);
  return settled(request);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
