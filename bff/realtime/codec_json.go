package realtime

import (
	"bytes"
	"encoding/json"

	"github.com/coder/websocket"
)

// jsonCodec is one JSON object per line, in text messages. It is not canonical protoJSON: see frame.go.
type jsonCodec struct{}

// The framing travels in text messages, and an empty object is a ping.

func (jsonCodec) name() string                       { return "json" }
func (jsonCodec) messageType() websocket.MessageType { return websocket.MessageText }
func (jsonCodec) ping() []byte                       { return []byte("{}") }

// decode accepts lines joined by exactly one newline and at most one at the end; everything else is malformed.
func (jsonCodec) decode(message []byte) ([]*command, error) {
	message = bytes.TrimSuffix(message, []byte{'\n'})
	var commands []*command
	for more := true; more; {
		var line []byte
		line, message, more = bytes.Cut(message, []byte{'\n'})
		if len(commands) == maxCommandsPerMessage {
			return nil, malformed("more than %d commands", maxCommandsPerMessage)
		}
		// Unmarshal takes null for an empty struct, which would pass as a pong.
		if trimmed := bytes.TrimLeft(line, " \t\r"); len(trimmed) == 0 || trimmed[0] != '{' {
			return nil, malformed("a command is a JSON object")
		}
		c := &command{size: len(line)}
		if err := json.Unmarshal(line, c); err != nil {
			return nil, malformed("%v", err)
		}
		commands = append(commands, c)
	}
	return commands, nil
}

// encode compacts embedded payloads as well, since a raw newline would end the frame. It fails when a payload is not JSON.
func (jsonCodec) encode(r *reply) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// join needs no newline at the end: the message's end is the line's.
func (jsonCodec) join(frames [][]byte) []byte {
	if len(frames) == 1 {
		return frames[0]
	}
	return bytes.Join(frames, []byte{'\n'})
}
