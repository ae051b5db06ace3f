package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// face is what of a process the outside sees, for its end; the zero value is a process without an edge.
type face struct {
	// leave makes it unready and sends callers away with their answers; sockets closes the websockets.
	leave   func()
	sockets func(ctx context.Context) error
}

// face is what is drained of the front. Nil has none.
func (f *front) face() face {
	if f == nil {
		return face{}
	}
	return face{leave: f.edge.Drain, sockets: f.socket.Drain}
}

// lastWords is how long a connection that was made last has to say what it wants.
const lastWords = 100 * time.Millisecond

// drain stops serving without dropping anything. First the process says on /readyz that it is going, and on every answer that its connection
// ends (Connection: close, in HTTP/2 GOAWAY), and serves on for the grace, in which balancers and clients turn away. Then the ports close,
// requests in hand finish, and sockets are sent away in slices. What is not done when the drain time ends is cut off; false tells that.
func drain(face face, servers map[string]*server, grace, patience time.Duration) bool {
	if face.leave != nil {
		face.leave()
		if servers["edge"].inherited {
			servers["edge"].retire()
		}
		servers["edge"].settle(grace)
	}
	for _, name := range []string{"edge", "internal"} { // Readiness is told until the end.
		if s := servers[name]; s != nil {
			s.retire()
			s.settle(lastWords)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var sockets sync.WaitGroup
	if face.sockets != nil {
		sockets.Go(func() { _ = face.sockets(ctx) }) // Its error is that of ctx, which the servers have, too.
	}
	whole := true
	for _, name := range []string{"edge", "internal", "ops"} { // The edge asks the services.
		if s := servers[name]; s != nil && s.shutdown(ctx) != nil {
			whole = false
			_ = s.http.Close()
		}
		if name == "edge" {
			sockets.Wait()
		}
	}
	return whole
}

// settle waits for a while; less, when the port is closed and the last connection has ended.
func (s *server) settle(while time.Duration) {
	end, look := time.NewTimer(while), time.NewTicker(10*time.Millisecond)
	defer end.Stop()
	defer look.Stop()
	for !s.retired.Load() || s.open.Load() > 0 {
		select {
		case <-end.C:
			return
		case <-look.C:
		}
	}
}

// firstInherited is the number of the first file that a service manager hands over (sd_listen_fds(3)).
const firstInherited = 3

// inheritedListener is the port that a service manager opened for this process, such as a systemd socket; nil when there is none. Such a port
// outlives the process: while one lendgate ends and the next begins, connections wait in it and none is refused.
func inheritedListener(getenv func(string) string, first uintptr) (net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || getenv("LISTEN_FDS") == "" {
		return nil, nil
	}
	if getenv("LISTEN_FDS") != "1" {
		return nil, fmt.Errorf("LISTEN_FDS: the edge takes one port, not %s", getenv("LISTEN_FDS"))
	}
	file := os.NewFile(first, "edge")
	if file == nil {
		return nil, errors.New("LISTEN_FDS: no such file")
	}
	defer file.Close() // The listener has a copy.
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("LISTEN_FDS: %w", err)
	}
	return listener, nil
}
