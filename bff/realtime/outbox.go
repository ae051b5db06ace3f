package realtime

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

const (
	// maxFramesPerMessage and maxMessageBytes bound how many waiting frames share a websocket message.
	maxFramesPerMessage = 16
	maxMessageBytes     = 64 << 10
)

// outbox is what waits to be written to one socket. A goroutine exists only while there is something to write, so that an idle
// socket pays for none. All fields are guarded by the session's mutex.
type outbox struct {
	frames  [][]byte
	bytes   int // waiting and in the message being written
	writing bool
	closing *disconnect // set once: nothing more is queued, and the socket is closed when the queue is empty
}

// queue adds frames to be written. The caller holds s.mu. Frames may be shared among sessions and are never changed.
func (s *session) queue(frames ...[]byte) {
	if s.out.closing != nil {
		return
	}
	for _, f := range frames {
		s.out.frames = append(s.out.frames, f)
		s.out.bytes += len(f)
	}
	if s.out.bytes > s.h.cfg.MaxQueueBytes {
		s.beginClose(closeSlow)
		return
	}
	s.startWriter()
}

// awaitRoom holds the reader back while much is queued: a client that comes back after long may ask for many long tails at once, which is
// no reason to call it slow. Publications do not wait. The caller holds s.mu, which is released meanwhile.
func (s *session) awaitRoom() {
	for s.out.bytes > s.h.cfg.MaxQueueBytes/2 && s.out.closing == nil {
		s.room.Wait()
	}
}

// beginClose lets what is queued go out first, except for a slow client, and then closes the socket. The first call wins.
// The caller holds s.mu.
func (s *session) beginClose(d disconnect) {
	if s.out.closing != nil {
		return
	}
	s.out.closing = &d
	if d == closeSlow {
		s.out.frames = nil
	}
	s.stopTimers()
	s.room.Broadcast()
	s.startWriter()
}

// close is beginClose for callers that do not hold s.mu.
func (s *session) close(d disconnect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beginClose(d)
}

// startWriter starts the writer unless it runs. The caller holds s.mu.
func (s *session) startWriter() {
	if !s.out.writing {
		s.out.writing = true
		go s.write()
	}
}

// write empties the queue and ends; when the session is closing, it closes the socket as the last thing.
func (s *session) write() {
	for {
		s.mu.Lock()
		batch, size := s.out.take()
		if len(batch) == 0 {
			s.out.writing = false
			closing := s.out.closing
			s.mu.Unlock()
			if closing != nil {
				s.h.closer.close(s.conn, *closing)
			}
			return
		}
		s.mu.Unlock()

		ctx, cancel := context.WithTimeout(s.ctx, s.h.cfg.WriteTimeout)
		err := s.conn.Write(ctx, s.codec.messageType(), s.codec.join(batch))
		cancel()

		s.mu.Lock()
		s.out.bytes -= size
		s.room.Broadcast()
		if err != nil {
			// The library has cut the socket, so the reader ends as well and takes the session down.
			s.out.frames = nil
			s.beginClose(closeWriteError)
		}
		s.mu.Unlock()
	}
}

// take removes the frames of the next message.
func (o *outbox) take() ([][]byte, int) {
	n, size := 0, 0
	for n < len(o.frames) && n < maxFramesPerMessage && (n == 0 || size+len(o.frames[n]) <= maxMessageBytes) {
		size += len(o.frames[n])
		n++
	}
	batch := o.frames[:n:n]
	o.frames = o.frames[n:]
	if len(o.frames) == 0 {
		o.frames = nil // lets go of the array
	}
	return batch, size
}

// closer performs closing handshakes, which wait for the peer for seconds, a bounded number at a time.
type closer struct {
	slots chan struct{}
	wait  time.Duration // for a slot; after it the socket is cut without a handshake
}

// close says goodbye with the code and waits for the peer's answer, or cuts when no slot becomes free in time.
func (c closer) close(conn *websocket.Conn, d disconnect) {
	timer := time.NewTimer(c.wait)
	defer timer.Stop()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		// Errors mean that the peer is gone already, which is what was wanted.
		_ = conn.Close(websocket.StatusCode(d.code), d.reason)
	case <-timer.C:
		_ = conn.CloseNow()
	}
}
