import assert from "node:assert/strict";
import test from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { answerBase } from "../src/answer.js";
import { createLendgateClient, ErrorReason, generateDeviceKey, LendgateError, type LendgateOptions, memoryTokens, sha256 } from "../src/index.js";
import { contentDigest } from "../src/signer.js";

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/** A server of prepared answers: the calls are kept, each is answered by the next one. */
function prepared(...answers: Response[]): { seen: Seen[]; fetch: typeof globalThis.fetch } {
  const seen: Seen[] = [];
  return {
    seen,
    fetch: async (input, init) => {
      const body = await new Response(init?.body ?? null).text();
      seen.push({ method: init?.method ?? "GET", url: new URL(String(input)), headers: new Headers(init?.headers), body });
      return answers[seen.length - 1] ?? new Response("{}", { status: 500, headers: { "Content-Type": "application/json" } });
    },
  };
}

function ok(body: object): Response {
  return Response.json(body);
}

/** An error as the edge writes it. */
function refusal(status: number, code: string, reason: string, metadata: Record<string, string> = {}, headers: Record<string, string> = {}): Response {
  const detail = (type: string, bytes: Uint8Array) => ({ type, value: Buffer.from(bytes).toString("base64").replaceAll("=", "") });
  const details = [
    detail("google.rpc.ErrorInfo", toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: "lendgate", metadata }))),
    detail("google.rpc.LocalizedMessage", toBinary(LocalizedMessageSchema, create(LocalizedMessageSchema, { locale: "uk", message: "Слова для людей." }))),
    detail("google.rpc.RetryInfo", toBinary(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(1500) }))),
    detail("google.rpc.BadRequest", toBinary(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [{ field: "loan_id", description: "too short" }] }))),
  ];
  return Response.json({ code, message: "for developers", details }, { status, headers: { "X-Request-Id": "req_demo", ...headers } });
}

async function client(fetch: typeof globalThis.fetch, more: Partial<LendgateOptions> = {}) {
  return createLendgateClient({ baseUrl: "https://api.lender.example", tenant: "demo", keyPair: await generateDeviceKey(), locale: "uk", fetch, ...more });
}

const session = () => memoryTokens({ accessToken: "old-access", refreshToken: "old-refresh" });

test("reads go by GET, signed, with the session and the lender", async () => {
  const server = prepared(ok({ greeting: { givenName: "Demo" } }));
  const lendgate = await client(server.fetch, { tokens: session(), app: { version: "2.4.0", platform: "web" } });
  assert.equal((await lendgate.home.getHome({})).greeting?.givenName, "Demo");
  const [request] = server.seen;
  assert.ok(request);
  assert.equal(request.method, "GET");
  assert.equal(request.url.pathname, "/lendgate.mobile.v1.HomeService/GetHome");
  assert.equal(request.headers.get("Lendgate-Tenant"), "demo");
  assert.equal(request.headers.get("Accept-Language"), "uk");
  assert.equal(request.headers.get("X-App-Version"), "2.4.0");
  assert.equal(request.headers.get("Authorization"), "Bearer old-access");
  assert.match(request.headers.get("Signature-Input") ?? "", /^lendgate=\("@method" "@authority" "@path" "@query" "authorization"\);/);
  assert.equal(request.headers.get("Idempotency-Key"), null);
});

test("the configuration is asked for without a signature", async () => {
  const server = prepared(ok({ tenantId: "demo" }));
  await (await client(server.fetch)).app.getAppConfig({});
  assert.equal(server.seen[0]?.headers.get("Signature"), null);
});

test("a mutation gets a request_id, and the same as its Idempotency-Key", async () => {
  const server = prepared(ok({}), ok({}));
  const lendgate = await client(server.fetch, { tokens: session() });
  await lendgate.apply.registerCard({});
  await lendgate.apply.registerCard({ requestId: "0195a3a0-0000-7000-8000-000000000001" });
  const [drawn, given] = server.seen;
  assert.ok(drawn && given);
  assert.equal(drawn.method, "POST");
  assert.match(drawn.headers.get("Idempotency-Key") ?? "", /^[0-9a-f-]{36}$/);
  assert.equal((JSON.parse(drawn.body) as { requestId: string }).requestId, drawn.headers.get("Idempotency-Key"));
  assert.equal(given.headers.get("Idempotency-Key"), "0195a3a0-0000-7000-8000-000000000001");
  assert.match(given.headers.get("Signature-Input") ?? "", /"content-digest" "content-type" "authorization" "idempotency-key"\)/);
});

test("enrolling presents the key and sends no session", async () => {
  const server = prepared(ok({}));
  const lendgate = await client(server.fetch, { tokens: session() });
  await lendgate.auth.enrollDevice({});
  assert.notEqual(server.seen[0]?.headers.get("Lendgate-Device-Key"), null);
  assert.equal(server.seen[0]?.headers.get("Authorization"), null);
});

