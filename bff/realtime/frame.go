package realtime

import "encoding/json"

// The types of this file are frames in a form that belongs to neither framing. Their JSON tags are the JSON framing: names
// are snake_case, 64-bit numbers stay numbers, payloads are embedded raw. Field meanings: frame.proto.

// payload is JSON in the JSON framing and any bytes in the Protobuf framing.
type payload = json.RawMessage

// command is one frame from the client.
type command struct {
	ID            uint32             `json:"id,omitempty"`
	Connect       *connectRequest    `json:"connect,omitempty"`
	Subscribe     *subscribeRequest  `json:"subscribe,omitempty"`
	Unsubscribe   *channelRequest    `json:"unsubscribe,omitempty"`
	Publish       *publishRequest    `json:"publish,omitempty"`
	Presence      *channelRequest    `json:"presence,omitempty"`
	PresenceStats *channelRequest    `json:"presence_stats,omitempty"`
	History       *historyRequest    `json:"history,omitempty"`
	Ping          *emptyRequest      `json:"ping,omitempty"`
	Send          *sendRequest       `json:"send,omitempty"`
	RPC           *rpcRequest        `json:"rpc,omitempty"`
	Refresh       *refreshRequest    `json:"refresh,omitempty"`
	SubRefresh    *subRefreshRequest `json:"sub_refresh,omitempty"`
	size          int                // encoded length in bytes, for the application's limit
}

// connectRequest opens the session. Subs has the positions from which server-made subscriptions shall be recovered, by name.
type connectRequest struct {
	Token   string                       `json:"token,omitempty"`
	Data    payload                      `json:"data,omitempty"`
	Subs    map[string]*subscribeRequest `json:"subs,omitempty"`
	Name    string                       `json:"name,omitempty"`
	Version string                       `json:"version,omitempty"`
}

// subscribeRequest starts a subscription. Wishes that this server decides by itself (token, positioned, recoverable) or does not
// grant (delta, join_leave) are not read.
type subscribeRequest struct {
	Channel string  `json:"channel,omitempty"`
	Recover bool    `json:"recover,omitempty"`
	Epoch   string  `json:"epoch,omitempty"`
	Offset  uint64  `json:"offset,omitempty"`
	Filter  payload `json:"tf,omitempty"` // kept only to see that it is there
	Flag    int64   `json:"flag,omitempty"`
	Type    int32   `json:"type,omitempty"`
}

// Bits of subscribeRequest.Flag.
const (
	flagNumericIDs        = 1
	flagRejectUnrecovered = 2
)

// channelRequest is a request that has nothing but a channel.
type channelRequest struct {
	Channel string `json:"channel,omitempty"`
}

// publishRequest is known only to be refused: facts enter a stream through their service.
type publishRequest struct {
	Channel string  `json:"channel,omitempty"`
	Data    payload `json:"data,omitempty"`
}

// historyRequest reads a page. Limit 0 means the top position alone, below 0 as many as the server allows.
type historyRequest struct {
	Channel string          `json:"channel,omitempty"`
	Limit   int32           `json:"limit,omitempty"`
	Since   *streamPosition `json:"since,omitempty"`
	Reverse bool            `json:"reverse,omitempty"`
}

// streamPosition is Position as it travels; an empty epoch means any.
type streamPosition struct {
	Offset uint64 `json:"offset,omitempty"`
	Epoch  string `json:"epoch,omitempty"`
}

// emptyRequest is a request whose presence says all.
type emptyRequest struct{}

// sendRequest is a message that is never answered.
type sendRequest struct {
	Data payload `json:"data,omitempty"`
}

// rpcRequest calls a method: see methods.go.
type rpcRequest struct {
	Data   payload `json:"data,omitempty"`
	Method string  `json:"method,omitempty"`
}

// refreshRequest replaces the connection token.
type refreshRequest struct {
	Token string `json:"token,omitempty"`
}

// subRefreshRequest is known only to be refused: subscriptions have no token here.
type subRefreshRequest struct {
	Channel string `json:"channel,omitempty"`
	Token   string `json:"token,omitempty"`
}

// reply is one frame from the server. Results are pointers: an empty result must still be there, since SDKs read inside it.
type reply struct {
	ID          uint32           `json:"id,omitempty"`
	Error       *replyError      `json:"error,omitempty"`
	Push        *push            `json:"push,omitempty"`
	Connect     *connectResult   `json:"connect,omitempty"`
	Subscribe   *subscribeResult `json:"subscribe,omitempty"`
	Unsubscribe *emptyResult     `json:"unsubscribe,omitempty"`
	History     *historyResult   `json:"history,omitempty"`
	RPC         *rpcResult       `json:"rpc,omitempty"`
	Refresh     *refreshResult   `json:"refresh,omitempty"`
}

// push has either a channel or the numeric id that stands for it, and one body.
type push struct {
	ID          int64            `json:"id,omitempty"`
	Channel     string           `json:"channel,omitempty"`
	Pub         *publication     `json:"pub,omitempty"`
	Unsubscribe *unsubscribePush `json:"unsubscribe,omitempty"`
}

// publication is Publication as it travels, with the payload of the session's shape.
type publication struct {
	Data   payload `json:"data,omitempty"`
	Offset uint64  `json:"offset,omitempty"`
	Time   int64   `json:"time,omitempty"` // milliseconds since 1970 UTC
}

// unsubscribePush ends a subscription from the server's side; codes.go says what the code makes of the client.
type unsubscribePush struct {
	Code   uint32 `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// connectResult says that the session is open. Ping is never 0: a client would wait for pings all the same, and give up.
type connectResult struct {
	Client  string                      `json:"client,omitempty"`
	Version string                      `json:"version,omitempty"`
	Expires bool                        `json:"expires,omitempty"`
	TTL     uint32                      `json:"ttl,omitempty"` // seconds
	Subs    map[string]*subscribeResult `json:"subs,omitempty"`
	Ping    uint32                      `json:"ping,omitempty"` // seconds
	Pong    bool                        `json:"pong,omitempty"`
	Time    int64                       `json:"time,omitempty"` // milliseconds since 1970 UTC
}

// subscribeResult says where the subscription starts. When recovered, Offset is the one that was asked for, and the client walks
// forward through the publications; else it is the top.
type subscribeResult struct {
	Recoverable   bool           `json:"recoverable,omitempty"`
	Epoch         string         `json:"epoch,omitempty"`
	Publications  []*publication `json:"publications,omitempty"`
	Recovered     bool           `json:"recovered,omitempty"`
	Offset        uint64         `json:"offset,omitempty"`
	Positioned    bool           `json:"positioned,omitempty"`
	WasRecovering bool           `json:"was_recovering,omitempty"`
	ID            int64          `json:"id,omitempty"`
}

// emptyResult is a result whose presence says all. It must not be left out.
type emptyResult struct{}

// historyResult always carries its three members, even when they are empty.
type historyResult struct {
	Publications []*publication `json:"publications"`
	Epoch        string         `json:"epoch"`
	Offset       uint64         `json:"offset"`
}

// rpcResult is what a method returned, which may be nothing.
type rpcResult struct {
	Data payload `json:"data,omitempty"`
}

// refreshResult has the new lifetime.
type refreshResult struct {
	Client  string `json:"client,omitempty"`
	Version string `json:"version,omitempty"`
	Expires bool   `json:"expires,omitempty"`
	TTL     uint32 `json:"ttl,omitempty"` // seconds
}
