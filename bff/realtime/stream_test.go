package realtime

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRecovery(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, func(c *Config) { c.RecoverPublications, c.RecoverBytes = 5, 1000 })
		for range 10 {
			f.log.publish(demoChat, true)
		}
		f.log.change("chat:trimmed", func(st *memoryStream) {
			st.pubs = make([]Publication, 3) // offsets 1 to 3 are gone
			st.pubs = append(st.pubs, demoPublication(4))
		})
		f.log.change("chat:gone", func(st *memoryStream) { st.pubs = make([]Publication, 3) })
		f.log.change("chat:big", func(st *memoryStream) {
			p := demoPublication(1)
			p.Data, p.JSON = []byte(strings.Repeat("x", 1001)), payload(`"`+strings.Repeat("x", 1001)+`"`)
			st.pubs = append(st.pubs, p)
		})
		one, _ := f.open(c, demoPerson, nil)
		cases := []struct {
			name      string
			ask       subscribeRequest
			recovered bool
			count     int
			offset    uint64
		}{
			{"whole tail", subscribeRequest{Channel: demoChat, Offset: 7, Epoch: "e1"}, true, 3, 7},
			{"any epoch", subscribeRequest{Channel: demoChat, Offset: 5}, true, 5, 5},
			{"nothing missed", subscribeRequest{Channel: demoChat, Offset: 10, Epoch: "e1"}, true, 0, 10},
			{"tail too long", subscribeRequest{Channel: demoChat, Offset: 4, Epoch: "e1"}, false, 0, 10},
			{"tail too big", subscribeRequest{Channel: "chat:big", Epoch: "e1"}, false, 0, 1},
			{"another epoch", subscribeRequest{Channel: demoChat, Offset: 7, Epoch: "e0"}, false, 0, 10},
			{"state invalidated", subscribeRequest{Channel: demoChat, Epoch: "_"}, false, 0, 10},
			{"beyond the top", subscribeRequest{Channel: demoChat, Offset: 11, Epoch: "e1"}, false, 0, 10},
			{"beyond every top", subscribeRequest{Channel: demoChat, Offset: 1 << 63, Epoch: "e1"}, false, 0, 10},
			{"beginning of the tail is gone", subscribeRequest{Channel: "chat:trimmed", Offset: 1, Epoch: "e1"}, false, 0, 4},
			{"behind the trimmed part", subscribeRequest{Channel: "chat:trimmed", Offset: 3, Epoch: "e1"}, true, 1, 3},
			{"whole tail is gone", subscribeRequest{Channel: "chat:gone", Offset: 1, Epoch: "e1"}, false, 0, 3},
			{"empty stream", subscribeRequest{Channel: "chat:empty", Epoch: "e1"}, true, 0, 0},
		}
		for _, tc := range cases {
			tc.ask.Recover = true
			r := one.call(&command{Subscribe: &tc.ask}).Subscribe
			if r == nil || !r.WasRecovering || r.Recovered != tc.recovered || len(r.Publications) != tc.count || r.Offset != tc.offset || r.Epoch != "e1" {
				t.Errorf("%s: %+v", tc.name, r)
			}
			for i, p := range r.Publications {
				if one.payload(p); p.Offset != tc.offset+uint64(i)+1 {
					t.Errorf("%s: publication %d has offset %d", tc.name, i, p.Offset)
				}
			}
			if tc.recovered || tc.count > 0 {
				one.call(&command{Unsubscribe: &channelRequest{Channel: tc.ask.Channel}})
				continue
			}
			one.call(&command{Unsubscribe: &channelRequest{Channel: tc.ask.Channel}})
			tc.ask.Flag = flagRejectUnrecovered
			one.fails(112, &command{Subscribe: &tc.ask})
		}
	})
}

func TestStatusStreamRecoversAtConnect(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, nil)
		for range 3 {
			f.log.publish(demoStatus, true)
		}
		one, result := f.open(c, demoPerson, map[string]*subscribeRequest{
			demoStatus:            {Recover: true, Offset: 1, Epoch: "e1"},
			"status:person_other": {Recover: true, Offset: 1, Epoch: "e1"}, // not made by the server, so ignored
		})
		sub := result.Subs[demoStatus]
		if len(result.Subs) != 1 || !sub.Recovered || len(sub.Publications) != 2 || sub.Offset != 1 {
			t.Fatalf("%+v", sub)
		}
		f.log.publish(demoStatus, false)
		one.publication(demoStatus, 4)
	})
}

