// Package sim is Firebase Cloud Messaging on one's own machine: the OAuth token
// endpoint, which verifies the signed assertion of a service account, and
// messages:send of the HTTP v1 API with Google's error bodies, and an inbox of
// what phones would have shown.
//
// It can say no: assertions with a wrong signature, audience, time or scope get
// no token, requests without a live token get 401, other people's projects 403,
// and bad messages 400. It shares no code with the adapter.
//
//	GET /_sim/messages?token=   JSON, oldest first
//
// and the routes of simkit.Desk. Operations for faults are "token" and
// "messages:send"; KindError takes an FCM code such as UNAVAILABLE.
//
// The beginning of a registration token decides what happens to it:
//
//	dead-        404 UNREGISTERED         mismatch-     403 SENDER_ID_MISMATCH
//	invalid-     400 INVALID_ARGUMENT     quota-        429 QUOTA_EXCEEDED, Retry-After 60
//	unavailable- 503 UNAVAILABLE          internal-     500 INTERNAL
//	apns-        401 THIRD_PARTY_AUTH_ERROR
package sim
