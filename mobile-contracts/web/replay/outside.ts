/** What a person sees beside the app: text messages and the bank's pages. They are the simulators' own pages. */

/** The bank simulator's card that pays and takes payouts at once. */
const testCard = "4300000000000777";

/** How long something outside may take, and how often it is looked at. */
const patienceMs = 60_000;
const pollMs = 100;

/** Asks until there is an answer, or patience ends. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + patienceMs; Date.now() < end; ) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
}

/** Reads the one-time code of the newest text message to a phone that is not among those read before, and remembers the message. */
export function readCode(simulators: string, phone: string, read: Set<string>): Promise<string> {
  return until("a text message with a code", async () => {
    const answer = await fetch(`${simulators}/turbosms/_sim/messages?phone=${encodeURIComponent(phone)}`);
    const inbox = (await answer.json()) as { messages: { message_id: string; text: string }[] };
    const newest = inbox.messages.filter(({ message_id }) => !read.has(message_id)).at(-1);
    const code = newest && /\b\d{6}\b/.exec(newest.text)?.[0];
    if (newest !== undefined && code !== undefined) {
      read.add(newest.message_id);
    }
    return code;
  });
}

/** Fills in a form of the bank with the test card. */
export async function fillForm(form: string): Promise<void> {
  const answer = await fetch(form, { method: "POST", body: new URLSearchParams({ pan: testCard }), redirect: "manual" });
  if (answer.status >= 400) {
    throw new Error(`the bank's form answered ${answer.status}`);
  }
}
