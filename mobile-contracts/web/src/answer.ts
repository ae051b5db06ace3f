/**
 * Checks answers that the server signs: those of calls that move money. A signature covers the answer's status and content and the request's
 * own signature, which no two requests share, so an answer can neither be changed on the way nor be offered for another request.
 *
 * Time is not looked at: the request that an answer is bound to was made a moment ago, by us, with a nonce of its own.
 */
import { Code, ConnectError } from "@connectrpc/connect";

import { base64Bytes, contentDigest, profileTag, sha256 } from "./signer.js";

/** Where the server publishes its keys, as a JWK set (RFC 7517). */
const keysPath = "/.well-known/jwks.json";

/** What an answer's signature covers, in the order of the profile. */
const covered =
  '("@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req "signature";req)';

/** One member of Signature-Input by our label, as our servers write it: a list and parameters without commas. */
const inputForm = /(?:^|,\s*)lendgate=(\([^)]*\)((?:;[a-z]+=(?:\d+|"[^",]*"))*))(?:,|$)/;
const signatureForm = /(?:^|,\s*)lendgate=:([A-Za-z0-9+/=]+):(?:,|$)/;

/** A request as it was sent, with its signature. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** An answer as it came over the wire. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Finds the server's key with an id; undefined when the server has none such. */
export type ServerKeys = (keyId: string) => Promise<CryptoKey | undefined>;

/**
 * The keys that a server publishes, asked for when an answer names one that is not known yet. What vouches for them is the connection (TLS).
 * An app that knows its lender's keys gives them instead, and none is asked for.
 */
export function serverKeys(baseUrl: string, fetch: typeof globalThis.fetch, given?: readonly JsonWebKey[]): ServerKeys {
  const known = new Map<string, CryptoKey>();
  const learn = async (keys: readonly JsonWebKey[]): Promise<void> => {
    for (const { kty, crv, x } of keys) {
      if (kty === "OKP" && crv === "Ed25519" && x !== undefined) {
        // RFC 7638: the required members in the order of their names. The id follows from the key, so it cannot be claimed by another.
        const thumbprint = await sha256(new TextEncoder().encode(JSON.stringify({ crv, kty, x })));
        const id = btoa(String.fromCharCode(...thumbprint)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        known.set(id, await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]));
      }
    }
  };
  return async (keyId) => {
    if (!known.has(keyId)) {
      const keys = given ?? ((await (await fetch(new URL(keysPath, baseUrl))).json()) as { keys: JsonWebKey[] }).keys;
      await learn(keys);
    }
    return known.get(keyId);
  };
}

/** The signature base (RFC 9421 section 2.5) of an answer to a request. parameters is the member of Signature-Input. */
export function answerBase(request: SentRequest, answer: Omit<ReceivedAnswer, "body">, parameters: string): string {
  const url = new URL(request.url);
  return [
    `"@status": ${answer.status}`,
    `"content-digest": ${answer.headers.get("Content-Digest") ?? ""}`,
    `"@method";req: ${request.method.toUpperCase()}`,
    `"@path";req: ${url.pathname}`,
    `"@query";req: ${url.search === "" ? "?" : url.search}`,
    `"content-digest";req: ${request.headers.get("Content-Digest") ?? ""}`,
    `"signature";req: ${request.headers.get("Signature") ?? ""}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
}

/** Whether the server has signed an answer to this very request. */
export async function isSignedAnswer(keys: ServerKeys, request: SentRequest, answer: ReceivedAnswer): Promise<boolean> {
  const [, input, parameters] = inputForm.exec(answer.headers.get("Signature-Input") ?? "") ?? [];
  const [, signature] = signatureForm.exec(answer.headers.get("Signature") ?? "") ?? [];
  if (input === undefined || parameters === undefined || signature === undefined) {
    return false;
  }
  const parameter = (name: string): string | undefined => new RegExp(`;${name}="([^"]*)"`).exec(parameters)?.[1];
  const keyId = parameter("keyid");
  const states = input.startsWith(covered + ";") && parameter("tag") === profileTag && keyId !== undefined;
  if (!states || answer.headers.get("Content-Digest") !== (await contentDigest(answer.body))) {
    return false;
  }
  const key = await keys(keyId);
  const base = new TextEncoder().encode(answerBase(request, answer, input));
  return key !== undefined && crypto.subtle.verify("Ed25519", key, base64Bytes(signature), base);
}

/**
 * Hands on an answer that the server has signed, and throws otherwise. What came may be anybody's, so it counts as no answer at all: whether
 * the call took effect is not known, and the same request may be sent again.
 */
export async function signedAnswer(keys: ServerKeys, request: SentRequest, response: Response): Promise<Response> {
  const body = new Uint8Array(await response.arrayBuffer());
  const { status, statusText, headers } = response;
  if (!(await isSignedAnswer(keys, request, { status, headers, body }))) {
    throw new ConnectError("the answer does not bear the server's signature for this request", Code.Unavailable);
  }
  return new Response(body, { status, statusText, headers });
}
