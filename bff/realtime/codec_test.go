package realtime

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// update rewrites the fixtures: go test ./bff/realtime -run Golden -update. Look at the difference before landing it: these
// bytes are a promise to SDKs of other people.
var update = flag.Bool("update", false, "rewrite mobile-contracts/vectors/realtime.json")

var vectorsPath = filepath.Join("..", "..", "mobile-contracts", "vectors", "realtime.json")

// vectors is the shape of the fixture file.
type vectors struct {
	Comment    string      `json:"comment"`
	Commands   []vector    `json:"commands"`
	Replies    []vector    `json:"replies"`
	Messages   []vector    `json:"messages"`
	Malformed  []vector    `json:"malformed"`
	Violations []violation `json:"violations"`
}

// vector is one frame or message in both framings; a malformed one may exist in one framing only.
type vector struct {
	Name     string `json:"name"`
	JSON     string `json:"json,omitempty"`
	Protobuf string `json:"protobuf_hex,omitempty"`
}

// violation is a message that is well formed and still breaks the protocol.
type violation struct {
	vector
	// Connected says whether the message comes behind a good connect.
	Connected bool `json:"connected"`
	// Close is the code with which the server closes.
	Close int `json:"close"`
}

type namedCommand struct {
	name    string
	command *command
}

// goldenCommands has each command at least once, with every field that the server reads.
func goldenCommands() []namedCommand {
	return []namedCommand{
		{"pong", &command{}},
		{"connect", &command{ID: 1, Connect: &connectRequest{Token: "demo-token", Name: "js", Version: "1.2.3"}}},
		{"connect with recovery", &command{ID: 1, Connect: &connectRequest{
			Token: "demo-token", Data: payload(`{"payload":"json"}`),
			Subs: map[string]*subscribeRequest{"status:person_demo": {Recover: true, Epoch: "e1", Offset: 41}},
		}}},
		{"subscribe", &command{ID: 2, Subscribe: &subscribeRequest{Channel: "chat:demo", Flag: flagNumericIDs}}},
		{"subscribe with recovery", &command{ID: 3, Subscribe: &subscribeRequest{
			Channel: "chat:demo", Recover: true, Epoch: "e1", Offset: 9007199254740991, Flag: flagNumericIDs | flagRejectUnrecovered,
		}}},
		{"subscribe to a map", &command{ID: 4, Subscribe: &subscribeRequest{Channel: "chat:demo", Type: 1}}},
		{"subscribe with a filter", &command{ID: 5, Subscribe: &subscribeRequest{Channel: "chat:demo", Filter: payload(`{}`)}}},
		{"unsubscribe", &command{ID: 6, Unsubscribe: &channelRequest{Channel: "chat:demo"}}},
		{"publish", &command{ID: 7, Publish: &publishRequest{Channel: "chat:demo", Data: payload(`{"text":"demo"}`)}}},
		{"presence", &command{ID: 8, Presence: &channelRequest{Channel: "chat:demo"}}},
		{"presence_stats", &command{ID: 9, PresenceStats: &channelRequest{Channel: "chat:demo"}}},
		{"history", &command{ID: 10, History: &historyRequest{
			Channel: "chat:demo", Limit: -1, Since: &streamPosition{Offset: 7, Epoch: "e1"}, Reverse: true,
		}}},
		{"history of the top", &command{ID: 11, History: &historyRequest{Channel: "chat:demo"}}},
		{"ping", &command{ID: 12, Ping: &emptyRequest{}}},
		{"send", &command{Send: &sendRequest{Data: payload(`{"typing":true}`)}}},
		{"rpc", &command{ID: 13, RPC: &rpcRequest{
			Method: "ack", Data: payload(`{"stream":"status:person_demo","epoch":"e1","offset":42}`),
		}}},
		{"refresh", &command{ID: 14, Refresh: &refreshRequest{Token: "demo-token-2"}}},
		{"sub_refresh", &command{ID: 4294967295, SubRefresh: &subRefreshRequest{Channel: "chat:demo", Token: "demo-token-3"}}},
	}
}

type namedReply struct {
	name  string
	reply *reply
}