func TestManySubscribesInTheFirstMessage(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		// Together the tails are far more than the queue: coming back after long is no reason to be called slow.
		f := newFixture(t, func(c *Config) { c.MaxQueueBytes, c.RecoverBytes = 64<<10, 32<<10 })
		const streams = 100
		commands := []*command{{Connect: &connectRequest{Token: demoPerson}}}
		for i := range streams {
			name := fmt.Sprintf("chat:%d", i)
			f.log.change(name, func(st *memoryStream) {
				big := payload(`"` + strings.Repeat("x", 20<<10) + `"`)
				st.pubs = append(st.pubs, Publication{Offset: 1, Data: big, JSON: big})
			})
			commands = append(commands, &command{Subscribe: &subscribeRequest{Channel: name, Recover: true, Epoch: "e1"}})
		}
		one := f.socket(c)
		one.send(commands...)
		for i := range streams + 1 {
			r := one.next()
			if r.ID != uint32(i+1) || r.Error != nil {
				t.Fatalf("reply %d: %+v %+v", i, r, r.Error)
			}
			if i > 0 && (!r.Subscribe.Recovered || len(r.Subscribe.Publications) != 1) {
				t.Fatalf("reply %d: %+v", i, r.Subscribe)
			}
		}
	})
}

func TestPublishedWhileJoiningComesOnceAndBehindTheAnswer(t *testing.T) {
	t.Parallel()
	// The new subscription has registered and reads the log. What is published before its read gets into the answer, what is
	// published behind its read comes as a push, and both were fanned out while it was joining.
	for _, when := range []string{"before the read", "behind the read"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			eachFraming(t, func(t *testing.T, c codec) {
				f := newFixture(t, nil)
				other, _ := f.open(c, "person_other", nil)
				other.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
				one, _ := f.open(c, demoPerson, nil)
				var done atomic.Bool
				hook := func() {
					if done.CompareAndSwap(false, true) {
						f.log.publish(demoChat, false)
						other.publication(demoChat, 1)
						f.log.publish(demoChat, false)
						other.publication(demoChat, 2)
					}
				}
				f.log.mu.Lock()
				inAnswer := 2
				if f.log.before = hook; when == "behind the read" {
					f.log.before, f.log.after, inAnswer = nil, hook, 0
				}
				f.log.mu.Unlock()

				reads := f.log.reads.Load()
				r := one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat, Recover: true, Epoch: "e1"}}).Subscribe
				if !r.Recovered || len(r.Publications) != inAnswer {
					t.Fatalf("%+v", r)
				}
				for offset := inAnswer + 1; offset <= 2; offset++ {
					one.publication(demoChat, uint64(offset))
				}
				if got := f.log.reads.Load() - reads; got != 3 {
					t.Errorf("%d reads, want one for the subscribe and one for each publication", got)
				}
				f.log.publish(demoChat, false)
				one.publication(demoChat, 3)
			})
		})
	}
}

func TestMoreThanAJoiningSubscriptionKeepsIsReadAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	other, _ := f.open(jsonCodec{}, "person_other", nil)
	other.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	const count = maxKept + readBatch + 1
	var done atomic.Bool
	f.log.mu.Lock()
	f.log.after = func() {
		if done.CompareAndSwap(false, true) {
			for range count {
				f.log.publish(demoChat, true)
			}
			f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoChat})
			for offset := range uint64(count) {
				other.publication(demoChat, offset+1)
			}
		}
	}
	f.log.mu.Unlock()
	if r := one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}}).Subscribe; r.Offset != 0 {
		t.Fatalf("%+v", r)
	}
	for offset := range uint64(count) {
		one.publication(demoChat, offset+1)
	}
}

func TestOneReadServesAllSubscribers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	var clients []*client
	for i := range 10 {
		one, _ := f.open([]codec{jsonCodec{}, protoCodec{}}[i%2], fmt.Sprintf("person_%d", i), nil)
		one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
		clients = append(clients, one)
	}
	before := f.log.reads.Load()
	f.log.publish(demoChat, false)
	for _, one := range clients {
		one.publication(demoChat, 1)
	}
	if got := f.log.reads.Load() - before; got != 1 {
		t.Errorf("%d reads of the log for one publication to 10 subscribers", got)
	}
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoChat, Offset: 1}) // late and double
	f.log.publish(demoChat, false)
	for _, one := range clients {
		one.publication(demoChat, 2)
	}
	if got := f.log.reads.Load() - before; got != 2 {
		t.Errorf("%d reads after a double wake-up", got)
	}
}

func TestTenantsDoNotShareStreams(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	f.log.wakeups.send(Wakeup{Tenant: "other", Stream: demoStatus, Offset: 1})
	f.log.publish(demoStatus, false)
	one.publication(demoStatus, 1)
}

