package realtime

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
)

// This file is the client's half of the two framings, which only tests need.

// encodeCommands makes a message of commands.
func encodeCommands(c codec, commands ...*command) []byte {
	var frames [][]byte
	for _, one := range commands {
		if _, ok := c.(jsonCodec); ok {
			b, err := json.Marshal(one)
			if err != nil {
				panic(err)
			}
			frames = append(frames, b)
			continue
		}
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(commandToProto(one))
		if err != nil {
			panic(err)
		}
		frames = append(frames, append(protowire.AppendVarint(nil, uint64(len(b))), b...))
	}
	return c.join(frames)
}

// decodeReplies splits a message into replies.
func decodeReplies(c codec, message []byte) ([]*reply, error) {
	var replies []*reply
	for len(message) > 0 {
		r := &reply{}
		if _, ok := c.(jsonCodec); ok {
			line := message
			message = nil
			for i, b := range line {
				if b == '\n' {
					line, message = line[:i], line[i+1:]
					break
				}
			}
			if err := json.Unmarshal(line, r); err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
		} else {
			length, n := protowire.ConsumeVarint(message)
			if n < 0 || length > uint64(len(message)-n) {
				return nil, fmt.Errorf("bad frame %x", message)
			}
			var m realtimev1.Reply
			if err := proto.Unmarshal(message[n:n+int(length)], &m); err != nil {
				return nil, err
			}
			r = replyFromProto(&m)
			message = message[n+int(length):]
		}
		replies = append(replies, r)
	}
	return replies, nil
}

func commandToProto(c *command) *realtimev1.Command {
	m := &realtimev1.Command{Id: c.ID}
	if r := c.Connect; r != nil {
		m.Connect = &realtimev1.ConnectRequest{Token: r.Token, Data: r.Data, Name: r.Name, Version: r.Version}
		for name, sub := range r.Subs {
			if m.Connect.Subs == nil {
				m.Connect.Subs = map[string]*realtimev1.SubscribeRequest{}
			}
			m.Connect.Subs[name] = subscribeRequestToProto(sub)
		}
	}
	if c.Subscribe != nil {
		m.Subscribe = subscribeRequestToProto(c.Subscribe)
	}
	if r := c.Unsubscribe; r != nil {
		m.Unsubscribe = &realtimev1.UnsubscribeRequest{Channel: r.Channel}
	}
	if r := c.Publish; r != nil {
		m.Publish = &realtimev1.PublishRequest{Channel: r.Channel, Data: r.Data}
	}
	if r := c.Presence; r != nil {
		m.Presence = &realtimev1.PresenceRequest{Channel: r.Channel}
	}
	if r := c.PresenceStats; r != nil {
		m.PresenceStats = &realtimev1.PresenceStatsRequest{Channel: r.Channel}
	}
	if r := c.History; r != nil {
		m.History = &realtimev1.HistoryRequest{Channel: r.Channel, Limit: r.Limit, Reverse: r.Reverse}
		if r.Since != nil {
			m.History.Since = &realtimev1.StreamPosition{Offset: r.Since.Offset, Epoch: r.Since.Epoch}
		}
	}
	if c.Ping != nil {
		m.Ping = &realtimev1.PingRequest{}
	}
	if r := c.Send; r != nil {
		m.Send = &realtimev1.SendRequest{Data: r.Data}
	}
	if r := c.RPC; r != nil {
		m.Rpc = &realtimev1.RPCRequest{Data: r.Data, Method: r.Method}
	}
	if r := c.Refresh; r != nil {
		m.Refresh = &realtimev1.RefreshRequest{Token: r.Token}
	}
	if r := c.SubRefresh; r != nil {
		m.SubRefresh = &realtimev1.SubRefreshRequest{Channel: r.Channel, Token: r.Token}
	}
	return m
}

func subscribeRequestToProto(r *subscribeRequest) *realtimev1.SubscribeRequest {
	m := &realtimev1.SubscribeRequest{
		Channel: r.Channel, Recover: r.Recover, Epoch: r.Epoch, Offset: r.Offset, Flag: r.Flag, Type: r.Type,
	}
	if len(r.Filter) > 0 {
		m.Tf = &realtimev1.FilterNode{}
	}
	return m
}

func replyFromProto(m *realtimev1.Reply) *reply {
	r := &reply{ID: m.GetId()}
	if e := m.GetError(); e != nil {
		r.Error = &replyError{Code: e.GetCode(), Message: e.GetMessage(), Temporary: e.GetTemporary()}
	}
	if p := m.GetPush(); p != nil {
		r.Push = &push{ID: p.GetId(), Channel: p.GetChannel()}
		if p.GetPub() != nil {
			r.Push.Pub = publicationFromProto(p.GetPub())
		}
		if u := p.GetUnsubscribe(); u != nil {
			r.Push.Unsubscribe = &unsubscribePush{Code: u.GetCode(), Reason: u.GetReason()}
		}
	}
	if c := m.GetConnect(); c != nil {
		r.Connect = &connectResult{
			Client: c.GetClient(), Version: c.GetVersion(), Expires: c.GetExpires(), TTL: c.GetTtl(),
			Ping: c.GetPing(), Pong: c.GetPong(), Time: c.GetTime(),
		}
		for name, sub := range c.GetSubs() {
			if r.Connect.Subs == nil {
				r.Connect.Subs = map[string]*subscribeResult{}
			}
			r.Connect.Subs[name] = subscribeResultFromProto(sub)
		}
	}
	if s := m.GetSubscribe(); s != nil {
		r.Subscribe = subscribeResultFromProto(s)
	}
	if m.GetUnsubscribe() != nil {
		r.Unsubscribe = &emptyResult{}
	}
	if h := m.GetHistory(); h != nil {
		r.History = &historyResult{Publications: []*publication{}, Epoch: h.GetEpoch(), Offset: h.GetOffset()}
		for _, p := range h.GetPublications() {
			r.History.Publications = append(r.History.Publications, publicationFromProto(p))
		}
	}
	if m.GetRpc() != nil {
		r.RPC = &rpcResult{Data: m.GetRpc().GetData()}
	}
	if f := m.GetRefresh(); f != nil {
		r.Refresh = &refreshResult{Client: f.GetClient(), Version: f.GetVersion(), Expires: f.GetExpires(), TTL: f.GetTtl()}
	}
	return r
}

func subscribeResultFromProto(m *realtimev1.SubscribeResult) *subscribeResult {
	r := &subscribeResult{
		Recoverable: m.GetRecoverable(), Epoch: m.GetEpoch(), Recovered: m.GetRecovered(), Offset: m.GetOffset(),
		Positioned: m.GetPositioned(), WasRecovering: m.GetWasRecovering(), ID: m.GetId(),
	}
	for _, p := range m.GetPublications() {
		r.Publications = append(r.Publications, publicationFromProto(p))
	}
	return r
}

func publicationFromProto(m *realtimev1.Publication) *publication {
	return &publication{Data: m.GetData(), Offset: m.GetOffset(), Time: m.GetTime()}
}
