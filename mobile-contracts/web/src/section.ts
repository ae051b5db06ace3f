/** Sections of screens: what an app does with each. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";

import { type SectionStatus, SectionStatus_State } from "../gen/lendgate/mobile/v1/section_pb.js";
import { ErrorReason } from "../gen/lendgate/type/v1/error_pb.js";

/** How to show a section: its content, its content with its age, a gap with a button, or nothing at all. */
export type SectionView =
  | { readonly show: "content" }
  | { readonly show: "stale"; readonly asOf: Date | undefined; readonly retryAfterMs: number | undefined }
  | { readonly show: "gap"; readonly reason: ErrorReason; readonly retryAfterMs: number | undefined }
  | { readonly show: "nothing" };

/** Anything with a status: every section has one. */
export interface Section {
  readonly status?: SectionStatus | undefined;
}

/** Tells how to show a section. A section without a status, or with a state newer than this SDK, is a gap. */
export function sectionView(section: Section | undefined): SectionView {
  const status = section?.status;
  const retryAfterMs = status?.retryAfter && durationMs(status.retryAfter);
  switch (status?.state) {
    case SectionStatus_State.OK:
      return { show: "content" };
    case SectionStatus_State.STALE:
      return { show: "stale", asOf: status.asOfTime && timestampDate(status.asOfTime), retryAfterMs };
    case SectionStatus_State.DENIED:
      return { show: "nothing" };
    default:
      return { show: "gap", reason: status?.reason ?? ErrorReason.UNSPECIFIED, retryAfterMs };
  }
}
