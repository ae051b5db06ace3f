package app

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells a person what is being done and how long it took. It is safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	now   func() time.Time
	start time.Time
}

func newProgress(out io.Writer, now func() time.Time) *progress {
	return &progress{out: out, now: now, start: now()}
}

// note prints a line about what goes on.
func (p *progress) note(line string) { p.print("  · " + line) }

// begin begins a step; the answer ends it with a word about how.
func (p *progress) begin(name string) func(how string) {
	began := p.now()
	return func(how string) {
		p.print(fmt.Sprintf("  ✓ %-12s %6.1f s  %s", name, p.now().Sub(began).Seconds(), how))
	}
}

// elapsed is the time since the start, in seconds.
func (p *progress) elapsed() float64 { return p.now().Sub(p.start).Seconds() }

func (p *progress) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, line)
}
