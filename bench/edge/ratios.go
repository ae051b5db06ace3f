package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// cost is what a request of a contestant cost, by round.
type cost struct {
	name, does string
	// values are µs of processor time a request; rates are requests a second of the clock on the wall, which the neighbours' work blurs.
	values, rates []float64
	// bytes is the length of an answer's content, unpacked.
	bytes int
}

// results are everything that one run found out.
type results struct {
	machine          machine
	rounds, requests int
	began            time.Time
	costs            map[string]*cost
	order            []string
	absent           []string
	calm, stalled    map[string]*late
	refreshed        *refreshed
	overloaded       *overloaded
	// byWrk is the cost by another generator, in µs.
	byWrk  map[string]float64
	ratios []ratio
}

// of is where the costs of a contestant are noted.
func (r *results) of(one *contestant) *cost {
	if r.costs[one.name] == nil {
		r.costs[one.name] = &cost{name: one.name, does: one.does}
		r.order = append(r.order, one.name)
	}
	return r.costs[one.name]
}

// ratio is one line of the table. The JSON is the shape that every bench of the project writes; the fields after better are further ones.
type ratio struct {
	ID     string  `json:"id"`
	Ratio  float64 `json:"ratio"`
	Target float64 `json:"target"`
	Better string  `json:"better"`
	// Stretch is the bar above the target, if there is one.
	Stretch float64 `json:"stretch"`
	What    string  `json:"what"`
	Ours    float64 `json:"ours"`
	Peer    float64 `json:"peer"`
	Unit    string  `json:"unit"`
	Rounds  int     `json:"rounds"`
	// OursValues and PeerValues are those of all rounds.
	OursValues []float64 `json:"ours_values,omitempty"`
	PeerValues []float64 `json:"peer_values,omitempty"`
	// Aside tells that the line has no bar of its own; it explains another.
	Aside bool `json:"aside,omitempty"`
}

// bar is what a ratio should reach.
type bar struct {
	id, what        string
	target, stretch float64
	ours, peer      string
	aside           bool
}

// bars are the ratios of processor time.
func bars() []bar {
	return []bar{
		{
			id: "R1-inproc", what: "secured home screen, backends in the process / bare connect-go handler",
			target: 0.75, stretch: 0.55, ours: "ours-inproc", peer: "bare", aside: true,
		},
		{
			id: "R1-cached", what: "secured home screen, asked again within seconds / bare connect-go handler",
			target: 0.75, stretch: 0.55, ours: "ours-cached", peer: "bare", aside: true,
		},
		{
			id: "R1-hardware", what: "the same signed by the key of the phone's hardware / bare connect-go handler",
			target: 0.75, stretch: 0.55, ours: "ours-hardware", peer: "bare", aside: true,
		},
		{
			id: "R1-partner", what: "a partner's call signed by HMAC, backends in the process / bare connect-go handler",
			target: 0.75, stretch: 0.55, ours: "ours-partner", peer: "bare", aside: true,
		},
		{
			id: "R2", what: "secured home screen of three backends / KrakenD's engine",
			target: 0.42, stretch: 0.33, ours: "ours-remote", peer: "krakend",
		},
		{
			id: "R3", what: "secured home screen of three backends / grpc-federation",
			target: 0.27, stretch: 0.20, ours: "ours-remote", peer: "grpc-federation",
		},
		{
			id: "R4", what: "secured home screen of three backends / grpc-go by hand without checks",
			target: 0.90, stretch: 0.65, ours: "ours-remote", peer: "grpc-fanout",
		},
		{
			id: "R5", what: "secured home screen of three backends / naive connect-go with checks of the same kind",
			target: 0.52, stretch: 0.40, ours: "ours-remote", peer: "naive",
		},
		{
			id: "R6", what: "a handler with one ready message behind the whole edge / the same handler bare",
			target: 1.12, stretch: 1.08, ours: "ours-static", peer: "bare",
		},
		{
			id: "R10", what: "secured home screen, asked again within seconds / nginx as a plain proxy",
			target: 0.60, stretch: 0.45, ours: "ours-cached", peer: "nginx",
		},
	}
}