// goldenReplies has each reply and push that the server sends.
func goldenReplies() []namedReply {
	pubs := []*publication{
		{Data: payload(`{"state":"LOAN_STATE_ACTIVE"}`), Offset: 42, Time: 1_790_000_000_000},
		{Data: payload(`{"text":"a line\nand <another> — demo"}`), Offset: 43},
	}
	return []namedReply{
		{"ping", &reply{}},
		{"error", &reply{ID: 1, Error: errTokenExpired}},
		{"temporary error", &reply{ID: 2, Error: errInternal}},
		{"connect", &reply{ID: 1, Connect: &connectResult{
			Client: "DEMOCLIENT", Expires: true, TTL: 240, Ping: 50, Pong: true, Time: 1_790_000_000_000,
			Subs: map[string]*subscribeResult{"status:person_demo": {Recoverable: true, Epoch: "e1", Offset: 41, Positioned: true}},
		}}},
		{"connect recovered", &reply{ID: 1, Connect: &connectResult{
			Client: "DEMOCLIENT", Ping: 50, Pong: true,
			Subs: map[string]*subscribeResult{"status:person_demo": {
				Recoverable: true, Epoch: "e1", Publications: pubs, Recovered: true, Offset: 41, Positioned: true, WasRecovering: true,
			}},
		}}},
		{"subscribe", &reply{ID: 2, Subscribe: &subscribeResult{Recoverable: true, Epoch: "e1", Offset: 41, Positioned: true, ID: 3}}},
		{"subscribe not recovered", &reply{ID: 3, Subscribe: &subscribeResult{
			Recoverable: true, Epoch: "e2", Offset: 5, Positioned: true, WasRecovering: true,
		}}},
		{"unsubscribe", &reply{ID: 4, Unsubscribe: &emptyResult{}}},
		{"history", &reply{ID: 5, History: &historyResult{Publications: pubs, Epoch: "e1", Offset: 43}}},
		{"history empty", &reply{ID: 6, History: &historyResult{Publications: []*publication{}, Epoch: "e1"}}},
		{"rpc", &reply{ID: 7, RPC: &rpcResult{Data: payload(`{"ok":true}`)}}},
		{"rpc empty", &reply{ID: 8, RPC: &rpcResult{}}},
		{"refresh", &reply{ID: 9, Refresh: &refreshResult{Client: "DEMOCLIENT", Expires: true, TTL: 240}}},
		{"push publication", &reply{Push: &push{Channel: "status:person_demo", Pub: pubs[0]}}},
		{"push publication by id", &reply{Push: &push{ID: 3, Pub: pubs[1]}}},
		{"push unsubscribe", &reply{Push: &push{Channel: "chat:demo", Unsubscribe: &unsubscribePush{
			Code: unsubscribeInsufficientState, Reason: "insufficient state",
		}}}},
	}
}

// goldenMalformed are messages that do not frame commands.
func goldenMalformed() []vector {
	return []vector{
		{Name: "blank line between", JSON: "{}\n\n{}"},
		{Name: "two newlines at the end", JSON: "{}\n\n"},
		{Name: "newline only", JSON: "\n"},
		{Name: "null", JSON: "null"},
		{Name: "array", JSON: "[{}]"},
		{Name: "text", JSON: "hello"},
		{Name: "two objects in a line", JSON: "{}{}"},
		{Name: "cut object", JSON: `{"id":1,"connect":{`},
		{Name: "negative id", JSON: `{"id":-1,"connect":{}}`},
		{Name: "id beyond 32 bits", JSON: `{"id":4294967296,"connect":{}}`},
		{Name: "fractional offset", JSON: `{"id":1,"subscribe":{"channel":"a:b","offset":1.5}}`},
		{Name: "length without bytes", Protobuf: "05"},
		{Name: "length beyond the message", Protobuf: "7f00"},
		{Name: "length cut", Protobuf: "80"},
		{Name: "length of ten bytes, largest", Protobuf: "ffffffffffffffffff01"},
		{Name: "length beyond 64 bits", Protobuf: "ffffffffffffffffff02"},
		{Name: "length of eleven bytes", Protobuf: "ffffffffffffffffffff01"},
		{Name: "cut field", Protobuf: "0108"},
		{Name: "field number zero", Protobuf: "020000"},
		{Name: "channel is not UTF-8", Protobuf: "062a040a02c328"},
		{Name: "good then cut", Protobuf: "0005"},
	}
}