test("a wrong clock is corrected by the server's and the call repeated once", async () => {
  const skew = () => refusal(401, "unauthenticated", "CLOCK_SKEW", { server_time: "2026-03-01T12:00:00Z" });
  const server = prepared(skew(), ok({}), skew(), skew());
  const lendgate = await client(server.fetch, { tokens: session(), now: () => 0 });
  await lendgate.apply.registerCard({});
  const created = server.seen.map(({ headers }) => /created=(\d+)/.exec(headers.get("Signature-Input") ?? "")?.[1]);
  assert.deepEqual(created, ["0", String(Date.UTC(2026, 2, 1, 12) / 1000)]);
  assert.equal(server.seen[0]?.headers.get("Idempotency-Key"), server.seen[1]?.headers.get("Idempotency-Key"));
  await assert.rejects(lendgate.home.getHome({}), (error) => error instanceof LendgateError && error.reason === ErrorReason.CLOCK_SKEW);
  assert.equal(server.seen.length, 4);
});

test("an ended session is renewed once for all calls that failed by it", async () => {
  const ended = () => refusal(401, "unauthenticated", "SESSION_EXPIRED");
  const tokens = session();
  const server = prepared(ended(), ended(), ok({ tokens: { accessToken: "new-access", refreshToken: "new-refresh" } }), ok({}), ok({}));
  const lendgate = await client(server.fetch, { tokens });
  await Promise.all([lendgate.home.getHome({}), lendgate.profile.getProfile({})]);
  assert.deepEqual(tokens.read()?.accessToken, "new-access");
  const renewals = server.seen.filter(({ url }) => url.pathname.endsWith("/RefreshSession"));
  assert.equal(renewals.length, 1);
  assert.equal(renewals[0]?.headers.get("Authorization"), null);
  assert.equal(server.seen.filter(({ headers }) => headers.get("Authorization") === "Bearer new-access").length, 2);
});

test("the renewal of one token is one request, however often it is sent", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 2; i++) {
    const server = prepared(refusal(401, "unauthenticated", "SESSION_EXPIRED"), refusal(503, "unavailable", "UNAVAILABLE"));
    const lendgate = await client(server.fetch, { tokens: session() });
    await assert.rejects(lendgate.home.getHome({}), (error) => error instanceof LendgateError && error.reason === ErrorReason.UNAVAILABLE);
    ids.push(server.seen[1]?.headers.get("Idempotency-Key") ?? "");
    assert.equal(lendgate.tokens.read()?.refreshToken, "old-refresh");
  }
  assert.match(ids[0] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids[0], ids[1]);
});

test("a refused renewal ends the session", async () => {
  const server = prepared(refusal(401, "unauthenticated", "SESSION_EXPIRED"), refusal(401, "unauthenticated", "REFRESH_TOKEN_REUSED"));
  const lendgate = await client(server.fetch, { tokens: session() });
  await assert.rejects(lendgate.home.getHome({}), (error) => error instanceof LendgateError && error.reason === ErrorReason.SESSION_EXPIRED);
  assert.equal(lendgate.tokens.read(), undefined);
});

test("an error tells its reason, words, fields, hint and request", async () => {
  const server = prepared(refusal(404, "not_found", "LOAN_NOT_FOUND", { loan_id: "loan_x" }));
  const lendgate = await client(server.fetch, { tokens: session() });
  const error = await lendgate.loan.getLoan({ loanId: "loan_x" }).then(
    () => assert.fail("answered"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof LendgateError);
  assert.ok(error instanceof ConnectError);
  assert.equal(error.code, Code.NotFound);
  assert.equal(error.reason, ErrorReason.LOAN_NOT_FOUND);
  assert.equal(error.localizedMessage, "Слова для людей.");
  assert.equal(error.rawMessage, "for developers");
  assert.deepEqual(error.facts, { loan_id: "loan_x" });
  assert.equal(error.fieldViolations[0]?.field, "loan_id");
  assert.equal(error.retryAfterMs, 1500);
  assert.equal(error.requestId, "req_demo");
});

test("a reason newer than the SDK keeps its name", async () => {
  const server = prepared(refusal(400, "failed_precondition", "MOON_FULL"));
  const lendgate = await client(server.fetch, { tokens: session() });
  await assert.rejects(lendgate.home.getHome({}), (error) => error instanceof LendgateError && error.reason === ErrorReason.UNSPECIFIED && error.reasonName === "MOON_FULL");
});

test("no network is an error without a reason", async () => {
  const lendgate = await client(() => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(lendgate.app.getAppConfig({}), (error) => error instanceof LendgateError && error.reason === ErrorReason.UNSPECIFIED);
});

const sessionSecret = Buffer.alloc(32, 7);

/** The answer of a login, with the session's key. */
const loggedIn = (accessToken: string) =>
  ok({
    tokens: { accessToken, refreshToken: "refresh" },
    sessionKey: { keyId: "ses_00000000000000000000000001", secret: sessionSecret.toString("base64"), algorithm: "hmac-sha256" },
  });

const keyOf = ({ headers }: Seen): string | undefined => /keyid="([^"]+)"/.exec(headers.get("Signature-Input") ?? "")?.[1];

