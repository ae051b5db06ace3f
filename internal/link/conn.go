package link

import (
	"bufio"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Protocol is what a connection is upgraded to.
	Protocol = "lendgate-link/1"

	// readBuffer is what is read from the network at once, in bytes: many small answers, one system call.
	readBuffer = 32 << 10
	// smallBatch is up to how many waiting bytes the writer lets others add theirs before it sends.
	smallBatch = 2 << 10
	// maxWaiting bounds the bytes that wait for the writer. A call beyond it is refused, an answer beyond it ends the connection.
	maxWaiting = 32 << 20
	// silentTicks is after how many ticks without a frame, each with a ping, a peer counts as gone.
	silentTicks = 3
)

var (
	errClosed = errors.New("link: closed")
	errSilent = errors.New("link: the peer has fallen silent")
	errFull   = errors.New("link: too much waits to be sent")
)

// Timing is how patient a connection is. The zero value is what processes use; tests are less patient.
type Timing struct {
	// Tick is how often it looks whether anything was heard, and asks for a sign of life when nothing was. 0 means 5 s.
	Tick time.Duration
	// Write bounds how long the peer may leave what is sent to it unread. 0 means 10 s.
	Write time.Duration
	// Dial bounds how long beginning a connection may take. 0 means 2 s.
	Dial time.Duration
}

func (t Timing) orDefault() Timing {
	if t.Tick == 0 {
		t.Tick = 5 * time.Second
	}
	if t.Write == 0 {
		t.Write = 10 * time.Second
	}
	if t.Dial == 0 {
		t.Dial = 2 * time.Second
	}
	return t
}

// conn is a connection that speaks frames. Caller and server build on it.
type conn struct {
	net    net.Conn
	timing Timing
	// heard is set by every frame that came.
	heard atomic.Bool
	// ended is closed when the connection is over.
	ended chan struct{}

	mu sync.Mutex
	// wake wakes the writer.
	wake *sync.Cond
	// waiting are frames for the writer, spare is the memory of those it sent last.
	waiting, spare []byte
	// queued and taken are how many bytes were ever handed to the writer, and taken by it. What lies between was not sent, not even in part.
	queued, taken uint64
	// err says why the connection is over; nil while it lives.
	err error
}

func newConn(c net.Conn, timing Timing) *conn {
	made := &conn{net: c, timing: timing, ended: make(chan struct{})}
	made.wake = sync.NewCond(&made.mu)
	return made
}

// run writes, reads and watches until the connection is over, and answers with why. handle gets every frame but pings and pongs, one at a time;
// the room is its to leave. Its error ends the connection.
func (c *conn) run(r *bufio.Reader, handle func(k kind, id uint64, content *room) error) error {
	var group sync.WaitGroup
	group.Go(c.write)
	group.Go(c.watch)
	c.fail(c.read(r, handle))
	group.Wait()
	return c.why()
}

// fail ends the connection. The first reason is kept.
func (c *conn) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if first {
		c.net.Close()
		close(c.ended)
		c.wake.Broadcast()
	}
}

// why is the reason of the end; nil before it.
func (c *conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// send hands a frame to the writer.
func (c *conn) send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sendLocked(frame)
}

// sendLocked is send for those who hold mu. The frame is copied.
func (c *conn) sendLocked(frame []byte) error {
	if c.err != nil {
		return c.err
	}
	if len(c.waiting)+len(frame) > maxWaiting {
		return errFull
	}
	if len(c.waiting) == 0 {
		c.wake.Signal()
	}
	c.waiting = append(c.waiting, frame...)
	c.queued += uint64(len(frame))
	return nil
}

// signal sends a frame without content. That a connection which is over does not take it matters to nobody.
func (c *conn) signal(k kind, id uint64) {
	var room [headSize]byte
	_ = c.send(appendHead(room[:0], k, id, 0))
}

// write sends what waits, all of it at once, until the connection is over.
func (c *conn) write() {
	for {
		batch := c.take()
		if batch == nil {
			return
		}
		err := c.net.SetWriteDeadline(time.Now().Add(c.timing.Write)) //nolint:forbidigo // Sockets live by the wall clock.
		if err == nil {
			_, err = c.net.Write(batch)
		}
		if err != nil {
			c.fail(err)
			return
		}
		if cap(batch) <= maxKept {
			c.mu.Lock()
			c.spare = batch[:0]
			c.mu.Unlock()
		}
	}
}

// take waits for frames and takes them all; nil when the connection is over.
func (c *conn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) == 0 && c.err == nil {
		c.wake.Wait()
	}
	if len(c.waiting) < smallBatch && c.err == nil {
		// Whoever is about to send goes first: a screen asks several backends at once, and one system call carries all of it.
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	if c.err != nil {
		return nil
	}
	batch := c.waiting
	c.waiting, c.spare = c.spare, nil
	c.taken = c.queued
	return batch
}

// read reads frames until the connection is over, and answers with why.
func (c *conn) read(r *bufio.Reader, handle func(k kind, id uint64, content *room) error) error {
	var head [headSize]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		k, id, n, err := parseHead(head)
		if err != nil {
			return err
		}
		c.heard.Store(true)
		content := takeRoomOf(n)
		if _, err := io.ReadFull(r, content.b); err != nil {
			return err
		}
		switch k {
		case kindPing:
			content.leave()
			c.signal(kindPong, id)
		case kindPong:
			content.leave()
		default:
			if err := handle(k, id, content); err != nil {
				return err
			}
		}
	}
}

// watch ends a connection whose peer says nothing any more, not even when asked. Without it a peer whose machine lost its power would count as slow for
// as long as TCP hopes.
func (c *conn) watch() {
	ticker := time.NewTicker(c.timing.Tick)
	defer ticker.Stop()
	for silent := 0; ; silent++ {
		select {
		case <-c.ended:
			return
		case <-ticker.C:
		}
		if c.heard.Swap(false) {
			silent = 0
			continue
		}
		if silent == silentTicks {
			c.fail(errSilent)
			return
		}
		c.signal(kindPing, 0)
	}
}
