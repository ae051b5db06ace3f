package realtime

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestConnectSubscribesTheStatusStream(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, nil)
		f.log.publish(demoStatus, true)
		one, result := f.open(c, demoPerson, nil)
		if result.Client == "" || result.Ping < 45 || result.Ping > 55 || !result.Pong || result.Expires {
			t.Errorf("connect result %+v", result)
		}
		sub := result.Subs[demoStatus]
		if sub == nil || sub.Offset != 1 || sub.Epoch != "e1" || !sub.Recoverable || !sub.Positioned || sub.WasRecovering {
			t.Fatalf("subscription %+v", sub)
		}
		f.log.publish(demoStatus, false)
		one.publication(demoStatus, 2)
		f.log.publish(demoStatus, false)
		one.publication(demoStatus, 3)
	})
}

func TestViolationsCloseTheSocket(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Violations {
		for _, c := range []codec{jsonCodec{}, protoCodec{}} {
			t.Run(v.Name+" in "+c.name(), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, nil)
				one := f.socket(c)
				if v.Connected {
					one.send(&command{Connect: &connectRequest{Token: demoPerson}})
					one.next()
				}
				one.write(v.bytes(t, c))
				one.closed(uint16(v.Close))
			})
		}
	}
	for _, v := range readVectors(t).Malformed {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			var c codec = jsonCodec{}
			if v.Protobuf != "" {
				c = protoCodec{}
			}
			one, _ := f.open(c, demoPerson, nil)
			one.write(v.bytes(t, c))
			one.closed(3501)
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, nil)

		// What travels behind a refused connect must not turn "come back with a new token" into "stay away".
		one := f.socket(c)
		one.send(
			&command{Connect: &connectRequest{Token: "expired"}},
			&command{Subscribe: &subscribeRequest{Channel: demoChat}},
		)
		if r := one.next(); r.ID != 1 || r.Error == nil || r.Error.Code != 109 {
			t.Errorf("expired token: %+v", r)
		}

		one = f.socket(c)
		one.send(&command{Connect: &connectRequest{Token: "invalid"}})
		one.closed(3500)

		one = f.socket(c)
		one.send(&command{Connect: &connectRequest{Token: "down"}})
		one.closed(3004)

		one, result := f.open(c, demoPerson+"/device_a@1000s", nil)
		if !result.Expires || result.TTL < 790 || result.TTL > 1000 {
			t.Errorf("lifetime %v %d", result.Expires, result.TTL)
		}
		if r := one.call(&command{Refresh: &refreshRequest{Token: demoPerson + "/device_a"}}); r.Refresh == nil || r.Refresh.Expires {
			t.Errorf("refresh: %+v", r)
		}
		one.fails(100, &command{Refresh: &refreshRequest{Token: "down"}})
		one.send(&command{Refresh: &refreshRequest{Token: demoPerson + "/device_b"}})
		one.closed(3500)

		one, _ = f.open(c, demoPerson, nil)
		one.send(&command{Refresh: &refreshRequest{Token: "expired"}})
		one.closed(3005)
	})
}

