// Package flows carries an application from submission to payout: it waits for people and third parties, for weeks if need be, and
// survives the death of every server at any point.
//
// It owns the process "Application" and the ApplicationFlowService that starts, asks and drives it. It has no database: its memory is
// Temporal, and what it decides nothing about belongs to others. Who gets a loan is decided by scoring, applications and loans are kept
// by loans, money is moved by payments, people are known to identity; the process calls them through their contracts.
//
//	IDENTITY   until profile and consents are complete, at most 30 days       → EXPIRED
//	SCORING    gather features, decide; offer or reject                       → REJECTED
//	OFFER      until the person chooses, as long as an offer holds            → EXPIRED
//	SIGNATURE  until the person signs, at most 24 hours                       → EXPIRED
//	PAYOUT     until the provider says what happened, however long that takes → DISBURSED, FAILED
//
// The person may withdraw at any step before the signature is given.
//
// It promises:
//   - Every effect happens once. An activity may run many times; the request_id of each call to a service follows from the process and
//     the step, so a repeat is answered with the first answer. A payout whose outcome is unknown is asked about and never sent again.
//   - Trouble is waited out: a service that is away is asked again, with a pause of at most a minute, forever. Only a refusal that the
//     called contract names is an answer. A refusal of something that the person asked for goes back to the person with its reason and
//     facts, and the process waits on.
//   - loans has the last word. A process that starts, or that is told that an application's state forbids a step, continues from the
//     state in loans. So a process may be started again after the loss of the engine and all of its data.
//   - What the engine keeps is sealed (codec.go): requests, answers, features and error texts lie in its database as ciphertext bound to
//     their process.
//
// A decision REFER asks for a person to look. There is no workplace for that yet: the application is rejected with REVIEW_REQUIRED first
// among its reasons.
//
// An application whose terms cannot be quoted or decided any more, because its product changed since, is expired.
//
// Changing the process: running ones are replayed from their history with the new code, so names of activities, signals, updates and
// fields of their arguments stay, and a change of the order of commands stands behind workflow.GetVersion. The histories in testdata are
// replayed by a test; keep them and record one of each new version.
package flows