// compare makes the ratios, those of which both sides took part.
func (r *results) compare() {
	for _, b := range bars() {
		if line, ok := r.ratio(b); ok {
			r.ratios = append(r.ratios, line)
		}
	}
	r.best("R1", "R1-inproc", "R1-cached")
	if f := r.refreshed; f != nil {
		r.ratios = append(r.ratios, f.ratio())
	}
	if ours, naive := r.stalled["ours-remote"], r.stalled["naive"]; ours != nil && naive != nil {
		r.ratios = append(r.ratios, ours.ratio(naive))
	}
	if o := r.overloaded; o != nil {
		double, peak := o.double(), o.peak()
		r.ratios = append(r.ratios, ratio{
			ID: "R9", Better: "higher", Target: 0.95, Stretch: 0.98, Unit: "screens/s", Rounds: len(peak),
			What: "goodput of home screens at twice the saturation / at its peak, half of the load of lower rank",
			Ours: medianOf(double), Peer: medianOf(peak), Ratio: quotient(medianOf(double), medianOf(peak)), OursValues: double, PeerValues: peak,
		})
	}
	slices.SortStableFunc(r.ratios, func(a, b ratio) int { return number(a.ID) - number(b.ID) })
}

// number is the place of an id in the table.
func number(id string) int {
	n := 0
	_, _ = fmt.Sscanf(strings.TrimPrefix(id, "R"), "%d", &n) // An id of ours always has one.
	return n
}

// ratio is the line of a bar; false when one side did not take part in this run.
func (r *results) ratio(b bar) (ratio, bool) {
	ours, peer := r.costs[b.ours], r.costs[b.peer]
	if ours == nil || peer == nil || len(ours.values) == 0 || len(peer.values) == 0 {
		return ratio{}, false
	}
	return ratio{
		ID: b.id, What: b.what, Better: "lower", Target: b.target, Stretch: b.stretch, Unit: "µs", Rounds: len(ours.values), Aside: b.aside,
		Ours: medianOf(ours.values), Peer: medianOf(peer.values), Ratio: quotient(medianOf(ours.values), medianOf(peer.values)),
		OursValues: ours.values, PeerValues: peer.values,
	}, true
}

// best adds a line that is the lower of others and says which.
func (r *results) best(id string, of ...string) {
	var found *ratio
	for i, line := range r.ratios {
		if slices.Contains(of, line.ID) && (found == nil || line.Ratio < found.Ratio) {
			found = &r.ratios[i]
		}
	}
	if found == nil {
		return
	}
	line := *found
	line.ID, line.Aside = id, false
	r.ratios = append(r.ratios, line)
}

// ratio is R7.
func (f refreshed) ratio() ratio {
	name, size := "identity", f.plain
	for _, encoding := range encodings() {
		if bytes, known := f.sizes[encoding]; known && bytes < size {
			name, size = encoding, bytes
		}
	}
	return ratio{
		ID: "R7", Better: "lower", Target: 0.12, Stretch: 0.06, Unit: "bytes", Rounds: 1,
		What: fmt.Sprintf("content of a home refresh after a payment (%s) / the backends' answers merged as they are", name),
		Ours: float64(size), Peer: float64(f.merged), Ratio: quotient(float64(size), float64(f.merged)),
	}
}

// ratio is R8.
func (l late) ratio(naive *late) ratio {
	ours, peer := medianOf(l.p99), medianOf(naive.p99)
	return ratio{
		ID: "R8", Better: "lower", Target: 0.25, Stretch: 0.10, Unit: "ms", Rounds: len(l.p99),
		What: fmt.Sprintf("99th percentile of the home screen while loans stalls %d %% of its calls by %d ms / naive connect-go", stallPercent, stallMillis),
		Ours: millis(ours), Peer: millis(peer), Ratio: quotient(millis(ours), millis(peer)),
		OursValues: each(l.p99, millis), PeerValues: each(naive.p99, millis),
	}
}

func quotient(ours, peer float64) float64 {
	if peer == 0 {
		return 0
	}
	return ours / peer
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func each[A, B any](list []A, turn func(A) B) []B {
	out := make([]B, len(list))
	for i, one := range list {
		out[i] = turn(one)
	}
	return out
}

// verdict says how a ratio stands to its bars.
func (r ratio) verdict() string {
	reaches := func(bar float64) bool {
		return r.Better == "lower" && r.Ratio <= bar || r.Better == "higher" && r.Ratio >= bar
	}
	switch {
	case reaches(r.Stretch):
		return "stretch"
	case reaches(r.Target):
		return "target"
	case r.Better == "lower" && reaches(r.Target*1.25), r.Better == "higher" && reaches(r.Target/1.25):
		return "within 25 %"
	default:
		return "missed"
	}
}
