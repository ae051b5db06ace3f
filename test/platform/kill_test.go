package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	// defaultKills is how many journeys are broken off; shortKills with -short.
	defaultKills = 20
	shortKills   = 2
	// resumeTries is how often a journey may be taken up again before it counts as stuck. One is expected to do; a step that waits for a
	// third party's next notification may need another.
	resumeTries = 3
)

// TestKillNine kills the platform at random points of a journey, starts it again and goes on with the journey. Each journey has to end with
// one payout and with books at zero, which the demo's last step checks; at the end the bank's own list is read as well.
func TestKillNine(t *testing.T) {
	kills := number(t, "LENDGATE_TEST_KILLS", killsByDefault())
	seed := uint64(number(t, "LENDGATE_TEST_SEED", int(time.Now().UnixMilli())))
	t.Logf("%d kills; repeat them with LENDGATE_TEST_SEED=%d", kills, seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	in := newInstallation(t)
	in.use(t)

	// The first journey is left alone, to learn how long one takes.
	report, err := in.demo(t.Context(), nil)
	expectWhole(t, report, err)
	whole := time.Duration(report.Seconds * float64(time.Second))
	journeys := 1
	for killed := 0; killed < kills; journeys++ {
		after := time.Duration(chance.Int64N(int64(whole)))
		inTime := in.breakOff(t, after)
		in.start(t)
		said := in.resume(t)
		if !inTime {
			continue // The journey was faster than the first one; what is kept still had to be there after the start.
		}
		killed++
		t.Logf("%2d. killed after %.2f s; %s", killed, after.Seconds(), said)
	}
	expectOnePayoutMore(t, in.platform.SimulatorsURL, nil, journeys)
}

// killsByDefault is how many journeys are broken off when nobody says.
func killsByDefault() int {
	if testing.Short() {
		return shortKills
	}
	return defaultKills
}

// breakOff begins a journey and kills the platform some time after its first step was written down. Then the phone gives up, too. It tells
// whether the journey was still under way.
func (in *installation) breakOff(t *testing.T, after time.Duration) bool {
	t.Helper()
	in.forgetJourney(t)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	ended := make(chan error, 1)
	go func() {
		_, err := in.demo(ctx, nil)
		ended <- err
	}()
	err := await(ctx, func() (bool, error) {
		_, err := os.Stat(filepath.Join(in.dir, "demo", "journey.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("the journey does not begin: %v", err)
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	<-timer.C
	in.kill(t)
	giveUp()
	return <-ended != nil
}

// resume takes the journey up until it ends, and says how that went.
func (in *installation) resume(t *testing.T) string {
	t.Helper()
	var faults []error
	for try := range resumeTries {
		report, err := in.demo(t.Context(), nil, "--resume")
		if err == nil && report.OK {
			said := fmt.Sprintf("ended at try %d in %.1f s", try+1, report.Seconds)
			for _, step := range report.Steps {
				if step.Seconds > report.Seconds/2 {
					said += fmt.Sprintf(", of which %.1f s to %s", step.Seconds, step.Name)
				}
			}
			if len(faults) > 0 {
				said += fmt.Sprintf(" (before: %v)", errors.Join(faults...))
			}
			return said
		}
		faults = append(faults, err)
	}
	t.Fatalf("the journey does not end after it was broken off: %v\njourney: %s", errors.Join(faults...), in.read("demo/journey.json"))
	return ""
}

// number reads a setting of the tests from the environment.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 {
		t.Fatalf("%s=%s is no number", variable, text)
	}
	return value
}
