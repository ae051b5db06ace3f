// Package push reaches people: it turns facts and requests into messages, hands them to providers and keeps what became of them. It also
// keeps the durable status streams behind the websocket.
//
// A message is a row: template → language → channel → provider. The row and its River job are written in the transaction of what caused
// them, so a message is sent if and only if that transaction committed, whatever is killed afterwards. Providers are called outside
// transactions. A way through the code: notifications.go and events.go queue rows (queue.go); jobs.go runs them; deliver.go takes one through
// its attempt, over sms.go or devices.go; receipts.go moves it on when the provider reports.
//
// What it promises:
//
//   - a state never goes back, and a receipt counts whenever it comes, even before the message's own id is noted here;
//   - delivery is at least once: a process that dies between the provider's yes and our note of it sends again, at most [maxAttempts]
//     times in all. A phone shows a repeated push once, since every attempt bears the notification's id as collapse key, and the SMS
//     provider answers an identical text within its window with the first message;
//   - codes and phones lie sealed, and only until the message is sent; a code is never shown again;
//   - a status stream's offsets are contiguous from 1, and an event is in it exactly once.
//
// What it does not do: it decides nothing about loans or money, keeps no preferences yet, and does not ask providers about messages that
// were never reported on. Nothing may depend on a receipt.
package push
