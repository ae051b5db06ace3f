package meter_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bench/meter"
)

func TestReadingGrowsWithWork(t *testing.T) {
	t.Parallel()
	before := read(t)
	began, sum := time.Now(), 0
	for time.Since(began) < 20*time.Millisecond {
		sum++
	}
	if spent := read(t).Since(before); spent < time.Millisecond || sum == 0 {
		t.Errorf("20 ms of work cost %v", spent)
	}
}

func TestChildrenAreCounted(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "cat") // Waits for its input.
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Skipf("no child to count: %v", err)
	}
	defer child.Wait()
	defer input.Close()
	if _, counted := read(t)[child.Process.Pid]; !counted {
		t.Error("the child's thread is not in the reading of its parent")
	}
}

func TestAbsentProcessIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := meter.Read(1 << 30); err == nil {
		t.Error("a process that is not there was read")
	}
}

func read(t *testing.T) meter.Reading {
	t.Helper()
	r, err := meter.Read(os.Getpid())
	if err != nil {
		t.Skipf("no schedstat on this system: %v", err)
	}
	return r
}
