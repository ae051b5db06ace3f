/** Errors as apps want them: a stable reason to switch over, words to show, and when to come back. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { ErrorReason, ErrorReasonSchema } from "../gen/lendgate/type/v1/error_pb.js";

/** The name of a reason as it goes over the wire, such as "LOAN_NOT_FOUND". */
export type ReasonName = keyof typeof ErrorReason;

/** A field that breaks a rule of the contract. */
export interface FieldViolation {
  /** Path of the field, such as "profile.tax_id". */
  readonly field: string;
  /** Why, in English for developers. */
  readonly description: string;
}

/** The domain of lendgate's own reasons in google.rpc.ErrorInfo. */
const domain = "lendgate";

/**
 * LendgateError is what every call throws. It is a ConnectError, so `code` and `rawMessage` (English, for developers) are there too.
 */
export class LendgateError extends ConnectError {
  /** The stable cause. UNSPECIFIED when the answer did not come from lendgate: no network, a proxy, an abort. */
  readonly reason: ErrorReason;
  /** The cause as text; also of reasons that are newer than this SDK. Empty when unspecified. */
  readonly reasonName: string;
  /** What to show to the person, in the language of the call. Empty when the server gave none. */
  readonly localizedMessage: string;
  /** Facts that belong to the reason, such as attempts_left. */
  readonly facts: Readonly<Record<string, string>>;
  /** The fields that broke a rule, when the reason is INVALID_REQUEST or alike. */
  readonly fieldViolations: readonly FieldViolation[];
  /** How long to wait before a repeat, in milliseconds. Undefined when a repeat does not help by itself. */
  readonly retryAfterMs: number | undefined;
  /** The id of the request at the server: show it on error screens, support searches by it. */
  readonly requestId: string;

  private constructor(error: ConnectError) {
    super(error.rawMessage, error.code, error.metadata, undefined, error.cause);
    this.details = error.details;
    const info = error.findDetails(ErrorInfoSchema).find((detail) => detail.domain === domain);
    this.reasonName = info?.reason ?? "";
    this.reason = ErrorReasonSchema.values.find((value) => value.name === `ERROR_REASON_${this.reasonName}`)?.number ?? ErrorReason.UNSPECIFIED;
    this.facts = info?.metadata ?? {};
    this.localizedMessage = error.findDetails(LocalizedMessageSchema)[0]?.message ?? "";
    this.fieldViolations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
    this.retryAfterMs = retryAfter(error);
    this.requestId = error.metadata.get("X-Request-Id") ?? "";
  }

  /** Makes a LendgateError of whatever was thrown. */
  static override from(thrown: unknown): LendgateError {
    return thrown instanceof LendgateError ? thrown : new LendgateError(ConnectError.from(thrown));
  }

  /** Replaces ConnectError's own check, which goes by the name of the class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.prototype.isPrototypeOf.call(LendgateError.prototype, Object(value));
  }

  /** True when the same request may be sent again later: nothing was refused for good. Mutations are repeated with the same requestId. */
  get retryable(): boolean {
    return this.code === Code.Unavailable || this.code === Code.Aborted || this.code === Code.DeadlineExceeded || this.retryAfterMs !== undefined;
  }
}

/** Reads RetryInfo, else Retry-After in seconds. */
function retryAfter(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay !== undefined) {
    return durationMs(delay);
  }
  const seconds = Number(error.metadata.get("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
