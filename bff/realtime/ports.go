package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Errors that the ports answer with; anything else counts as an outage of the port and is retried or reported as temporary.
var (
	// ErrTokenExpired says that the token was good and has ended. The client fetches a new one and tries again.
	ErrTokenExpired = errors.New("realtime: token expired")
	// ErrTokenInvalid says that the token will never be good. The client stays away until its person logs in again.
	ErrTokenInvalid = errors.New("realtime: token invalid")
	// ErrDenied says that the stream exists but is not for this principal.
	ErrDenied = errors.New("realtime: stream denied")
	// ErrUnknownStream says that there is no such stream.
	ErrUnknownStream = errors.New("realtime: unknown stream")
)

// Principal is who is connected.
type Principal struct {
	// Tenant is the lender's code. Two tenants never share a stream, whatever its name.
	Tenant string
	// PersonID and DeviceID are prefixed ids; DeviceID may be empty.
	PersonID, DeviceID string
	// ExpireTime is when the right to be connected ends; zero means never.
	ExpireTime time.Time
}

// Authenticator turns the connect command's token into who is connected.
type Authenticator interface {
	// Authenticate answers ErrTokenExpired, ErrTokenInvalid, or an error that counts as an outage.
	Authenticate(ctx context.Context, token string) (Principal, error)
}

// Position is a place in a stream: everything up to and including Offset, in the life of the stream that Epoch names.
type Position struct {
	Offset uint64
	Epoch  string
}

// Publication is one entry of a stream.
type Publication struct {
	// Offset is the place in the stream, from 1 without holes, below 2^53 since JavaScript reads it as a number.
	Offset uint64
	// Data is the event's Protobuf encoding; JSON is the same event in protoJSON.
	Data []byte
	JSON json.RawMessage
	// Time is when the fact was recorded.
	Time time.Time
}

// Log reads the durable streams. Offsets are contiguous from 1; an epoch is never empty nor "_", and changes only when a
// stream is rebuilt. Reads must see everything that was committed before they began: a lagging replica will not do.
//
// Both methods answer ErrDenied and ErrUnknownStream where they apply. They are called concurrently.
type Log interface {
	// Position returns the top of the stream; offset 0 when nothing was published yet. A person's own status stream always exists.
	Position(ctx context.Context, p Principal, stream string) (Position, error)
	// After returns at most limit publications behind offset, oldest first, and the top of the stream as of the same moment.
	After(ctx context.Context, p Principal, stream string, offset uint64, limit int) ([]Publication, Position, error)
}

// Wakeup says that a stream has grown to at least Offset; Offset 0 means "look for yourself".
type Wakeup struct {
	Tenant, Stream string
	Offset         uint64
}

// Wakeups tells which streams have grown. It is a hint: it may come late, twice or never.
type Wakeups interface {
	// Subscribe delivers until ctx ends or the source fails; then the channel is closed.
	Subscribe(ctx context.Context) (<-chan Wakeup, error)
}

// Acks records how far a device has processed a stream. It is optional: without it the ack method is not available.
type Acks interface {
	// Ack is idempotent; an offset lower than one recorded before changes nothing.
	Ack(ctx context.Context, p Principal, stream string, at Position) error
}
