package platform_test

import (
	"testing"
	"time"
)

// journeyCeiling is far above what a journey takes (a few seconds): it is there to notice that something waits for a timeout.
const journeyCeiling = time.Minute

func TestJourneyInOneProcess(t *testing.T) {
	slow(t)
	in := useShared(t)
	before, err := completedPayouts(t.Context(), in.platform.SimulatorsURL)
	if err != nil {
		t.Fatal(err)
	}
	report, err := in.demo(t.Context(), nil)
	expectWhole(t, report, err)
	if took := time.Duration(report.Seconds * float64(time.Second)); took > journeyCeiling {
		t.Errorf("the journey took %s", took)
	}
	t.Logf("a loan from the first key to the last cent in %.1f s", report.Seconds)
	expectOnePayoutMore(t, in.platform.SimulatorsURL, before, 1)
}

// expectOnePayoutMore fails unless the bank paid each new journey's card once since before was read.
func expectOnePayoutMore(t *testing.T, simulatorsURL string, before map[string]int, journeys int) {
	t.Helper()
	after, err := completedPayouts(t.Context(), simulatorsURL)
	if err != nil {
		t.Fatal(err)
	}
	fresh := 0
	for card, count := range after {
		if before[card] == count {
			continue
		}
		fresh++
		if count != 1 {
			t.Errorf("the bank paid %d times to one card", count)
		}
	}
	if fresh != journeys {
		t.Errorf("the bank paid to %d cards in %d journeys", fresh, journeys)
	}
}