test("after a login the session's key signs what is done every day, and the device's key the rest", async () => {
  const server = prepared(loggedIn("new-access"), ok({}), ok({}), ok({}), loggedIn("newer-access"), ok({}));
  const lendgate = await client(server.fetch);
  await lendgate.auth.confirmLogin({});
  await lendgate.home.getHome({});
  await lendgate.apply.registerCard({});
  await assert.rejects(lendgate.pay.startPayment({}));
  await lendgate.auth.refreshSession({ refreshToken: "refresh" });
  await lendgate.home.getHome({});
  const session = "ses_00000000000000000000000001";
  const signers = server.seen.filter(({ url }) => !url.pathname.startsWith("/.well-known/")).map((seen) => (keyOf(seen) === session ? "session" : "device"));
  assert.deepEqual(signers, ["device", "session", "session", "device", "device", "session"]);
  const mac = Buffer.from(/=:(.+):/.exec(server.seen[1]?.headers.get("Signature") ?? "")?.[1] ?? "", "base64");
  assert.equal(mac.length, 32);
});

test("a session's key that the server no longer takes gives way to the device's", async () => {
  const server = prepared(loggedIn("new-access"), refusal(401, "unauthenticated", "SIGNATURE_INVALID"), ok({ greeting: { givenName: "Demo" } }));
  const lendgate = await client(server.fetch);
  await lendgate.auth.confirmLogin({});
  assert.equal((await lendgate.home.getHome({})).greeting?.givenName, "Demo");
  assert.notEqual(keyOf(server.seen[2] as Seen), keyOf(server.seen[1] as Seen));
});

test("the session's key goes with its token alone", async () => {
  const server = prepared(loggedIn("new-access"), ok({}), ok({}));
  const lendgate = await client(server.fetch);
  await lendgate.auth.confirmLogin({});
  lendgate.tokens.write({ accessToken: "of-another-tab", refreshToken: "refresh" });
  await lendgate.home.getHome({});
  assert.equal(keyOf(server.seen[1] as Seen), keyOf(server.seen[0] as Seen));
});

/** A server that signs its answers, each for the request that it is given for. */
async function signing(answerFor: (request: { url: string; headers: Headers }, number: number) => { url: string; headers: Headers }) {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const keyId = Buffer.from(await sha256(Buffer.from(JSON.stringify({ crv, kty, x })))).toString("base64url");
  let calls = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = { url: String(input), headers: new Headers(init?.headers) };
    if (request.url.endsWith("/.well-known/jwks.json")) {
      return Response.json({ keys: [{ kty, crv, x, kid: keyId }] });
    }
    const bound = answerFor(request, calls++);
    const body = Buffer.from(`{"payment":{"id":"pay_1"}}`);
    const headers = new Headers({ "Content-Type": "application/json", "Content-Digest": await contentDigest(body) });
    const parameters =
      '("@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req "signature";req)' +
      `;created=1;expires=2;keyid="${keyId}";tag="lendgate-1"`;
    const base = answerBase({ method: "POST", ...bound }, { status: 200, headers }, parameters);
    const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode(base));
    headers.set("Signature-Input", `lendgate=${parameters}`);
    headers.set("Signature", `lendgate=:${Buffer.from(signature).toString("base64")}:`);
    return new Response(body, { headers });
  };
  return fetch;
}

test("an answer to what moves money is believed when the server has signed it for this request", async () => {
  const lendgate = await client(await signing((request) => request), { tokens: session() });
  assert.ok(await lendgate.pay.startPayment({}));
});

test("the answer of one request is not taken for another (S23)", async () => {
  const seen: { url: string; headers: Headers }[] = [];
  const fetch = await signing((request) => {
    seen.push(request);
    return seen[0] as { url: string; headers: Headers };
  });
  const lendgate = await client(fetch, { tokens: session() });
  const requestId = "0195a3a0-0000-7000-8000-000000000001";
  await lendgate.pay.startPayment({ requestId });
  // Even for the very same call: the outcome counts as unknown, and the call may be repeated.
  await assert.rejects(
    lendgate.pay.startPayment({ requestId }),
    (error) => error instanceof LendgateError && error.reason === ErrorReason.UNSPECIFIED && error.code === Code.Unavailable && error.retryable,
  );
});
