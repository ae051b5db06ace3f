// Package turbosms sends SMS through TurboSMS (turbosms.ua) by its HTTP API.
// Sources: turbosms.ua/api.html and what public clients of it observed.
//
// It owns the wire format of message/send.json and message/status.json, the
// meaning of response codes and delivery statuses, and the verification of
// delivery-report webhooks.
//
// The vendor answers HTTP 200 to everything and says yes or no inside. It
// recognises an identical request that follows shortly and returns the first
// result (code 507), which Send reports as success with the first message id.
//
// # How far a delivery report can be trusted
//
// The vendor signs the event's id alone, not what the event says, with plain
// SHA-1 over secret and id in an order that its documentation leaves open (both
// are accepted). Whoever has seen one report can therefore forge another under
// the same id: store the first report of an id and ignore later ones. Reports
// must not decide about money or access.
//
// The package stores nothing and decides no retries of a send. Counting parts
// is the business of kit/smstext.
package turbosms
