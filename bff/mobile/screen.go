package mobile

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/words"
)

const (
	// screenBudget is how long a screen waits for its sections when its caller waits longer.
	screenBudget = 2 * time.Second
	// reserveShare of the time that a caller still has is kept back, at most maxReserve, so that a screen with gaps is answered before the
	// caller has given up.
	reserveShare = 10
	maxReserve   = 100 * time.Millisecond
	// optionalPercent is the part of the screen's time that a section may take which the screen can do without.
	optionalPercent = 60
)

// Screens fetches sections. One serves all screens of a process.
type Screens struct {
	clock    clock.Clock
	log      *slog.Logger
	words    *words.Catalog
	stale    *staleAnswers
	metrics  metrics
	budget   hedgeBudget
	workers  workers
	sources  sync.Map // *source by its name.
	backends sync.Map // *backend by its name.
}

// NewScreens makes the fetcher of sections. It counts, and nobody sees it, until Instrument.
func NewScreens(clk clock.Clock, log *slog.Logger) *Screens {
	s := &Screens{
		clock: clk, log: log, words: words.MustLoad(catalogFiles, "catalog"), stale: newStaleAnswers(clk, maxStaleEntries, maxStaleBytes), metrics: newMetrics(),
		workers: newWorkers(),
	}
	s.budget.credit.Store(maxHedgeCredit)
	return s
}

// section is a part of a screen: the name of its field in the answer, and what fetches and fills it.
type section struct {
	name string
	fill func(ctx context.Context) error
}

// compose fills the sections of a screen side by side, all or those that the mask names, and waits until each has been filled or has said why
// not. Each has its own time: one that the contract marks as required may use the screen's, the others a part of it. The error is that of a
// required section, as the caller may see it; the other ones' stands in their status.
//
// A mask can only leave out: it is held against the contract's names before, and what is not named is not fetched.
func (s *Screens) compose(ctx context.Context, screen proto.Message, mask *fieldmaskpb.FieldMask, sections ...section) error {
	whole := timeOf(ctx)
	patient, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	brief, cancelBrief := context.WithTimeout(patient, whole*optionalPercent/100)
	defer cancelBrief()
	results := make([]result, len(sections))
	var group sync.WaitGroup
	for i, part := range sections {
		if len(mask.GetPaths()) > 0 && !slices.Contains(mask.GetPaths(), part.name) {
			continue
		}
		required := isRequired(screen, part.name)
		ctx := brief
		if required {
			ctx = patient
		}
		group.Add(1)
		s.workers.run(func() {
			defer group.Done()
			results[i] = fill(ctx, part, required)
		})
	}
	group.Wait()
	for _, r := range results {
		if r.panicked != nil {
			panic(r.panicked) // On the caller's goroutine, where the edge answers for it; elsewhere it would end the process.
		}
		if r.err != nil && r.required {
			return rpcerr.PassPeer(r.err)
		}
	}
	return nil
}

type result struct {
	err      error
	required bool
	panicked any
}

func fill(ctx context.Context, part section, required bool) (r result) {
	defer func() {
		if cause := recover(); cause != nil {
			r.panicked = fmt.Sprintf("section %s: %v\n%s", part.name, cause, debug.Stack())
		}
	}()
	return result{err: part.fill(ctx), required: required}
}

// timeOf is how long a screen may wait: its own budget, or what its caller leaves it.
func timeOf(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return screenBudget
	}
	left := time.Until(deadline)
	return min(screenBudget, left-min(left/reserveShare, maxReserve))
}

// isRequired reads the contract: whether a screen can be shown without a section.
func isRequired(screen proto.Message, name string) bool {
	field := screen.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name))
	required, _ := proto.GetExtension(field.Options(), typev1.E_SectionRequired).(bool)
	return required
}
