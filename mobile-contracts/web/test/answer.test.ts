import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { answerBase, isSignedAnswer, serverKeys } from "../src/answer.js";

/** The part of vectors/signing.json that checks of answers can be held against. */
interface Vectors {
  keys: Record<string, { alg: string; jwk?: JsonWebKey }>;
  vectors: {
    name: string;
    input: {
      policy: string;
      request: { method: string; scheme: string; authority: string; target: string; headers: [string, string][] };
      response?: { status: number; headers: [string, string][]; body: string };
    };
    expect?: { base: string; headers: [string, string][] };
    error?: string;
  }[];
}

const file = new URL("../../../vectors/signing.json", import.meta.url);
const { keys, vectors } = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const jwk = keys["demo-server"]?.jwk;
assert.ok(jwk);
const { kty, crv, x } = jwk;
const server = await crypto.subtle.importKey("jwk", { kty, crv, x } as JsonWebKey, "Ed25519", true, ["verify"]);
const known = async (keyId: string): Promise<CryptoKey | undefined> => (keyId === "demo-server" ? server : undefined);

const answers = vectors.filter(({ input }) => input.policy === "response");

test("the vectors hold answers, taken and refused", () => {
  assert.ok(answers.filter(({ expect }) => expect).length >= 1);
  assert.ok(answers.filter(({ error }) => error).length >= 5);
});

for (const { name, input, expect, error } of answers) {
  test(`${error === undefined ? "takes" : "refuses"} as the vector: ${name}`, async () => {
    const { request, response } = input;
    assert.ok(response);
    const sent = { method: request.method, url: `${request.scheme}://${request.authority}${request.target}`, headers: new Headers(request.headers) };
    const headers = new Headers([...response.headers, ...(expect?.headers ?? [])]);
    const answer = { status: response.status, headers, body: new TextEncoder().encode(response.body) };
    assert.equal(await isSignedAnswer(known, sent, answer), error === undefined);
    if (expect !== undefined) {
      const parameters = (headers.get("Signature-Input") ?? "").replace("lendgate=", "");
      assert.equal(answerBase(sent, answer, parameters), expect.base);
    }
  });
}

test("another's signature beside ours changes nothing, and a key that nobody knows is refused", async () => {
  const vector = answers.find(({ expect }) => expect);
  assert.ok(vector?.expect && vector.input.response);
  const { request, response } = vector.input;
  const sent = { method: request.method, url: `${request.scheme}://${request.authority}${request.target}`, headers: new Headers(request.headers) };
  const headers = new Headers(vector.expect.headers);
  headers.set("Signature-Input", `proxy=("@status");created=1, ${headers.get("Signature-Input")}`);
  headers.set("Signature", `proxy=:AAAA:, ${headers.get("Signature")}`);
  const answer = { status: response.status, headers, body: new TextEncoder().encode(response.body) };
  assert.equal(await isSignedAnswer(known, sent, answer), true);
  assert.equal(await isSignedAnswer(async () => undefined, sent, answer), false);
});

test("the server's keys are asked for once, by ids that follow from them", async () => {
  let asked = 0;
  const fetch = async (input: unknown): Promise<Response> => {
    asked++;
    assert.equal(String(input), "https://api.lender.example/.well-known/jwks.json");
    return Response.json({ keys: [{ kty: "EC" }, { ...jwk, d: undefined, kid: "somebody-else" }] });
  };
  const find = serverKeys("https://api.lender.example/", fetch);
  const id = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(JSON.stringify({ crv, kty, x })))).toString("base64url");
  assert.ok(await find(id));
  assert.ok(await find(id));
  assert.equal(asked, 1);
  assert.equal(await find("somebody-else"), undefined);
  assert.equal(asked, 2);
  assert.ok(await serverKeys("https://api.lender.example/", () => assert.fail("asked"), [{ kty, crv, x } as JsonWebKey])(id));
});
