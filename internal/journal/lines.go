package journal

import (
	"io"
	"sync"
	"time"
)

const (
	// delay is how long a line waits for others, so that they are written together: a write costs more than the line.
	delay = time.Second
	// room is how much waits at most.
	room = 64 << 10
)

// lines gathers lines of the log and writes them together: after delay, when they are many, and when flush is called, which
// the handler does for warnings and errors and the process at its end. A process that is killed loses the lines of its last second.
type lines struct {
	out io.Writer

	mu      sync.Mutex
	waiting []byte
	timer   *time.Timer // Running while lines wait.
}

func newLines(out io.Writer) *lines {
	l := &lines{out: out, waiting: make([]byte, 0, room)}
	l.timer = time.AfterFunc(delay, l.flush)
	return l
}

// Write takes a line in. It reports no failure: nobody could do anything about it.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(line) > room {
		l.write()
	}
	if len(l.waiting) == 0 {
		l.timer.Reset(delay)
	}
	l.waiting = append(l.waiting, line...)
	return len(line), nil
}

// flush writes what waits.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

func (l *lines) write() {
	if len(l.waiting) > 0 {
		_, _ = l.out.Write(l.waiting) // As above.
		l.waiting = l.waiting[:0]
	}
}
