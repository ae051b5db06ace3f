package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Reading is the processor time of each thread of a process and its children, in nanoseconds by thread id.
type Reading map[int]int64

// Read reads the accounts of a process and of all its descendants.
func Read(pid int) (Reading, error) {
	r := Reading{}
	if err := r.add(pid); err != nil {
		return nil, fmt.Errorf("processor time of %d: %w", pid, err)
	}
	return r, nil
}

// Since is what was spent after an earlier reading. A thread that was born in between counts whole; one that ended in between is lost, which
// does not happen with servers that keep their threads.
func (r Reading) Since(earlier Reading) time.Duration {
	sum := int64(0)
	for thread, spent := range r {
		sum += spent - earlier[thread]
	}
	return time.Duration(sum)
}

func (r Reading) add(pid int) error {
	tasks := filepath.Join("/proc", strconv.Itoa(pid), "task")
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return err
	}
	for _, thread := range threads {
		number, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		spent, err := runTime(filepath.Join(tasks, thread.Name(), "schedstat"))
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		r[number] = spent
		children, err := os.ReadFile(filepath.Join(tasks, thread.Name(), "children"))
		if err != nil && !gone(err) {
			return err
		}
		for child := range strings.FieldsSeq(string(children)) {
			childPID, err := strconv.Atoi(child)
			if err != nil {
				return err
			}
			if err := r.add(childPID); err != nil && !gone(err) {
				return err
			}
		}
	}
	return nil
}

// runTime reads the first field of a schedstat: nanoseconds on a processor.
func runTime(name string) (int64, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseInt(first, 10, 64)
}

// gone tells whether a thread ended between the listing and the reading.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such process")
}
