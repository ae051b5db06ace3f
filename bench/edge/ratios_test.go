package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *results {
	r := &results{rounds: 3, requests: 10, costs: map[string]*cost{}, machine: machine{Processor: "demo", Cores: 2, Load: "0.1"}}
	note := func(name string, values ...float64) {
		c := r.of(&contestant{name: name, does: "demo"})
		c.values = values
	}
	note("ours-inproc", 30, 10, 20)
	note("ours-cached", 15, 14, 16)
	note("bare", 40, 50, 30)
	note("nginx")
	return r
}

func TestRatiosAreOfMediansOfTheSameRun(t *testing.T) {
	t.Parallel()
	r := sample()
	r.compare()
	got := map[string]float64{}
	for _, line := range r.ratios {
		got[line.ID] = line.Ratio
	}
	// Neither R4 (nobody of it ran) nor R10 (nginx has no value) is there, and R1 is the lower of its two.
	want := map[string]float64{"R1": 0.375, "R1-inproc": 0.5, "R1-cached": 0.375}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ratios (-want +got):\n%s", diff)
	}
}

func TestMedianIsTheMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{1, 2, 3, 10}, 2.5}} {
		if got := medianOf(c.of); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
	}
}

func TestVerdictFollowsTheDirection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		better        string
		ratio, target float64
		stretch       float64
		want          string
	}{
		{"lower", 0.5, 0.75, 0.55, "stretch"},
		{"lower", 0.7, 0.75, 0.55, "target"},
		{"lower", 0.9, 0.75, 0.55, "within 25 %"},
		{"lower", 1.0, 0.75, 0.55, "missed"},
		{"higher", 0.99, 0.95, 0.98, "stretch"},
		{"higher", 0.96, 0.95, 0.98, "target"},
		{"higher", 0.80, 0.95, 0.98, "within 25 %"},
		{"higher", 0.50, 0.95, 0.98, "missed"},
	} {
		line := ratio{Better: c.better, Ratio: c.ratio, Target: c.target, Stretch: c.stretch}
		if got := line.verdict(); got != c.want {
			t.Errorf("%s %v of %v is %q, want %q", c.better, c.ratio, c.target, got, c.want)
		}
	}
}

func TestRefreshIsMeasuredByItsSmallestEncoding(t *testing.T) {
	t.Parallel()
	f := refreshed{merged: 4000, plain: 2000, sizes: map[string]int{"identity": 2000, "gzip": 800, "dcz": 200}}
	if got := f.ratio(); got.Ratio != 0.05 || !strings.Contains(got.What, "dcz") {
		t.Errorf("ratio %v of %q", got.Ratio, got.What)
	}
}

func TestTheDocumentHasTheShapeOfEveryBench(t *testing.T) {
	t.Parallel()
	r := sample()
	r.refreshed = &refreshed{merged: 100, plain: 50, unchanged: -1, sizes: map[string]int{}}
	r.calm = map[string]*late{"ours-inproc": {p50: []time.Duration{time.Millisecond}, p99: []time.Duration{2 * time.Millisecond}}}
	r.compare()
	text, err := json.Marshal(r.document())
	if err != nil {
		t.Fatal(err)
	}
	var shape struct {
		Ratios []struct {
			ID     string
			Ratio  *float64
			Target *float64
			Better string
		}
	}
	if err := json.Unmarshal(text, &shape); err != nil || len(shape.Ratios) != 4 {
		t.Fatalf("%d ratios (%v)", len(shape.Ratios), err)
	}
	for _, line := range shape.Ratios {
		if line.ID == "" || line.Ratio == nil || line.Target == nil || line.Better != "lower" && line.Better != "higher" {
			t.Errorf("a ratio lacks something: %+v", line)
		}
	}
	page := r.markdown()
	for _, want := range []string{"| R1 |", "| R7 |", "| bare |", "5 loans"} {
		if strings.Contains(page, want) == (want == "5 loans") {
			t.Errorf("the page and %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "| R1-inproc |") {
		t.Error("a line without a bar of its own stands in the table of ratios")
	}
}

func TestPeersAreNamedByAddress(t *testing.T) {
	t.Parallel()
	p := peers{}
	if err := p.Set("krakend=http://127.0.0.1:8080/home"); err != nil || p["krakend"] != "127.0.0.1:8080/home" {
		t.Errorf("%v (%v)", p, err)
	}
	for _, bad := range []string{"krakend", "=http://127.0.0.1:1", "krakend=nowhere"} {
		if err := p.Set(bad); err == nil {
			t.Errorf("%q was taken for a peer", bad)
		}
	}
}
