// Package hint tells the realtime edge that a status stream has grown, over a Redis channel.
//
// A hint is a wake-up and nothing else: it carries no event, it may come late, twice or never, and losing every one of them only delays news
// until the next look at the stream's position. So publishing never blocks and never fails its caller, and nothing is stored.
package hint
