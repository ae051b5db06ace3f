/**
 * Signs requests with the device's key, or with that of a session: RFC 9421 (HTTP Message Signatures) with RFC 9530 (Content-Digest), profile "lendgate-1".
 *
 * It needs WebCrypto and nothing else, so it runs in browsers, in Node from version 20, and in workers. What it signs is checked by the
 * server over the bytes of the wire: sign last, and send exactly what was signed.
 */

/** The tag that keeps signatures for lendgate apart from those made for any other purpose with the same key. */
export const profileTag = "lendgate-1";

/** How long a signature is good, in seconds. The server takes at most 120. */
const lifetimeSeconds = 60;

/** The fields that are signed exactly when the request has them, in the order of the profile. */
const signedFields = ["content-digest", "content-type", "authorization", "idempotency-key"] as const;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The public half of a device key as a JSON Web Key (RFC 7517), coordinates in base64url. */
export interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
}

/** The key of this installation: P-256, made once, kept for good. */
export interface DeviceKey {
  /** The key's id: its JWK thumbprint (RFC 7638). */
  readonly id: string;
  readonly publicJwk: PublicJwk;
  /** Where the platform allows it this cannot be exported: store the CryptoKey itself, in IndexedDB for example. */
  readonly privateKey: CryptoKey;
}

/**
 * The key of a session: HMAC-SHA-256, which costs a thousandth of the device's own. It signs requests that bear its access token, and neither
 * logins nor what moves money.
 */
export interface SessionKey {
  /** The key's id: that of the session. */
  readonly id: string;
  readonly accessToken: string;
  /** It cannot be exported, and is not meant to be stored: every login and every renewal brings another. */
  readonly secret: CryptoKey;
}

/** A request as the signer sees it. */
export interface SignableRequest {
  readonly method: string;
  readonly url: string;
  /** The signer sets Content-Digest, Signature-Input and Signature here. */
  readonly headers: Headers;
  /** The content as it will be sent. Undefined for GET; empty for a POST without content. */
  readonly body?: Uint8Array | undefined;
}

/** The parameters of a signature (RFC 9421 section 2.3). Times are unix seconds. */
export interface SignatureParameters {
  readonly created: number;
  readonly expires: number;
  /** At least 128 random bits in base64url; never used twice. */
  readonly nonce: string;
  readonly keyId: string;
}

/** Makes a new device key. Extractable keys are for tools and tests; a phone's key never leaves it. */
export async function generateDeviceKey(extractable = false): Promise<DeviceKey> {
  const pair = await crypto.subtle.generateKey(algorithm, extractable, ["sign", "verify"]);
  return deviceKey(pair.privateKey, await crypto.subtle.exportKey("jwk", pair.publicKey));
}

/** Reads a device key from a private JSON Web Key. */
export async function importDeviceKey(jwk: JsonWebKey): Promise<DeviceKey> {
  const { kty, crv, x, y, d } = jwk;
  const privateKey = await crypto.subtle.importKey("jwk", { kty, crv, x, y, d } as JsonWebKey, algorithm, false, ["sign"]);
  return deviceKey(privateKey, jwk);
}

/** Takes a session's key out of the answer that carried it together with the access token. */
export async function importSessionKey(id: string, secret: Uint8Array, accessToken: string): Promise<SessionKey> {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return { id, accessToken, secret: key };
}

async function deviceKey(privateKey: CryptoKey, jwk: JsonWebKey): Promise<DeviceKey> {
  if (jwk.kty !== "EC" || jwk.crv !== "P-256" || jwk.x === undefined || jwk.y === undefined) {
    throw new TypeError("a device key is a P-256 key");
  }
  const publicJwk: PublicJwk = { kty: "EC", crv: "P-256", x: jwk.x, y: jwk.y };
  return { id: await thumbprint(publicJwk), publicJwk, privateKey };
}

/** The JWK thumbprint (RFC 7638): SHA-256 over the required members in alphabetical order, in base64url. */
export async function thumbprint(jwk: PublicJwk): Promise<string> {
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y });
  return base64url(await sha256(new TextEncoder().encode(members)));
}

/** The value of the header Lendgate-Device-Key, by which an enrolling request presents its key. */
export function deviceKeyHeader(key: DeviceKey): string {
  const { kty, crv, x, y } = key.publicJwk;
  return base64url(new TextEncoder().encode(JSON.stringify({ kty, crv, x, y })));
}

/** The value of Content-Digest (RFC 9530) for a content. */
export async function contentDigest(body: Uint8Array): Promise<string> {
  return `sha-256=:${base64(await sha256(body))}:`;
}

/** The signature base (RFC 9421 section 2.5) and the signature's own input, for a request whose headers are complete. */
export function signatureBase(request: Omit<SignableRequest, "body">, parameters: SignatureParameters): { base: string; input: string } {
  const url = new URL(request.url); // Lower-cases the host and drops the default port, as @authority wants.
  const components: [name: string, value: string][] = [
    ["@method", request.method.toUpperCase()],
    ["@authority", url.host],
    ["@path", url.pathname],
    ["@query", url.search === "" ? "?" : url.search],
  ];
  for (const name of signedFields) {
    const value = request.headers.get(name);
    if (value !== null) {
      components.push([name, value.trim()]);
    }
  }
  const input =
    `(${components.map(([name]) => `"${name}"`).join(" ")})` +
    `;created=${parameters.created};expires=${parameters.expires}` +
    `;nonce="${parameters.nonce}";keyid="${parameters.keyId}";tag="${profileTag}"`;
  const lines = components.map(([name, value]) => `"${name}": ${value}`);
  return { base: [...lines, `"@signature-params": ${input}`].join("\n"), input };
}

/**
 * Signs a request: sets Content-Digest when there is content, Signature-Input and Signature.
 *
 * @param now the server's time in milliseconds, as well as this device knows it.
 * @param parameters replaces what is drawn and counted here; for test vectors.
 */
export async function signRequest(
  key: DeviceKey | SessionKey,
  request: SignableRequest,
  now: number,
  parameters: SignatureParameters = freshParameters(key, now),
): Promise<void> {
  if (request.body !== undefined) {
    request.headers.set("Content-Digest", await contentDigest(request.body));
  }
  const { base, input } = signatureBase(request, parameters);
  const bytes = new TextEncoder().encode(base);
  const signature = await ("secret" in key ? crypto.subtle.sign("HMAC", key.secret, bytes) : crypto.subtle.sign(algorithm, key.privateKey, bytes));
  request.headers.set("Signature-Input", `lendgate=${input}`);
  request.headers.set("Signature", `lendgate=:${base64(new Uint8Array(signature))}:`);
}

function freshParameters(key: DeviceKey | SessionKey, now: number): SignatureParameters {
  const created = Math.floor(now / 1000);
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(18)));
  return { created, expires: created + lifetimeSeconds, nonce, keyId: key.id };
}

/** SHA-256 of bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
}

/** The bytes that a base64 text stands for. */
export function base64Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)); // A few dozen bytes: hashes, signatures, keys.
}

function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
