package mobile

import "time"

// workerRest is for how long a goroutine without work is kept.
const workerRest = time.Second

// workers run functions on goroutines that have grown their stacks before. A read passes a door, its rules and a service: a new goroutine
// copies its stack several times on that way, which was a third of the cost of a screen. There is no bound: who finds nobody idle is given
// a new goroutine.
type workers struct{ idle chan func() }

func newWorkers() workers { return workers{idle: make(chan func())} }

// run has do run elsewhere.
func (w workers) run(do func()) {
	select {
	case w.idle <- do:
	default:
		go w.work(do)
	}
}

func (w workers) work(do func()) {
	rest := time.NewTimer(workerRest)
	defer rest.Stop()
	for {
		do()
		rest.Reset(workerRest)
		select {
		case do = <-w.idle:
		case <-rest.C:
			return
		}
	}
}
