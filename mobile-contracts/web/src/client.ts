/** One typed client per service of lendgate.mobile.v1, over a transport that does what every request of an app needs. */
import { type DescMessage, type DescMethod, getOption, type Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Interceptor, type Transport, type UnaryRequest, type UnaryResponse } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { AppService } from "../gen/lendgate/mobile/v1/app_service_pb.js";
import { ApplyService } from "../gen/lendgate/mobile/v1/apply_service_pb.js";
import { AuthService } from "../gen/lendgate/mobile/v1/auth_service_pb.js";
import { HomeService } from "../gen/lendgate/mobile/v1/home_service_pb.js";
import { LoanService } from "../gen/lendgate/mobile/v1/loan_service_pb.js";
import { PayService } from "../gen/lendgate/mobile/v1/pay_service_pb.js";
import { ProfileService } from "../gen/lendgate/mobile/v1/profile_service_pb.js";
import { ErrorReason } from "../gen/lendgate/type/v1/error_pb.js";
import { Permission, permission, SignatureClass, signature } from "../gen/lendgate/type/v1/option_pb.js";
import { type ServerKeys, serverKeys, signedAnswer } from "./answer.js";
import { LendgateError } from "./errors.js";
import { keepTokens, memoryTokens, refresher, type SessionKeyHolder, type TokenStore } from "./session.js";
import { type DeviceKey, deviceKeyHeader, signRequest } from "./signer.js";

/** What a client is made of. */
export interface LendgateOptions {
  /** The edge's address, such as "https://api.lender.example". */
  readonly baseUrl: string;
  /** The lender's code. Without it the installation's first lender is meant. */
  readonly tenant?: string | undefined;
  /** The key of this installation; see generateDeviceKey. */
  readonly keyPair: DeviceKey;
  /** The lender's own Ed25519 keys, by which it signs answers of calls that move money. Default: those that the server publishes. */
  readonly serverKeys?: readonly JsonWebKey[] | undefined;
  /** Where the session's tokens are kept. Default: in memory. */
  readonly tokens?: TokenStore | undefined;
  /** BCP 47 language of texts, or a function for apps that change it at run time. Default: the lender's first. */
  readonly locale?: string | (() => string) | undefined;
  /** Which app calls; the lender may refuse versions that are too old. */
  readonly app?: { readonly version: string; readonly platform: "ios" | "android" | "web" } | undefined;
  /** Speak binary Protobuf instead of JSON: smaller answers, less to read in a browser's network tab. Default false. */
  readonly binary?: boolean | undefined;
  /** How long a call may take, in milliseconds. Default 20 000. */
  readonly timeoutMs?: number | undefined;
  /** Replaces the platform's fetch, for tests and for proxies. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Replaces the clock, for tests: milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** The clients of the app API. */
export interface LendgateClient {
  readonly app: Client<typeof AppService>;
  readonly auth: Client<typeof AuthService>;
  readonly home: Client<typeof HomeService>;
  readonly profile: Client<typeof ProfileService>;
  readonly apply: Client<typeof ApplyService>;
  readonly loan: Client<typeof LoanService>;
  readonly pay: Client<typeof PayService>;
  /** The transport beneath, for connect-query and for clients of your own. */
  readonly transport: Transport;
  readonly tokens: TokenStore;
  readonly baseUrl: string;
}

const defaultTimeoutMs = 20_000;

/**
 * Makes the clients of an app.
 *
 * Reads go by GET, so that caches and ETags work. Every request is signed: after a login by the session's key, which costs next to nothing,
 * and what moves money always by the device's. An answer to what moves money is believed only when the server has signed it. A mutation without a requestId gets one, and its Idempotency-Key;
 * pass your own to make a repeat the same request. A clock that is wrong is corrected by the server's time and the call repeated once. A
 * session that has ended is renewed and the call repeated once. Errors are LendgateError.
 */
export function createLendgateClient(options: LendgateOptions): LendgateClient {
  const tokens = options.tokens ?? memoryTokens();
  const clock = new ServerClock(options.now ?? Date.now);
  const fetch = options.fetch ?? globalThis.fetch;
  const holder: SessionKeyHolder = {};
  const transport = createConnectTransport({
    baseUrl: options.baseUrl,
    useHttpGet: true,
    useBinaryFormat: options.binary ?? false,
    defaultTimeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    fetch: signingFetch(options.keyPair, holder, serverKeys(options.baseUrl, fetch, options.serverKeys), clock, fetch),
    interceptors: [(next) => call(next, options, tokens, holder, clock, renew)],
  });
  const auth = createClient(AuthService, transport);
  const renew = refresher(tokens, (request) => auth.refreshSession(request));
  return {
    app: createClient(AppService, transport),
    auth,
    home: createClient(HomeService, transport),
    profile: createClient(ProfileService, transport),
    apply: createClient(ApplyService, transport),
    loan: createClient(LoanService, transport),
    pay: createClient(PayService, transport),
    transport,
    tokens,
    baseUrl: options.baseUrl,
  };
}

/** The server's clock, as well as this device knows it. */
class ServerClock {
  private offsetMs = 0;

  constructor(private readonly local: () => number) {}

  now(): number {
    return this.local() + this.offsetMs;
  }

