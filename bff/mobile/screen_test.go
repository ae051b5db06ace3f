package mobile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// homeSections are sections named as those of the home screen, of which the greeting is required.
func homeSections(fill func(ctx context.Context, name string) error) []section {
	var out []section
	for _, name := range []string{"greeting", "loans", "application", "notices"} {
		out = append(out, section{name, func(ctx context.Context) error { return fill(ctx, name) }})
	}
	return out
}

func TestComposeFetchesWhatTheMaskNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		mask *fieldmaskpb.FieldMask
		want []string
	}{
		{"no mask is the whole screen", nil, []string{"application", "greeting", "loans", "notices"}},
		{"a mask leaves the others alone, the required one too", &fieldmaskpb.FieldMask{Paths: []string{"loans"}}, []string{"loans"}},
		{"an empty mask is none", &fieldmaskpb.FieldMask{}, []string{"application", "greeting", "loans", "notices"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var asked []string
			err := quiet().compose(t.Context(), &mobilev1.GetHomeResponse{}, test.mask, homeSections(func(_ context.Context, name string) error {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, name)
				return nil
			})...)
			slices.Sort(asked)
			if diff := cmp.Diff(test.want, asked); diff != "" || err != nil {
				t.Errorf("%v, fetched (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestComposeFailsWithARequiredSectionAlone(t *testing.T) {
	t.Parallel()
	failing := func(bad string) error {
		return quiet().compose(t.Context(), &mobilev1.GetHomeResponse{}, nil, homeSections(func(_ context.Context, name string) error {
			if name == bad {
				return rpcerr.Unavailable(name)
			}
			return nil
		})...)
	}
	if err := failing("loans"); err != nil {
		t.Errorf("without a section that is not required: %v", err)
	}
	if err := failing("greeting"); err == nil {
		t.Error("without a required section there is a screen")
	}
}

// TestComposeKeepsItsTime lets no backend answer.
func TestComposeKeepsItsTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                     string
		deadline                 time.Duration // 0: none.
		screen, required, others time.Duration
	}{
		{"a patient caller gets what there is after the screen's budget", 0, 2 * time.Second, 2 * time.Second, 1200 * time.Millisecond},
		{"a caller's own deadline leaves time for the answer", time.Second, 900 * time.Millisecond, 900 * time.Millisecond, 540 * time.Millisecond},
		{"a long deadline changes nothing", 30 * time.Second, 2 * time.Second, 2 * time.Second, 1200 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				screens := quietInBubble(t)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
				}
				defer cancel()
				var mu sync.Mutex
				waited := map[string]time.Duration{}
				began := time.Now()
				whole := elapsed(func() {
					screens.compose(ctx, &mobilev1.GetHomeResponse{}, nil, homeSections(func(ctx context.Context, name string) error {
						<-ctx.Done()
						mu.Lock()
						defer mu.Unlock()
						waited[name] = time.Since(began)
						return ctx.Err()
					})...)
				})
				want := map[string]time.Duration{"greeting": test.required, "loans": test.others, "application": test.others, "notices": test.others}
				if diff := cmp.Diff(want, waited); diff != "" || whole != test.screen {
					t.Errorf("the screen took %v, want %v; its sections (-want +got):\n%s", whole, test.screen, diff)
				}
			})
		})
	}
}

func TestAPanicOfASectionIsTheCallers(t *testing.T) {
	t.Parallel()
	defer func() {
		if cause := fmt.Sprint(recover()); !strings.Contains(cause, "section loans: demo") {
			t.Errorf("recovered %s", cause)
		}
	}()
	quiet().compose(t.Context(), &mobilev1.GetHomeResponse{}, nil, section{"loans", func(context.Context) error { panic("demo") }})
}

func TestStaleAnswersAreBounded(t *testing.T) {
	t.Parallel()
	key := func(name string) staleKey { return staleKey{tenant: "demo", person: "per_0", name: name} }
	clk := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	kept := func(s *staleAnswers, names ...string) (have []string) {
		for _, name := range names {
			if _, _, ok := s.recall(key(name)); ok {
				have = append(have, name)
			}
		}
		return have
	}
	t.Run("by their number, the one looked at longest ago first", func(t *testing.T) {
		t.Parallel()
		s := newStaleAnswers(clk, 2, 100)
		s.keep(key("a"), 1, 1)
		s.keep(key("b"), 1, 1)
		s.recall(key("a"))
		s.keep(key("c"), 1, 1)
		if diff := cmp.Diff([]string{"a", "c"}, kept(s, "a", "b", "c")); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
	t.Run("by their size, also when one grows", func(t *testing.T) {
		t.Parallel()
		s := newStaleAnswers(clk, 10, 100)
		s.keep(key("a"), 1, 40)
		s.keep(key("b"), 1, 40)
		s.keep(key("b"), 2, 70)
		if diff := cmp.Diff([]string{"b"}, kept(s, "a", "b")); diff != "" || s.bytes != 70 {
			t.Errorf("%d bytes, kept (-want +got):\n%s", s.bytes, diff)
		}
		s.keep(key("c"), 1, 1000)
		if have := kept(s, "b", "c"); have != nil || s.bytes != 0 {
			t.Errorf("an answer above the bound left %v and %d bytes", have, s.bytes)
		}
	})
	t.Run("by their age", func(t *testing.T) {
		t.Parallel()
		clk := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		s := newStaleAnswers(clk, 10, 100)
		s.keep(key("a"), 1, 1)
		clk.Advance(staleLifetime)
		if kept(s, "a") == nil {
			t.Error("it went too soon")
		}
		clk.Advance(time.Second)
		if kept(s, "a") != nil || s.bytes != 0 {
			t.Error("it stayed too long")
		}
	})
}
