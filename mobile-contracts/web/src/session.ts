/** The session of the person who is logged in: where its tokens are kept and how they are renewed. */
import { isMessage, type Message } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";

import { ConfirmLoginResponseSchema, LogOutResponseSchema, RefreshSessionResponseSchema } from "../gen/lendgate/mobile/v1/auth_service_pb.js";
import { ErrorReason } from "../gen/lendgate/type/v1/error_pb.js";
import { LendgateError } from "./errors.js";
import { importSessionKey, type SessionKey, sha256 } from "./signer.js";

/** The credentials of a session. Keep them where the platform keeps secrets. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token ends. Undefined when the server did not tell. */
  readonly expireTime?: Date | undefined;
}

/** Where the SDK keeps the tokens. An app implements it over its keychain; memoryTokens is enough for a page and for tests. */
export interface TokenStore {
  read(): Tokens | undefined;
  /** Undefined means that the session has ended. */
  write(tokens: Tokens | undefined): void;
}

/** A store that forgets with the process. */
export function memoryTokens(initial?: Tokens): TokenStore {
  let tokens = initial;
  return {
    read: () => tokens,
    write: (next) => {
      tokens = next;
    },
  };
}

/** The key of the session, in memory. A page that is loaded again signs by the device's key until the next renewal. */
export interface SessionKeyHolder {
  current?: SessionKey | undefined;
}

/** Takes the tokens and the session's key out of the answers that carry them, so that an app need not. */
export async function keepTokens(store: TokenStore, holder: SessionKeyHolder, answer: Message): Promise<void> {
  if (isMessage(answer, LogOutResponseSchema)) {
    holder.current = undefined;
    store.write(undefined);
    return;
  }
  if (!isMessage(answer, ConfirmLoginResponseSchema) && !isMessage(answer, RefreshSessionResponseSchema)) {
    return;
  }
  const { tokens, sessionKey } = answer;
  if (tokens !== undefined) {
    holder.current = sessionKey && (await importSessionKey(sessionKey.keyId, sessionKey.secret, tokens.accessToken));
    const expireTime = tokens.accessExpireTime && timestampDate(tokens.accessExpireTime);
    store.write({ accessToken: tokens.accessToken, refreshToken: tokens.refreshToken, expireTime });
  }
}

/** Asks the server for a new pair. */
export type Refresh = (request: { requestId: string; refreshToken: string }) => Promise<unknown>;

/**
 * Makes the function that renews an access token that has ended. Calls that fail together renew once. It answers whether there is a new
 * token. The request's id comes from the refresh token, so a repeat after a lost answer is the same request and not the reuse of an old token,
 * which would end the session.
 */
export function refresher(store: TokenStore, refresh: Refresh): (ended: string) => Promise<boolean> {
  let underWay: Promise<boolean> | undefined;
  const renew = async (refreshToken: string): Promise<boolean> => {
    try {
      await refresh({ requestId: await requestIdOf(refreshToken), refreshToken });
      return true;
    } catch (thrown) {
      const error = LendgateError.from(thrown);
      if (error.reason === ErrorReason.REFRESH_TOKEN_INVALID || error.reason === ErrorReason.REFRESH_TOKEN_REUSED) {
        store.write(undefined);
        return false;
      }
      throw error;
    }
  };
  return async (ended) => {
    const tokens = store.read();
    if (tokens === undefined) {
      return false;
    }
    if (tokens.accessToken !== ended) {
      return true; // Renewed by another call meanwhile.
    }
    underWay ??= renew(tokens.refreshToken).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

/** A UUID made of a token's hash (RFC 9562 version 8). */
async function requestIdOf(token: string): Promise<string> {
  const bytes = (await sha256(new TextEncoder().encode(token))).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
