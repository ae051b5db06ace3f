package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
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
	edge, err := platform.EdgeTransport()
	if err != nil {
		return Checkup{Checks: []CheckupLine{{What: "edge", Advice: err.Error()}}}
	}
	check := func(what string, ok bool, advice string) {
		if ok {
			advice = ""
		}
		c.Checks = append(c.Checks, CheckupLine{What: what, OK: ok, Advice: advice})
		c.OK = c.OK && ok
	}
	for _, process := range platform.Processes {
		check(process.Name+" "+strconv.Itoa(process.PID), alive(process.PID), "it has ended; start it again")
		if process.OpsURL != "" {
			check(process.Name+" is ready", answers(ctx, http.DefaultTransport, process.OpsURL+"/readyz"), "see "+process.OpsURL+"/readyz and its log")
		}
		for name, pid := range process.Children {
			check(name+" "+strconv.Itoa(pid), alive(pid), "it has ended; stop and start the platform")
		}
	}
	c.comparePlans(ctx, platform.Processes)
	for _, service := range ServiceNames() {
		if platform.Services[service] == "" {
			check(service, false, "no process of this data folder runs it")
		}
	}
	check("edge", answers(ctx, edge, platform.EdgeURL+"/lendgate.mobile.v1.AppService/GetAppConfig?connect=v1&encoding=json&message=%7B%7D"), "the edge does not answer")
	c.weigh(platform.Processes)
	return c
}

// comparePlans shows which plan each process works by. They should be one.
func (c *Checkup) comparePlans(ctx context.Context, processes []Process) {
	first := ""
	for _, process := range processes {
		plan := planOf(ctx, process.OpsURL)
		if plan == "" {
			continue // Whether it answers at all is another line.
		}
		first = cmp.Or(first, plan)
		line := CheckupLine{What: process.Name + " works by plan " + plan, OK: plan == first}
		if !line.OK {
			line.Advice = "another process works by " + first + "; give all the same files, and see the log of the one that refused them"
		}
		c.Checks, c.OK = append(c.Checks, line), c.OK && line.OK
	}
}

// planOf asks a process for its plan; empty when it does not say.
func planOf(ctx context.Context, opsURL string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, opsURL+"/healthz", nil)
	if err != nil {
		return ""
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return ""
	}
	res.Body.Close()
	return res.Header.Get(planHeader)
}

// weigh adds up the memory of the processes, and of the servers that they started with all of their own children.
func (c *Checkup) weigh(processes []Process) {
	tree := childrenOf()
	for _, process := range processes {
		c.Memory = append(c.Memory, MemoryOfPart{Part: process.Name, Bytes: memory(process.PID)})
		for name, pid := range process.Children {
			part := MemoryOfPart{Part: name}
			for _, each := range withDescendants(pid, tree) {
				part.Bytes += memory(each)
			}
			c.Memory = append(c.Memory, part)
		}
	}
	for _, part := range c.Memory {
		c.TotalBytes += part.Bytes
	}
	slices.SortFunc(c.Memory, func(a, b MemoryOfPart) int { return strings.Compare(a.Part, b.Part) })
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

func answers(ctx context.Context, through http.RoundTripper, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := through.RoundTrip(req)
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