func TestCommandsAreAnsweredInTheirOwnWay(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, func(c *Config) { c.MaxSubscriptions = 3 })
		one, _ := f.open(c, demoPerson, nil)
		subscribe := func(r *subscribeRequest) *command { return &command{Subscribe: r} }

		one.fails(103, subscribe(&subscribeRequest{Channel: "status:person_other"}))
		one.fails(102, subscribe(&subscribeRequest{Channel: "nokind"}))
		one.fails(102, subscribe(&subscribeRequest{Channel: "unknown:demo"}))
		one.fails(105, subscribe(&subscribeRequest{Channel: demoStatus}))
		one.fails(107, subscribe(&subscribeRequest{Channel: "chat:" + strings.Repeat("x", 251)}))
		one.fails(107, subscribe(&subscribeRequest{Channel: demoChat, Filter: payload(`{}`)}))
		one.fails(108, subscribe(&subscribeRequest{Channel: demoChat, Type: 4}))
		f.log.change("chat:denied", func(st *memoryStream) { st.denied = true })
		one.fails(103, subscribe(&subscribeRequest{Channel: "chat:denied"}))

		if r := one.call(subscribe(&subscribeRequest{Channel: demoChat})); r.Subscribe == nil || r.Subscribe.ID != 0 {
			t.Errorf("subscribe: %+v", r)
		}
		one.fails(105, subscribe(&subscribeRequest{Channel: demoChat}))
		numeric := one.call(subscribe(&subscribeRequest{Channel: "chat:two", Flag: flagNumericIDs})).Subscribe
		wantName := ""
		if c == (protoCodec{}) {
			wantName = "chat:two" // see beginSubscribe
		}
		if numeric == nil || (numeric.ID == 0) != (wantName != "") {
			t.Fatalf("numeric subscribe: %+v", numeric)
		}
		one.fails(106, subscribe(&subscribeRequest{Channel: "chat:three"}))

		f.log.publish("chat:two", false)
		if r := one.next(); r.Push == nil || r.Push.ID != numeric.ID || r.Push.Channel != wantName || r.Push.Pub.Offset != 1 {
			t.Errorf("push by id: %+v", r.Push)
		}

		one.fails(108, &command{Publish: &publishRequest{Channel: demoChat, Data: payload(`{}`)}})
		one.fails(108, &command{Presence: &channelRequest{Channel: demoChat}})
		one.fails(108, &command{PresenceStats: &channelRequest{Channel: demoChat}})
		one.fails(108, &command{Ping: &emptyRequest{}})
		one.fails(108, &command{SubRefresh: &subRefreshRequest{Channel: demoChat}})
		one.fails(104, &command{RPC: &rpcRequest{Method: "nothing"}})

		for range 2 { // also when not subscribed any more
			if r := one.call(&command{Unsubscribe: &channelRequest{Channel: demoChat}}); r.Unsubscribe == nil {
				t.Errorf("unsubscribe: %+v", r)
			}
		}
		f.log.publish(demoChat, false)
		f.log.publish(demoStatus, false)
		one.publication(demoStatus, 1) // and nothing of the chat
	})
}

func TestOversizedCommandsAreAnsweredNotCut(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, nil)
		one, _ := f.open(c, demoPerson, nil)
		big, _ := json.Marshal(strings.Repeat("x", 65<<10))
		one.fails(107, &command{RPC: &rpcRequest{Method: "ack", Data: big}})
		one.send(&command{Send: &sendRequest{Data: big}}) // dropped
		one.fails(104, &command{RPC: &rpcRequest{Method: "still here"}})
	})
}

func TestTooManyCommandsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.CommandsPerSecond, c.CommandBurst = 1, 3 })
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	for range 3 {
		one.fails(104, &command{RPC: &rpcRequest{Method: "x"}})
	}
	one.fails(111, &command{RPC: &rpcRequest{Method: "x"}})
	if r := one.call(&command{Unsubscribe: &channelRequest{Channel: demoChat}}); r.Unsubscribe == nil {
		t.Errorf("unsubscribe was answered by %+v", r)
	}
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, func(c *Config) { c.RecoverPublications = 5 })
		one, _ := f.open(c, demoPerson, nil)
		for range 8 {
			f.log.publish(demoChat, true)
		}
		cases := []struct {
			name string
			ask  historyRequest
			want []uint64
		}{
			{"top only", historyRequest{}, nil},
			{"as many as allowed", historyRequest{Limit: -1}, []uint64{1, 2, 3, 4, 5}},
			{"no more than allowed", historyRequest{Limit: 100}, []uint64{1, 2, 3, 4, 5}},
			{"after a position", historyRequest{Limit: 2, Since: &streamPosition{Offset: 5, Epoch: "e1"}}, []uint64{6, 7}},
			{"at the top", historyRequest{Limit: 2, Since: &streamPosition{Offset: 8}}, nil},
			{"newest first", historyRequest{Limit: 3, Reverse: true}, []uint64{8, 7, 6}},
			{"before a position", historyRequest{Limit: 3, Reverse: true, Since: &streamPosition{Offset: 3}}, []uint64{2, 1}},
			{"before the first", historyRequest{Limit: 3, Reverse: true, Since: &streamPosition{Offset: 1}}, nil},
		}
		for _, tc := range cases {
			tc.ask.Channel = demoChat
			r := one.call(&command{History: &tc.ask}).History
			if r == nil || r.Offset != 8 || r.Epoch != "e1" {
				t.Errorf("%s: %+v", tc.name, r)
				continue
			}
			var got []uint64
			for _, p := range r.Publications {
				one.payload(p)
				got = append(got, p.Offset)
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
			}
		}
		one.fails(112, &command{History: &historyRequest{Channel: demoChat, Since: &streamPosition{Epoch: "e0"}}})
		one.fails(107, &command{History: &historyRequest{Channel: demoChat, Limit: 1, Reverse: true, Since: &streamPosition{}}})
		one.fails(107, &command{History: &historyRequest{Channel: demoChat, Limit: 1, Since: &streamPosition{Offset: 1 << 60}}})
		one.fails(103, &command{History: &historyRequest{Channel: "status:person_other", Limit: 1}})
	})
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(protoCodec{}, demoPerson, nil)
	f.log.publish(demoStatus, false)
	one.publication(demoStatus, 1)
	ack := func(data string) *command { return &command{RPC: &rpcRequest{Method: "ack", Data: payload(data)}} }

	one.fails(107, ack(`not json`))
	one.fails(103, ack(`{"stream":"chat:demo","epoch":"e1","offset":1}`))
	one.fails(112, ack(`{"stream":"status:person_demo","epoch":"e0","offset":1}`))
	one.fails(107, ack(`{"stream":"status:person_demo","epoch":"e1","offset":2}`))
	if r := one.call(ack(`{"stream":"status:person_demo","epoch":"e1","offset":1}`)); r.RPC == nil {
		t.Errorf("ack: %+v", r)
	}
	if got, _ := f.acks.last.Load(demoStatus); got != (Position{Offset: 1, Epoch: "e1"}) {
		t.Errorf("recorded %v", got)
	}
	f.log.publish(demoStatus, false)
	one.publication(demoStatus, 2)
	one.send(&command{Send: &sendRequest{Data: payload(`{"ack":{"stream":"status:person_demo","epoch":"e1","offset":2}}`)}})
	one.fails(104, &command{RPC: &rpcRequest{Method: "x"}}) // sent behind, so answered behind
	if got, _ := f.acks.last.Load(demoStatus); got != (Position{Offset: 2, Epoch: "e1"}) {
		t.Errorf("recorded %v", got)
	}
}

func TestWithoutAcksTheMethodIsOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Acks = nil })
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	one.fails(108, &command{RPC: &rpcRequest{Method: "ack", Data: payload(`{}`)}})
}

func TestJSONPayloadsInProtobufFraming(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one := f.socket(protoCodec{})
	one.send(&command{Connect: &connectRequest{Token: demoPerson, Data: payload(`{"payload":"json"}`)}})
	one.next()
	f.log.publish(demoStatus, false)
	if r := one.next(); string(r.Push.Pub.Data) != `{"n":1}` {
		t.Errorf("payload %q", r.Push.Pub.Data)
	}
}

func TestFramingByQuery(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, query := range []string{"?cf_protocol=protobuf", "?format=protobuf"} {
		one, err := f.trySocket(protoCodec{}, query)
		if err != nil {
			t.Fatal(err)
		}
		one.send(&command{Connect: &connectRequest{Token: demoPerson}})
		if r := one.next(); r.Connect == nil {
			t.Errorf("%s: %+v", query, r)
		}
		one.conn.CloseNow()
	}
}

func TestPayloadThatIsNotJSONCannotGoToAJSONClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	f.log.change(demoStatus, func(st *memoryStream) {
		st.pubs = append(st.pubs, Publication{Offset: 1, Data: []byte{1}})
	})
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoStatus})
	one.closed(3506)
}