// goldenViolations are the cases of section "command rules" in which the socket is closed.
func goldenViolations() []violation {
	both := func(name string, connected bool, code int, commands ...*command) violation {
		return violation{
			vector: vector{
				Name: name, JSON: string(encodeCommands(jsonCodec{}, commands...)),
				Protobuf: hex.EncodeToString(encodeCommands(protoCodec{}, commands...)),
			},
			Connected: connected, Close: code,
		}
	}
	connect := &connectRequest{Token: "demo-token"}
	return []violation{
		both("subscribe before connect", false, 3501, &command{ID: 1, Subscribe: &subscribeRequest{Channel: "chat:demo"}}),
		both("connect without id", false, 3501, &command{Connect: connect}),
		both("pong before connect", false, 3501, &command{}),
		both("second connect", true, 3501, &command{ID: 2, Connect: connect}),
		both("subscribe without id", true, 3501, &command{Subscribe: &subscribeRequest{Channel: "chat:demo"}}),
		both("rpc without id", true, 3501, &command{RPC: &rpcRequest{Method: "ack"}}),
		both("id without request", true, 3501, &command{ID: 2}),
		both("pong without ping", true, 3501, &command{}),
		both("subscribe without channel", true, 3501, &command{ID: 2, Subscribe: &subscribeRequest{}}),
		both("history without channel", true, 3501, &command{ID: 2, History: &historyRequest{}}),
		both("bad subscribe behind a good one", true, 3501,
			&command{ID: 2, Subscribe: &subscribeRequest{Channel: "chat:demo"}}, &command{ID: 3, Subscribe: &subscribeRequest{}}),
	}
}

func buildVectors(t *testing.T) vectors {
	t.Helper()
	v := vectors{
		Comment: "Frames of the websocket (Centrifuge client protocol v2) in both framings. " +
			"Written by: go test ./bff/realtime -run Golden -update",
		Malformed: goldenMalformed(), Violations: goldenViolations(),
	}
	var pair []*command
	for _, g := range goldenCommands() {
		v.Commands = append(v.Commands, vector{
			g.name, string(encodeCommands(jsonCodec{}, g.command)), hex.EncodeToString(encodeCommands(protoCodec{}, g.command)),
		})
		if g.name == "connect" || g.name == "subscribe" {
			pair = append(pair, g.command)
		}
	}
	for _, g := range goldenReplies() {
		v.Replies = append(v.Replies, vector{g.name, string(encodeReply(t, jsonCodec{}, g.reply)), hex.EncodeToString(encodeReply(t, protoCodec{}, g.reply))})
	}
	v.Messages = []vector{{
		"connect and subscribe in one message",
		string(encodeCommands(jsonCodec{}, pair...)), hex.EncodeToString(encodeCommands(protoCodec{}, pair...)),
	}}
	return v
}

