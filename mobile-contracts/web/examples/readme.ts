/** The code of README.md, held against the compiler. It runs nowhere. */
import { Platform } from "../gen/lendgate/identity/v1/device_pb.js";
import { Collection_Purpose } from "../gen/lendgate/payments/v1/payment_pb.js";
import { connectRealtime, createLendgateClient, ErrorReason, generateDeviceKey, LendgateError, sectionView } from "../src/index.js";

declare function askForCode(): Promise<string>;
declare function show(...what: unknown[]): void;

export async function tenMinutes(): Promise<void> {
  const keyPair = await generateDeviceKey();
  const lendgate = createLendgateClient({ baseUrl: "http://127.0.0.1:8080", tenant: "demo", keyPair, locale: "en" });

  const { x, y } = keyPair.publicJwk;
  await lendgate.auth.enrollDevice({ platform: Platform.WEB, publicKey: { x, y } });
  const { challenge } = await lendgate.auth.startLogin({ phone: "+380501234567" });
  await lendgate.auth.confirmLogin({ challengeId: challenge?.id ?? "", code: await askForCode() });

  const home = await lendgate.home.getHome({});
  for (const loan of home.loans?.loans ?? []) {
    console.log(loan.number, loan.stateText, loan.outstanding?.display);
  }

  const view = sectionView(home.notices);
  switch (view.show) {
    case "content":
      break;
    case "stale":
      show(view.asOf);
      break;
    case "gap":
      show(view.retryAfterMs);
      break;
    case "nothing":
      break;
  }

  const loanId = home.loans?.loans[0]?.loanId ?? "";
  const requestId = crypto.randomUUID();
  try {
    await lendgate.pay.startPayment({ requestId, loanId, purpose: Collection_Purpose.INSTALMENT });
  } catch (thrown) {
    const error = LendgateError.from(thrown);
    if (error.reason === ErrorReason.CODE_WRONG) {
      show(error.localizedMessage, error.facts["attempts_left"]);
    } else if (error.retryable) {
      show(error.retryAfterMs ?? 1000);
    } else {
      show(error.localizedMessage, error.requestId);
    }
  }

  const realtime = connectRealtime(lendgate, {
    onEvent: (event) => show(event.kind, event.loanId),
    onGap: () => show("reload"),
  });
  realtime.close();
}
