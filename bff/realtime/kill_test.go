package realtime

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// reader consumes streams over many connections, as an SDK does, and notes every offset that it was given.
type reader struct {
	f        *fixture
	codec    codec
	person   string
	epoch    string
	offset   uint64 // last seen of the status stream
	chat     uint64 // last seen of the chat
	joined   bool   // the chat was subscribed before
	problems []string
}

// TestNothingLostNothingDoubled kills sockets and whole handlers at random while facts are published and half of the wake-ups are
// lost. The log is the oracle: each reader must have seen each offset once, in order.
func TestNothingLostNothingDoubled(t *testing.T) {
	t.Parallel()
	eachFraming(t, func(t *testing.T, c codec) {
		const total, readers = 600, 4
		f := newFixture(t, func(c *Config) { c.CheckInterval = 50 * time.Millisecond })
		f.log.wakeups.lose = func() bool { return rand.IntN(2) == 0 }
		var group sync.WaitGroup
		group.Go(func() {
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for i := range total {
				<-pace.C
				for p := range readers {
					f.log.publish(fmt.Sprintf("status:person_%d", p), false)
				}
				f.log.publish(demoChat, false)
				if i%150 == 75 {
					old := f.current.Load()
					f.start() // a new process takes over, the old one dies without a word
					old.Close()
				}
			}
		})
		all := make([]*reader, readers)
		for p := range readers {
			all[p] = &reader{f: f, codec: c, person: fmt.Sprintf("person_%d", p)}
			group.Go(func() { all[p].run(total) })
		}
		group.Wait()
		for _, r := range all {
			if len(r.problems) > 0 || r.offset != total || r.chat != total {
				t.Errorf("%s: status at %d, chat at %d of %d, problems %v", r.person, r.offset, r.chat, total, r.problems)
			}
		}
	})
}

// run reads until everything was seen, over as many sockets as it takes.
func (r *reader) run(total uint64) {
	deadline := time.Now().Add(testPatience)
	for (r.offset < total || r.chat < total) && time.Now().Before(deadline) {
		one, err := r.f.trySocket(r.codec, "")
		if err != nil {
			continue // the handler was just killed
		}
		r.session(one, total, 1+rand.IntN(150))
		one.conn.CloseNow()
	}
}

// session reads a number of frames and then drops the socket in the middle of everything.
func (r *reader) session(one *client, total uint64, frames int) {
	connect := &connectRequest{Token: r.person}
	if r.epoch != "" {
		connect.Subs = map[string]*subscribeRequest{"status:" + r.person: {Recover: true, Offset: r.offset, Epoch: r.epoch}}
	}
	chat := &subscribeRequest{Channel: demoChat, Recover: r.joined, Offset: r.chat, Epoch: "e1"}
	commands := []*command{{ID: 1, Connect: connect}, {ID: 2, Subscribe: chat}}
	if one.conn.Write(r.f.t.Context(), r.codec.messageType(), encodeCommands(r.codec, commands...)) != nil {
		return
	}
	for range frames {
		if r.offset >= total && r.chat >= total {
			return
		}
		reply, err := one.receive()
		if err != nil {
			return
		}
		r.take(reply)
	}
}

func (r *reader) take(m *reply) {
	switch {
	case m.Connect != nil:
		r.start(m.Connect.Subs["status:"+r.person], r.epoch != "", &r.offset)
		r.epoch = m.Connect.Subs["status:"+r.person].Epoch
	case m.Subscribe != nil:
		r.start(m.Subscribe, r.joined, &r.chat)
		r.joined = true
	case m.Push != nil && m.Push.Pub != nil:
		if m.Push.Channel == demoChat {
			r.see(m.Push.Pub, &r.chat)
		} else {
			r.see(m.Push.Pub, &r.offset)
		}
	default:
		r.problems = append(r.problems, fmt.Sprintf("frame %+v", m))
	}
}

// start takes a subscription's beginning. The first one replays nothing, so it defines what counts as seen.
func (r *reader) start(s *subscribeResult, recovering bool, last *uint64) {
	switch {
	case !recovering:
		*last = s.Offset
	case !s.Recovered:
		r.problems = append(r.problems, "not recovered")
	}
	for _, p := range s.Publications {
		r.see(p, last)
	}
}

func (r *reader) see(p *publication, last *uint64) {
	if p.Offset != *last+1 {
		r.problems = append(r.problems, fmt.Sprintf("%d behind %d", p.Offset, *last))
	}
	*last = p.Offset
}
