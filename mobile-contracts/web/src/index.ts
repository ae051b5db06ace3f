/** lendgate for TypeScript apps: see README.md for the ten-minute path. */
export { createLendgateClient, type LendgateClient, type LendgateOptions } from "./client.js";
export { type FieldViolation, LendgateError, type ReasonName } from "./errors.js";
export { connectRealtime, type Realtime, type RealtimeOptions } from "./realtime.js";
export { type Section, type SectionView, sectionView } from "./section.js";
export { memoryTokens, type Tokens, type TokenStore } from "./session.js";
export { type DeviceKey, generateDeviceKey, importDeviceKey, type PublicJwk, sha256, thumbprint } from "./signer.js";
export { ErrorReason } from "../gen/lendgate/type/v1/error_pb.js";
