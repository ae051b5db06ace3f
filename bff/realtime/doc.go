// Package realtime is the websocket edge: it tells a phone or a browser what happened to its person's streams, at once.
//
// It speaks the public Centrifuge client protocol, version 2, in both of its framings (JSON and Protobuf), so that the
// unmodified centrifuge SDKs connect. The frames are described in proto/lendgate/realtime/v1/frame.proto.
//
// The package owns sockets, sessions, subscriptions and fan-out. It does not own any fact: a stream lives in PostgreSQL
// behind the [Log] port, where offsets are contiguous from 1 and an epoch names the stream's life. Redis, behind the [Wakeups]
// port, only hints that a stream has grown; losing every hint delays news until the next position check and loses nothing.
//
// What it promises to a client, per stream:
//
//   - publications come in the order of their offsets, none twice and none missing, across any number of reconnects;
//   - where that cannot be kept (the epoch changed, the tail is too long or gone), the client is told in so many words:
//     recovered=false, unsubscribe 2500 or close 3010;
//   - a person hears own streams only.
//
// What it does not promise: that a publication was seen by a person (that is what acknowledgements are for), and order
// between two streams.
//
// A way through the code: handler.go admits sockets; session.go reads and dispatches commands; connect.go, subscribe.go,
// history.go and methods.go answer them; outbox.go writes; hub.go and stream.go read the log and fan out.
package realtime