func TestLostWakeupsAreRepaired(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.CheckInterval = 40 * time.Millisecond })
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	for offset := range uint64(5) {
		f.log.publish(demoStatus, true)
		one.publication(demoStatus, offset+1)
	}
}

func TestLongTailIsDeliveredInBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(protoCodec{}, demoPerson, nil)
	const count = 3*readBatch + 7
	for range count {
		f.log.publish(demoStatus, true)
	}
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoStatus})
	for offset := range uint64(count) {
		one.publication(demoStatus, offset+1)
	}
}

func TestHoleInTheLogIsToldAndNotPassedOver(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, nil)
		one, _ := f.open(c, demoPerson, nil)
		one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
		f.log.change(demoChat, func(st *memoryStream) { st.hole = 2 })
		f.log.publish(demoChat, true)
		f.log.publish(demoChat, true)
		f.log.publish(demoChat, false)
		one.publication(demoChat, 1)
		r := one.next()
		if r.Push == nil || r.Push.Unsubscribe == nil || r.Push.Unsubscribe.Code != 2500 || r.Push.Channel != demoChat {
			t.Fatalf("want unsubscribe 2500, got %+v", r.Push)
		}
		f.log.change(demoChat, func(st *memoryStream) { st.hole = 0 })
		sub := one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat, Recover: true, Offset: 1, Epoch: "e1"}}).Subscribe
		if !sub.Recovered || len(sub.Publications) != 2 {
			t.Errorf("%+v", sub)
		}

		// The same in a stream that the server subscribed needs a new connection.
		f.log.change(demoStatus, func(st *memoryStream) { st.hole = 1 })
		f.log.publish(demoStatus, true)
		f.log.publish(demoStatus, false)
		one.closed(3010)
	})
}

func TestStalledLogIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	f.log.change(demoStatus, func(st *memoryStream) { st.hole = 1 }) // the top says 1, and 1 never comes
	f.log.publish(demoStatus, false)
	one.closed(3010)
}

func TestLogThatWentBackIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	for offset := range uint64(3) {
		f.log.publish(demoStatus, false)
		one.publication(demoStatus, offset+1)
	}
	// As after a restore from a backup that forgot to change the epoch.
	f.log.change(demoStatus, func(st *memoryStream) { st.pubs = st.pubs[:2] })
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoStatus})
	one.closed(3010)
}

func TestChangedEpochIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	f.log.publish(demoChat, true)
	one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
	f.log.change(demoChat, func(st *memoryStream) { st.epoch, st.pubs = "e2", nil })
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoChat})
	if r := one.next(); r.Push == nil || r.Push.Unsubscribe == nil || r.Push.Unsubscribe.Code != 2500 {
		t.Fatalf("%+v", r.Push)
	}
	sub := one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat, Recover: true, Offset: 1, Epoch: "e1"}}).Subscribe
	if sub.Recovered || !sub.WasRecovering || sub.Epoch != "e2" || sub.Offset != 0 {
		t.Fatalf("%+v", sub)
	}
	f.log.publish(demoChat, false)
	one.publication(demoChat, 1)
}

func TestCrowdThatMissedSomethingIsToldOneByOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.log.publish(demoChat, true)
	var clients []*client
	for i := range 2 * crowd {
		one, _ := f.open(jsonCodec{}, fmt.Sprintf("person_%d", i), nil)
		one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
		clients = append(clients, one)
	}
	f.log.change(demoChat, func(st *memoryStream) { st.epoch, st.pubs = "e2", nil })
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoChat})
	for _, one := range clients {
		if r := one.next(); r.Push == nil || r.Push.Unsubscribe == nil || r.Push.Unsubscribe.Code != 2500 {
			t.Fatalf("%+v", r.Push)
		}
	}
}

func TestRevokedRightEndsTheSubscription(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
	f.log.change(demoChat, func(st *memoryStream) { st.denied = true })
	f.log.publish(demoChat, false)
	if r := one.next(); r.Push == nil || r.Push.Unsubscribe == nil || r.Push.Unsubscribe.Code != 2000 {
		t.Fatalf("%+v", r.Push)
	}
}

func TestOutageOfTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	setFail := func(err error) {
		f.log.mu.Lock()
		defer f.log.mu.Unlock()
		f.log.fail = err
	}
	setFail(errors.New("demo outage"))
	one.fails(100, &command{Subscribe: &subscribeRequest{Channel: demoChat}})
	two := f.socket(jsonCodec{})
	two.send(&command{Connect: &connectRequest{Token: demoPerson}})
	two.closed(3004)
	f.log.publish(demoStatus, false)
	one.fails(100, &command{History: &historyRequest{Channel: demoStatus}}) // the wake-up's read failed meanwhile or will
	setFail(nil)
	one.publication(demoStatus, 1) // by the retry
}
