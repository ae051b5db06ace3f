package realtime

import (
	"bytes"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
)

// protoCodec is Protobuf messages, each preceded by its length as an unsigned varint, in binary messages.
type protoCodec struct{}

// The framing travels in binary messages, and a message of length zero is a ping.

func (protoCodec) name() string                       { return "protobuf" }
func (protoCodec) messageType() websocket.MessageType { return websocket.MessageBinary }
func (protoCodec) ping() []byte                       { return []byte{0} }

// decode allocates nothing on the word of a length: a length beyond the bytes at hand is malformed.
func (protoCodec) decode(message []byte) ([]*command, error) {
	var commands []*command
	for len(message) > 0 {
		if len(commands) == maxCommandsPerMessage {
			return nil, malformed("more than %d commands", maxCommandsPerMessage)
		}
		length, n := protowire.ConsumeVarint(message)
		if n < 0 {
			return nil, malformed("length: %v", protowire.ParseError(n))
		}
		message = message[n:]
		if length > uint64(len(message)) {
			return nil, malformed("length %d with %d bytes left", length, len(message))
		}
		var m realtimev1.Command
		if err := proto.Unmarshal(message[:length], &m); err != nil {
			return nil, malformed("%v", err)
		}
		commands = append(commands, commandFromProto(&m, int(length)))
		message = message[length:]
	}
	if len(commands) == 0 {
		return nil, malformed("no command")
	}
	return commands, nil
}

// encode is deterministic so that fixtures can be compared byte for byte.
func (protoCodec) encode(r *reply) ([]byte, error) {
	m := replyToProto(r)
	options := proto.MarshalOptions{Deterministic: true}
	size := options.Size(m)
	frame := make([]byte, 0, protowire.SizeVarint(uint64(size))+size)
	frame = protowire.AppendVarint(frame, uint64(size))
	return options.MarshalAppend(frame, m)
}

// join just puts frames behind each other: each brings its length.
func (protoCodec) join(frames [][]byte) []byte {
	if len(frames) == 1 {
		return frames[0]
	}
	return bytes.Join(frames, nil)
}

// commandFromProto takes what the server reads from a command, and leaves the rest.
func commandFromProto(m *realtimev1.Command, size int) *command {
	c := &command{ID: m.GetId(), size: size}
	if r := m.GetConnect(); r != nil {
		c.Connect = &connectRequest{Token: r.GetToken(), Data: r.GetData(), Name: r.GetName(), Version: r.GetVersion()}
		if len(r.GetSubs()) > 0 {
			c.Connect.Subs = make(map[string]*subscribeRequest, len(r.GetSubs()))
			for channel, sub := range r.GetSubs() {
				c.Connect.Subs[channel] = subscribeFromProto(sub)
			}
		}
	}
	if r := m.GetSubscribe(); r != nil {
		c.Subscribe = subscribeFromProto(r)
	}
	if r := m.GetUnsubscribe(); r != nil {
		c.Unsubscribe = &channelRequest{Channel: r.GetChannel()}
	}
	if r := m.GetPublish(); r != nil {
		c.Publish = &publishRequest{Channel: r.GetChannel(), Data: r.GetData()}
	}
	if r := m.GetPresence(); r != nil {
		c.Presence = &channelRequest{Channel: r.GetChannel()}
	}
	if r := m.GetPresenceStats(); r != nil {
		c.PresenceStats = &channelRequest{Channel: r.GetChannel()}
	}
	if r := m.GetHistory(); r != nil {
		c.History = &historyRequest{Channel: r.GetChannel(), Limit: r.GetLimit(), Reverse: r.GetReverse()}
		if since := r.GetSince(); since != nil {
			c.History.Since = &streamPosition{Offset: since.GetOffset(), Epoch: since.GetEpoch()}
		}
	}
	if m.GetPing() != nil {
		c.Ping = &emptyRequest{}
	}
	if r := m.GetSend(); r != nil {
		c.Send = &sendRequest{Data: r.GetData()}
	}
	if r := m.GetRpc(); r != nil {
		c.RPC = &rpcRequest{Data: r.GetData(), Method: r.GetMethod()}
	}
	if r := m.GetRefresh(); r != nil {
		c.Refresh = &refreshRequest{Token: r.GetToken()}
	}
	if r := m.GetSubRefresh(); r != nil {
		c.SubRefresh = &subRefreshRequest{Channel: r.GetChannel(), Token: r.GetToken()}
	}
	return c
}