func encodeReply(t *testing.T, c codec, r *reply) []byte {
	t.Helper()
	b, err := c.encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readVectors reads the committed fixtures.
func readVectors(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestGoldenFixturesAreCurrent is not parallel, so that -update writes before the other tests read.
func TestGoldenFixturesAreCurrent(t *testing.T) {
	want := buildVectors(t)
	if *update {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(want); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(vectorsPath), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsPath, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readVectors(t), want, cmp.AllowUnexported(violation{})); diff != "" {
		t.Errorf("fixtures differ (-file +code):\n%s", diff)
	}
}

// TestGoldenFrames reads the committed bytes, so that a change of both the encoder and the fixtures' builder cannot pass unseen.
func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	commands, replies := goldenCommands(), goldenReplies()
	ignore := cmpopts.IgnoreFields(command{}, "size")
	for i, g := range v.Commands {
		for _, c := range []codec{jsonCodec{}, protoCodec{}} {
			got, err := c.decode(g.bytes(t, c))
			if err != nil {
				t.Fatalf("%s in %s: %v", g.Name, c.name(), err)
			}
			if diff := cmp.Diff([]*command{commands[i].command}, got, ignore, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s in %s (-want +got):\n%s", g.Name, c.name(), diff)
			}
		}
	}
	for i, g := range v.Replies {
		for _, c := range []codec{jsonCodec{}, protoCodec{}} {
			if got, want := string(encodeReply(t, c, replies[i].reply)), string(g.bytes(t, c)); got != want {
				t.Errorf("%s in %s:\n got %q\nwant %q", g.Name, c.name(), got, want)
			}
		}
	}
	for _, g := range v.Messages {
		for _, c := range []codec{jsonCodec{}, protoCodec{}} {
			if got, err := c.decode(g.bytes(t, c)); err != nil || len(got) != 2 {
				t.Errorf("%s in %s: %d commands, %v", g.Name, c.name(), len(got), err)
			}
		}
	}
}

func (v vector) bytes(t *testing.T, c codec) []byte {
	t.Helper()
	if _, ok := c.(jsonCodec); ok {
		return []byte(v.JSON)
	}
	b, err := hex.DecodeString(v.Protobuf)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Malformed {
		var c codec = jsonCodec{}
		if v.Protobuf != "" {
			c = protoCodec{}
		}
		if got, err := c.decode(v.bytes(t, c)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: got %d commands, error %v", v.Name, len(got), err)
		}
	}
	for _, c := range []codec{jsonCodec{}, protoCodec{}} {
		if _, err := c.decode(nil); !errors.Is(err, errMalformed) {
			t.Errorf("empty message in %s: error %v", c.name(), err)
		}
		many := make([]*command, maxCommandsPerMessage+1)
		for i := range many {
			many[i] = &command{}
		}
		if _, err := c.decode(encodeCommands(c, many...)); !errors.Is(err, errMalformed) {
			t.Errorf("too many commands in %s: error %v", c.name(), err)
		}
		if got, err := c.decode(encodeCommands(c, many[1:]...)); err != nil || len(got) != maxCommandsPerMessage {
			t.Errorf("as many commands as allowed in %s: %d, %v", c.name(), len(got), err)
		}
	}
}

func TestFirstOfSeveralRequestsCounts(t *testing.T) {
	t.Parallel()
	got, err := jsonCodec{}.decode([]byte(`{"id":1,"rpc":{},"subscribe":{"channel":"a:b"},"history":{}}`))
	if err != nil || got[0].kind() != "subscribe" {
		t.Errorf("got %q, %v", got[0].kind(), err)
	}
}

func TestJSONPayloadsAreCompactedAndChecked(t *testing.T) {
	t.Parallel()
	b, err := jsonCodec{}.encode(&reply{Push: &push{Channel: "a:b", Pub: &publication{Data: payload("{\n \"a\": 1\n}"), Offset: 1}}})
	if want := `{"push":{"channel":"a:b","pub":{"data":{"a":1},"offset":1}}}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v", b, err)
	}
	if _, err := (jsonCodec{}).encode(&reply{RPC: &rpcResult{Data: payload{0xff}}}); err == nil {
		t.Error("a payload that is not JSON was encoded")
	}
}

func FuzzDecodeJSON(f *testing.F) { fuzzDecode(f, jsonCodec{}) }

func FuzzDecodeProto(f *testing.F) { fuzzDecode(f, protoCodec{}) }

// fuzzDecode checks that no message breaks a decoder, that each failure is the one that closes with 3501, and that what was
// understood survives being written and read again.
func fuzzDecode(f *testing.F, c codec) {
	f.Helper()
	for _, g := range goldenCommands() {
		f.Add(encodeCommands(c, g.command))
	}
	for _, v := range goldenMalformed() {
		b, _ := hex.DecodeString(v.Protobuf)
		f.Add([]byte(v.JSON))
		f.Add(b)
	}
	f.Add([]byte(strings.Repeat("{", 20_000)))
	f.Fuzz(func(t *testing.T, message []byte) {
		commands, err := c.decode(message)
		if err != nil {
			if !errors.Is(err, errMalformed) {
				t.Fatalf("not malformed: %v", err)
			}
			return
		}
		if len(commands) == 0 || len(commands) > maxCommandsPerMessage {
			t.Fatalf("%d commands", len(commands))
		}
		for _, one := range commands {
			if one.isPong() && one.kind() != "" {
				t.Fatal("a pong with a request")
			}
		}
		again, err := c.decode(encodeCommands(c, commands...))
		if err != nil {
			t.Fatalf("what was understood cannot be read again: %v", err)
		}
		if len(again) != len(commands) {
			t.Fatalf("%d commands became %d", len(commands), len(again))
		}
		for i := range again {
			if again[i].kind() != commands[i].kind() || again[i].ID != commands[i].ID {
				t.Fatalf("%+v became %+v", commands[i], again[i])
			}
		}
	})
}
