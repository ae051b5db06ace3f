package attack_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"
)

// Frames of HTTP/2 that the floods are made of (RFC 9113 section 6).
const (
	frameHeaders, frameReset, frameSettings, framePing, frameContinuation = 0x1, 0x3, 0x4, 0x6, 0x9

	flagEndStream, flagEndHeaders = 0x1, 0x4
)

// frame is one frame on the wire.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	out := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// question is GET / at x, by the static table of HPACK (RFC 7541 appendix A).
var question = []byte{0x82, 0x86, 0x84, 0x41, 0x01, 'x'}

// flood opens a connection and writes frames until all are written or the server hangs up. Closed ends when it has.
func (p *people) flood(t *testing.T, frames int, next func(i int) []byte) (closed <-chan struct{}) {
	t.Helper()
	conn, done := p.dial(t), make(chan struct{})
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0, nil)...)); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, conn) // Until the server, or the test's end, closes it.
	}()
	go func() {
		for i := range frames {
			if _, err := conn.Write(next(i)); err != nil {
				return // The server has hung up.
			}
		}
	}()
	return done
}

// t07 floods by streams that are reset at once, by pings, and by headers that never end; others ask for their screen meanwhile.
func t07(t *testing.T, p *people) string {
	resets := scale(t, 2000)
	p.flood(t, resets, func(i int) []byte {
		stream := uint32(2*i + 1) //nolint:gosec // Far below the range's end.
		return append(frame(frameHeaders, flagEndStream|flagEndHeaders, stream, question), frame(frameReset, 0, stream, []byte{0, 0, 0, 8})...)
	})
	p.flood(t, resets, func(int) []byte { return frame(framePing, 0, 0, make([]byte, 8)) })
	endless := p.flood(t, 10_000, func(i int) []byte {
		if i == 0 {
			return frame(frameHeaders, flagEndStream, 1, question)
		}
		return frame(frameContinuation, 0, 1, append([]byte{0x00, 0x01, 'x', 0x7f, 0x81, 0x7e}, make([]byte, 16_000)...))
	})
	worst := time.Duration(0)
	for range 20 {
		began := time.Now()
		if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
			t.Errorf("a read meanwhile: %d %s", a.Status, a.Reason)
		}
		worst = max(worst, time.Since(began))
	}
	if worst > 2*time.Second {
		t.Errorf("a read took %s meanwhile", worst)
	}
	select {
	case <-endless:
	case <-time.After(10 * time.Second):
		t.Error("headers that never end are still listened to")
	}
	return fmt.Sprintf("%d resets of 100,000, %d pings, headers without an end", resets, resets)
}