// subscribeFromProto keeps of a filter only that there is one, since filters are refused.
func subscribeFromProto(m *realtimev1.SubscribeRequest) *subscribeRequest {
	r := &subscribeRequest{
		Channel: m.GetChannel(),
		Recover: m.GetRecover(),
		Epoch:   m.GetEpoch(),
		Offset:  m.GetOffset(),
		Flag:    m.GetFlag(),
		Type:    m.GetType(),
	}
	if m.GetTf() != nil {
		r.Filter = payload("{}")
	}
	return r
}

// replyToProto keeps empty results: a reply with neither error nor result would be taken for a ping.
func replyToProto(r *reply) *realtimev1.Reply {
	m := &realtimev1.Reply{Id: r.ID}
	if e := r.Error; e != nil {
		m.Error = &realtimev1.Error{Code: e.Code, Message: e.Message, Temporary: e.Temporary}
	}
	if p := r.Push; p != nil {
		m.Push = &realtimev1.Push{Id: p.ID, Channel: p.Channel}
		if p.Pub != nil {
			m.Push.Pub = publicationToProto(p.Pub)
		}
		if u := p.Unsubscribe; u != nil {
			m.Push.Unsubscribe = &realtimev1.Unsubscribe{Code: u.Code, Reason: u.Reason}
		}
	}
	if c := r.Connect; c != nil {
		m.Connect = connectToProto(c)
	}
	if s := r.Subscribe; s != nil {
		m.Subscribe = subscribeToProto(s)
	}
	if r.Unsubscribe != nil {
		m.Unsubscribe = &realtimev1.UnsubscribeResult{}
	}
	if h := r.History; h != nil {
		m.History = &realtimev1.HistoryResult{
			Publications: publicationsToProto(h.Publications), Epoch: h.Epoch, Offset: h.Offset,
		}
	}
	if r.RPC != nil {
		m.Rpc = &realtimev1.RPCResult{Data: r.RPC.Data}
	}
	if f := r.Refresh; f != nil {
		m.Refresh = &realtimev1.RefreshResult{Client: f.Client, Version: f.Version, Expires: f.Expires, Ttl: f.TTL}
	}
	return m
}

// connectToProto converts the answer to connect.
func connectToProto(c *connectResult) *realtimev1.ConnectResult {
	m := &realtimev1.ConnectResult{
		Client: c.Client, Version: c.Version, Expires: c.Expires, Ttl: c.TTL, Ping: c.Ping, Pong: c.Pong, Time: c.Time,
	}
	if len(c.Subs) > 0 {
		m.Subs = make(map[string]*realtimev1.SubscribeResult, len(c.Subs))
		for channel, sub := range c.Subs {
			m.Subs[channel] = subscribeToProto(sub)
		}
	}
	return m
}

// subscribeToProto converts the start of a subscription.
func subscribeToProto(s *subscribeResult) *realtimev1.SubscribeResult {
	return &realtimev1.SubscribeResult{
		Recoverable:   s.Recoverable,
		Epoch:         s.Epoch,
		Publications:  publicationsToProto(s.Publications),
		Recovered:     s.Recovered,
		Offset:        s.Offset,
		Positioned:    s.Positioned,
		WasRecovering: s.WasRecovering,
		Id:            s.ID,
	}
}

// publicationToProto shares the payload's bytes, which nobody changes.
func publicationToProto(p *publication) *realtimev1.Publication {
	return &realtimev1.Publication{Data: p.Data, Offset: p.Offset, Time: p.Time}
}

// publicationsToProto gives nil for none.
func publicationsToProto(pubs []*publication) []*realtimev1.Publication {
	var out []*realtimev1.Publication
	for _, p := range pubs {
		out = append(out, publicationToProto(p))
	}
	return out
}
