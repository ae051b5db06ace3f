// Package link is the wire between our own processes: one connection to each peer, on which many calls go at once, in frames.
//
// It begins on the address where the peer serves Connect, by an HTTP/1.1 upgrade to "lendgate-link/1" over TCP or a unix socket, so that one
// listener serves operators, other languages and this. A call costs its caller an append to a buffer that one writer sends with those of
// everybody else, and one wake-up when the answer has come; there are no headers to pack and no streams to keep.
//
// It owns the frames, the connections, their life and their end. It promises:
//
//   - a call reaches a handler only with the proof of its actor for this RPC and this content (inproc.Door), behind all checks of the door;
//   - deadlines, cancellations and trace ids travel; errors travel with their details, as google.rpc.Status;
//   - what can grow is bounded: frames, calls under way, bytes that wait. Beyond it calls are refused with OVERLOADED;
//   - a peer that does not read, or says nothing, loses the connection after some seconds, and those who wait hear of it;
//   - a peer that drains answers what it was asked, and is asked nothing more;
//   - a call whose connection broke before any of it was sent is made once more. One that was sent and lost its answer fails with Unavailable:
//     whether it happened is unknown, and who repeats a mutation does so under its request_id.
//
// It does not encrypt: like the HTTP beside it, it belongs into a network of one's own or a tunnel. It does not choose among replicas: a name that stands
// for several is one of them until the connection ends. Tracestate does not travel, only traceparent's ids and flags.
package link
