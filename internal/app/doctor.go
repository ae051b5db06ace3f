package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Checkup is what doctor found.
type Checkup struct {
	OK     bool           `json:"ok"`
	Checks []CheckupLine  `json:"checks"`
	Memory []MemoryOfPart `json:"memory"`
	// TotalBytes is the memory of everything, shared pages counted once.
	TotalBytes int64 `json:"total_bytes"`
}

// CheckupLine is one thing that was looked at.
type CheckupLine struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Advice is what to do, when it is not.
	Advice string `json:"advice,omitempty"`
}

// MemoryOfPart is the memory of a part with its child processes: proportional set size, in bytes, where shared pages are shared out.
type MemoryOfPart struct {
	Part  string `json:"part"`
	Bytes int64  `json:"bytes"`
}

// Doctor looks after a running platform: does it live, is it ready, how much memory does it take.
func Doctor(ctx context.Context, dataDir string) Checkup {
	platform, err := FindPlatform(dataDir)
	if err != nil {
		return Checkup{Checks: []CheckupLine{{What: "platform", Advice: err.Error()}}}
	}
	c := Checkup{OK: true}
	check := func(what string, ok bool, advice string) {
		if ok {
			advice = ""
		}
		c.Checks = append(c.Checks, CheckupLine{What: what, OK: ok, Advice: advice})
		c.OK = c.OK && ok
	}
	check("process "+strconv.Itoa(platform.PID), alive(platform.PID), "it has ended; start it again: make run")
	check("ready", answers(ctx, platform.OpsURL+"/readyz"), "see "+platform.OpsURL+"/readyz and the log "+filepath.Join(dataDir, "lendgate.log"))
	check("edge", answers(ctx, platform.EdgeURL+"/lendgate.mobile.v1.AppService/GetAppConfig?connect=v1&encoding=json&message=%7B%7D"), "the edge does not answer")
	parts := map[string]int{"lendgate": platform.PID}
	for name, pid := range platform.Children {
		check(name+" "+strconv.Itoa(pid), alive(pid), "it has ended; stop and start the platform")
		parts[name] = pid
	}
	tree := childrenOf()
	for name, pid := range parts {
		own := memory(pid)
		if name != "lendgate" {
			own = 0
			for _, each := range withDescendants(pid, tree) {
				own += memory(each)
			}
		}
		c.Memory = append(c.Memory, MemoryOfPart{Part: name, Bytes: own})
		c.TotalBytes += own
	}
	slices.SortFunc(c.Memory, func(a, b MemoryOfPart) int { return strings.Compare(a.Part, b.Part) })
	return c
}

// WriteText prints a checkup for people.
func (c Checkup) WriteText(out io.Writer) {
	for _, line := range c.Checks {
		if line.OK {
			fmt.Fprintf(out, "✓ %s\n", line.What)
		} else {
			fmt.Fprintf(out, "✗ %s: %s\n", line.What, line.Advice)
		}
	}
	const mib = 1 << 20
	for _, m := range c.Memory {
		fmt.Fprintf(out, "  %-12s %6.0f MiB\n", m.Part, float64(m.Bytes)/mib)
	}
	if len(c.Memory) > 0 {
		fmt.Fprintf(out, "  %-12s %6.0f MiB\n", "in all", float64(c.TotalBytes)/mib)
	}
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// memory is the proportional set size of a process, in bytes; 0 when it cannot be read (it needs Linux).
func memory(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kib * 1024
		}
	}
	return 0
}

// childrenOf reads the tree of processes: the children of each.
func childrenOf() map[int][]int {
	tree := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if errors.Is(err, fs.ErrNotExist) {
		return tree
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// The command's name stands in brackets and may hold anything; the parent is the second word after them.
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			tree[parent] = append(tree[parent], pid)
		}
	}
	return tree
}

func withDescendants(pid int, tree map[int][]int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, tree[all[i]]...)
	}
	return all
}
