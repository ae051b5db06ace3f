// Package fcm sends push messages through Firebase Cloud Messaging with
// Google's own SDK, firebase.google.com/go/v4, and says what a failure proves.
// Sources: firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode and the
// SDK's source.
//
// The SDK alone would repeat a request four times after any network error,
// also when FCM had accepted it, so that a phone shows a message twice. This
// package puts a transport around it that makes every Send one attempt; the
// queue above decides about the next one. A push whose outcome is unknown may
// be repeated if it has a CollapseKey: the phone then shows the later one only.
//
// Only UNREGISTERED proves that a token is dead (ErrTokenDead). An invalid
// argument does not: the payload may be what is wrong.
//
// Topics are not offered: the SDK manages them at an address that no option
// changes. The package stores nothing.
package fcm
