/** What the pages take from the SDK. `npm run bundle` makes cabinet/sdk.js of it: browsers load that, and so building needs no Node. */
export {
  connectRealtime,
  createLendgateClient,
  ErrorReason,
  generateDeviceKey,
  LendgateError,
  sectionView,
  sha256,
} from "../mobile-contracts/web/src/index.js";
export type {
  DeviceKey,
  LendgateClient,
  Realtime,
  RealtimeOptions,
  Section,
  Tokens,
  TokenStore,
} from "../mobile-contracts/web/src/index.js";
export { ConsentPurpose, Employment, type Person } from "../mobile-contracts/web/gen/lendgate/identity/v1/person_pb.js";
export { Platform } from "../mobile-contracts/web/gen/lendgate/identity/v1/device_pb.js";
export { Agreement_State as AgreementState } from "../mobile-contracts/web/gen/lendgate/loans/v1/agreement_pb.js";
export { Transaction_Type as TransactionType } from "../mobile-contracts/web/gen/lendgate/loans/v1/loan_pb.js";
export { NextStep } from "../mobile-contracts/web/gen/lendgate/mobile/v1/home_service_pb.js";
export {
  Card_State as CardState,
  Collection_Purpose as Purpose,
  Collection_State as PaymentState,
} from "../mobile-contracts/web/gen/lendgate/payments/v1/payment_pb.js";
export { type StatusEvent, StatusEvent_Kind as StatusKind } from "../mobile-contracts/web/gen/lendgate/realtime/v1/status_pb.js";