  /** Learns from an error that tells the server's time. False when it tells none. */
  learn(error: LendgateError): boolean {
    const serverTime = Date.parse(error.facts["server_time"] ?? error.metadata.get("Date") ?? "");
    if (Number.isNaN(serverTime)) {
      return false;
    }
    this.offsetMs = serverTime - this.local();
    return true;
  }
}

/** The steps of one call, repeats included. */
function call(
  next: Parameters<Interceptor>[0],
  options: LendgateOptions,
  tokens: TokenStore,
  holder: SessionKeyHolder,
  clock: ServerClock,
  renew: (ended: string) => Promise<boolean>,
): ReturnType<Interceptor> {
  return async (request) => {
    if (request.stream) {
      return next(request);
    }
    describe(request, options);
    let [clockCorrected, sessionRenewed] = [false, false];
    for (;;) {
      const accessToken = authorize(request, tokens);
      try {
        const answer = (await next(request)) as UnaryResponse;
        await keepTokens(tokens, holder, answer.message);
        return answer;
      } catch (thrown) {
        const error = LendgateError.from(thrown);
        if (error.reason === ErrorReason.CLOCK_SKEW && !clockCorrected && clock.learn(error)) {
          clockCorrected = true;
        } else if (error.reason === ErrorReason.SESSION_EXPIRED && !sessionRenewed && accessToken !== "" && (await renew(accessToken))) {
          sessionRenewed = true;
        } else if (error.reason === ErrorReason.SIGNATURE_INVALID && accessToken !== "" && holder.current?.accessToken === accessToken) {
          holder.current = undefined; // The server has other keys by now: the device's own still holds.
        } else {
          throw error;
        }
      }
    }
  };
}

/** Adds what the edge wants to know of every request. */
function describe(request: UnaryRequest, options: LendgateOptions): void {
  const { header, method, message } = request;
  const locale = typeof options.locale === "function" ? options.locale() : options.locale;
  setUnlessEmpty(header, "Lendgate-Tenant", options.tenant);
  setUnlessEmpty(header, "Accept-Language", locale);
  setUnlessEmpty(header, "X-App-Version", options.app?.version);
  setUnlessEmpty(header, "X-App-Platform", options.app?.platform);
  if (getOption(method, signature) === SignatureClass.ENROL) {
    header.set("Lendgate-Device-Key", deviceKeyHeader(options.keyPair));
  }
  if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) {
    setUnlessEmpty(header, "Idempotency-Key", requestIdOf(method.input, message));
  }
}

function setUnlessEmpty(header: Headers, name: string, value: string | undefined): void {
  if (value !== undefined && value !== "") {
    header.set(name, value);
  }
}

/** Reads the request_id of a mutation, and draws one when the caller gave none. */
function requestIdOf(desc: DescMessage, message: Message): string {
  if (desc.field["requestId"]?.scalar === undefined) {
    return "";
  }
  const mutation = message as Message & { requestId: string };
  mutation.requestId ||= crypto.randomUUID();
  return mutation.requestId;
}

/** Adds the session, except to RPCs that need none: an ended token would make them fail. Answers with the token that was used. */
function authorize(request: UnaryRequest, tokens: TokenStore): string {
  request.header.delete("Authorization");
  const accessToken = tokens.read()?.accessToken ?? "";
  if (accessToken === "" || getOption(request.method, permission) === Permission.OPEN) {
    return "";
  }
  request.header.set("Authorization", `Bearer ${accessToken}`);
  return accessToken;
}

/** A fetch that signs: last of all, over the bytes that are sent. */
function signingFetch(
  device: DeviceKey,
  holder: SessionKeyHolder,
  keys: ServerKeys,
  clock: ServerClock,
  fetch: typeof globalThis.fetch,
): typeof globalThis.fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const method = init?.method ?? "GET";
    const headers = new Headers(init?.headers);
    const body = method === "GET" ? undefined : await bytesOf(init?.body);
    const signer = signers.get(new URL(url).pathname) ?? "device";
    if (signer !== "nobody") {
      const session = holder.current;
      const bySession = signer === "session" && session !== undefined && headers.get("Authorization") === `Bearer ${session.accessToken}`;
      await signRequest(bySession ? session : device, { method, url, headers, body }, clock.now());
    }
    const response = await fetch(url, { ...init, headers, body: body ?? null });
    return signer === "money" ? signedAnswer(keys, { method, url, headers }, response) : response;
  };
}

/**
 * Who signs a request: nobody what is the same for everybody, since the device may not be enrolled yet; the session's key what its person does
 * every day; the device's key the rest, and what moves money, whose answers are signed in their turn.
 */
type RequestSigner = "nobody" | "session" | "device" | "money";

function signerOf(method: DescMethod): RequestSigner {
  switch (getOption(method, signature)) {
    case SignatureClass.NONE:
      return "nobody";
    case SignatureClass.MONEY:
      return "money";
    case SignatureClass.DEVICE:
      return getOption(method, permission) === Permission.OPEN ? "device" : "session";
    default:
      return "device";
  }
}

/** Who signs, by the path of the RPC. */
const signers: ReadonlyMap<string, RequestSigner> = new Map(
  [AppService, AuthService, HomeService, ProfileService, ApplyService, LoanService, PayService]
    .flatMap((service) => service.methods)
    .map((method) => [`/${method.parent.typeName}/${method.name}`, signerOf(method)]),
);

async function bytesOf(body: BodyInit | null | undefined): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(body ?? null).arrayBuffer());
}
