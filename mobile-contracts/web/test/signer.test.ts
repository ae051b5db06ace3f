import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { contentDigest, deviceKeyHeader, generateDeviceKey, importDeviceKey, importSessionKey, signatureBase, signRequest, thumbprint } from "../src/signer.js";

/** The part of vectors/signing.json that an app's signer can be held against. */
interface Vectors {
  keys: Record<string, { alg: string; jwk?: JsonWebKey & { kid: string }; secret_b64?: string }>;
  vectors: {
    name: string;
    input: {
      policy: string;
      key?: string;
      params?: { created: number; expires: number; nonce: string; keyid: string };
      request: { method: string; scheme: string; authority: string; target: string; headers: [string, string][]; body: string };
    };
    expect?: { base: string; headers: [string, string][] };
  }[];
}

const file = new URL("../../../vectors/signing.json", import.meta.url);
const { keys, vectors } = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** All vectors that a P-256 key signs requests in. */
const signed = vectors.filter(
  ({ input, expect }) => expect !== undefined && input.policy !== "response" && keys[input.key ?? ""]?.alg === "ecdsa-p256-sha256",
);

test("the vectors hold P-256 requests of every kind", () => {
  assert.ok(signed.length >= 6, `only ${signed.length}`);
  assert.ok(signed.some(({ input }) => input.policy === "money"));
});

for (const { name, input, expect } of signed) {
  test(`signs as the vector: ${name}`, async () => {
    const jwk = keys[input.key ?? ""]?.jwk;
    assert.ok(jwk && input.params && expect);
    const expected = new Map(expect.headers);
    const headers = new Headers(input.request.headers);
    const body = input.request.method === "GET" ? undefined : new TextEncoder().encode(input.request.body);
    const url = `${input.request.scheme}://${input.request.authority}${input.request.target}`;
    const request = { method: input.request.method, url, headers, body };
    const parameters = { ...input.params, keyId: input.params.keyid };
    await signRequest(await importDeviceKey(jwk), request, input.params.created * 1000, parameters);

    assert.equal(headers.get("Content-Digest"), expected.get("Content-Digest") ?? null);
    assert.equal(signatureBase(request, parameters).base, expect.base);
    assert.equal(headers.get("Signature-Input"), expected.get("Signature-Input"));

    // ECDSA is not deterministic: both the server's signature and ours must verify over the same base.
    const publicKey = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x: jwk.x, y: jwk.y } as JsonWebKey, p256, false, ["verify"]);
    for (const value of [expected.get("Signature"), headers.get("Signature")]) {
      const signature = Buffer.from(/^lendgate=:(.+):$/.exec(value ?? "")?.[1] ?? "", "base64");
      assert.equal(await crypto.subtle.verify(p256, publicKey, signature, new TextEncoder().encode(expect.base)), true);
      assert.equal(await crypto.subtle.verify(p256, publicKey, signature, new TextEncoder().encode(`${expect.base} `)), false);
    }
  });
}

for (const { name, input, expect } of vectors) {
  const secret = keys[input.key ?? ""]?.secret_b64;
  if (expect === undefined || secret === undefined || input.params === undefined) {
    continue;
  }
  const parameters = { ...input.params, keyId: input.params.keyid };
  test(`signs by a session's key as the vector: ${name}`, async () => {
    const headers = new Headers(input.request.headers);
    const body = input.request.method === "GET" ? undefined : new TextEncoder().encode(input.request.body);
    const url = `${input.request.scheme}://${input.request.authority}${input.request.target}`;
    const key = await importSessionKey(parameters.keyId, Buffer.from(secret, "base64"), "demo-session");
    await signRequest(key, { method: input.request.method, url, headers, body }, 0, parameters);
    for (const [field, value] of expect.headers) {
      assert.equal(headers.get(field), value);
    }
    await assert.rejects(crypto.subtle.exportKey("raw", key.secret));
  });
}

test("draws a fresh nonce and times within the server's bounds", async () => {
  const key = await generateDeviceKey();
  const inputs = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const headers = new Headers();
    await signRequest(key, { method: "GET", url: "https://api.lender.example/x", headers }, 1_790_000_000_999);
    inputs.add(headers.get("Signature-Input") ?? "");
  }
  assert.equal(inputs.size, 3);
  for (const input of inputs) {
    const [, created, expires, nonce] = /created=(\d+);expires=(\d+);nonce="([A-Za-z0-9_-]+)"/.exec(input) ?? [];
    assert.equal(created, "1790000000");
    assert.equal(expires, "1790000060");
    assert.ok((nonce ?? "").length * 6 >= 128, "the nonce is too short");
  }
});

test("a thumbprint is that of RFC 7638 for P-256 members", async () => {
  // Computed over {"crv":"P-256","kty":"EC","x":…,"y":…}: the order of members in the given key does not matter.
  const { x, y } = keys["demo-device"]?.jwk ?? {};
  assert.ok(x && y);
  const wanted = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`))).toString("base64url");
  assert.equal(await thumbprint({ y, x, crv: "P-256", kty: "EC" }), wanted);
});

test("a key that is not to be exported cannot be", async () => {
  const key = await generateDeviceKey();
  await assert.rejects(crypto.subtle.exportKey("jwk", key.privateKey));
  assert.deepEqual(JSON.parse(Buffer.from(deviceKeyHeader(key), "base64url").toString()), key.publicJwk);
});

test("the digest of nothing is that of RFC 9530", async () => {
  assert.equal(await contentDigest(new Uint8Array()), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
});
