package flows

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// The pause before a worker is started again.
const (
	workerPause    = 500 * time.Millisecond
	workerPauseMax = 30 * time.Second
)

// stopPatience is how long activities may go on after a stop was asked for. One that is cut off runs again elsewhere.
const stopPatience = 10 * time.Second

// Worker runs processes and their activities for the engine. Any number of them may run, in any number of processes. A task is given to one
// of them at a time; when that one dies, the engine gives it to another after its timeout.
type Worker struct {
	temporal client.Client
	log      *slog.Logger
	register func(worker.Registry)
}

// NewWorker makes a worker.
func NewWorker(deps Deps) *Worker {
	return &Worker{temporal: deps.Temporal, log: deps.Log, register: func(r worker.Registry) { Register(r, deps) }}
}

// Register tells the engine's SDK what a worker can do. It is apart for tests that run without an engine. The order does not matter; the
// names do, since histories hold them.
func Register(r worker.Registry, deps Deps) {
	r.RegisterWorkflow(Application)
	r.RegisterActivity(&activities{clock: deps.Clock, tenants: deps.Tenants, backends: deps.Backends})
}

// Run works until ctx ends. While the engine is away it keeps trying.
func (w *Worker) Run(ctx context.Context) {
	pause := workerPause
	for ctx.Err() == nil {
		fatal := make(chan error, 1)
		working := worker.New(w.temporal, TaskQueue, worker.Options{
			WorkerStopTimeout: stopPatience,
			OnFatalError: func(err error) {
				select {
				// The first error says enough, and the SDK must not be held up by one that nobody reads.
				case fatal <- err:
				default:
				}
			},
		})
		w.register(working)
		err := working.Start()
		if err == nil {
			pause = workerPause
			select {
			case <-ctx.Done():
			case err = <-fatal:
			}
		}
		// Also after a start that failed: it releases what was begun.
		working.Stop()
		if err != nil {
			w.log.WarnContext(ctx, "workflow worker not running, will try again", "error", err.Error())
			pause = wait(ctx, pause, workerPauseMax)
		}
	}
}

// wait waits for pause or the end of ctx, and answers with the next pause: twice as long, up to most.
func wait(ctx context.Context, pause, most time.Duration) time.Duration {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return min(2*pause, most)
}
