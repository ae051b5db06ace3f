package realtime

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"
)

// maxCommandsPerMessage bounds the work that one message can ask for: connect, 128 subscribes and some more.
const maxCommandsPerMessage = 512

// errMalformed says that a message breaks the framing; the socket is closed with 3501.
var errMalformed = errors.New("realtime: malformed message")

// codec is a framing. There are two: JSON lines and length-prefixed Protobuf.
type codec interface {
	// name labels metrics.
	name() string
	// messageType is how the framing travels in websocket messages.
	messageType() websocket.MessageType
	// decode splits a message into at least one command. A command with no request in it is a pong.
	decode(message []byte) ([]*command, error)
	// encode makes a frame ready to be joined with others.
	encode(r *reply) ([]byte, error)
	// ping is the empty frame.
	ping() []byte
	// join puts frames into one message. The result may alias a single frame and must not be changed.
	join(frames [][]byte) []byte
}

// malformed wraps errMalformed with what is wrong, for the log; the client hears the close code only.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
}

// isPong reports whether no request is set.
func (c *command) isPong() bool {
	return c.kind() == "" && c.ID == 0
}

// kind names the request. Where a client sets several, the first in this order counts, as in the reference server.
func (c *command) kind() string {
	switch {
	case c.Connect != nil:
		return "connect"
	case c.Ping != nil:
		return "ping"
	case c.Subscribe != nil:
		return "subscribe"
	case c.Unsubscribe != nil:
		return "unsubscribe"
	case c.Publish != nil:
		return "publish"
	case c.Presence != nil:
		return "presence"
	case c.PresenceStats != nil:
		return "presence_stats"
	case c.History != nil:
		return "history"
	case c.RPC != nil:
		return "rpc"
	case c.Send != nil:
		return "send"
	case c.Refresh != nil:
		return "refresh"
	case c.SubRefresh != nil:
		return "sub_refresh"
	}
	return ""
}
