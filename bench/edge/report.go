package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The page and the marks between which its table is written anew.
const (
	pageName  = "docs/performance.md"
	beginMark = "<!-- bench-edge: written by make bench-edge -->"
	endMark   = "<!-- bench-edge: end -->"
)

// print writes the tables for a terminal.
func (r *results) print(w io.Writer) {
	fmt.Fprintf(w, "\n%-11s %7s %7s %8s  %-12s %s\n", "id", "ratio", "target", "stretch", "", "what")
	for _, line := range r.ratios {
		verdict := line.verdict()
		if line.Aside {
			verdict = "(" + verdict + ")"
		}
		fmt.Fprintf(w, "%-11s %7.3f %7.2f %8.2f  %-12s %s: %.4g / %.4g %s\n", line.ID, line.Ratio, line.Target, line.Stretch, verdict, line.What, line.Ours, line.Peer, line.Unit)
	}
	fmt.Fprintf(w, "\n%-15s %9s  %s\n", "contestant", "µs", "all rounds")
	for _, name := range r.order {
		c := r.costs[name]
		fmt.Fprintf(w, "%-15s %9.1f  %s\n", name, medianOf(c.values), joined(c.values))
	}
	for _, row := range r.latency() {
		fmt.Fprintf(w, "%-15s p50 %.1f ms, p99 %.1f ms (loans stalls: %t)\n", row.Name, row.P50, row.P99, row.Stalled)
	}
	for _, absent := range r.absent {
		fmt.Fprintf(w, "absent: %s\n", absent)
	}
}

// document is results/edge.json.
type document struct {
	Ratios      []ratio      `json:"ratios"`
	Contestants []contestRow `json:"contestants"`
	Latency     []latencyRow `json:"latency"`
	Refresh     *refreshRow  `json:"refresh,omitempty"`
	Overload    []levelRow   `json:"overload,omitempty"`
	Absent      []string     `json:"absent,omitempty"`
	Machine     machine      `json:"machine"`
	Rounds      int          `json:"rounds"`
	Requests    int          `json:"requests"`
	Began       string       `json:"began"`
}

type contestRow struct {
	Name   string    `json:"name"`
	Does   string    `json:"does"`
	Micros float64   `json:"cpu_us_per_request"`
	Values []float64 `json:"values"`
	Rates  []float64 `json:"requests_per_second"`
	ByWrk  float64   `json:"cpu_us_per_request_by_wrk,omitempty"`
	Bytes  int       `json:"answer_bytes"`
}

type latencyRow struct {
	Name    string  `json:"name"`
	Stalled bool    `json:"stalled"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
}

type levelRow struct {
	// Share is of the saturation; Goodput the home screens a second.
	Share   float64 `json:"share_of_saturation"`
	Goodput float64 `json:"goodput"`
}

type refreshRow struct {
	Merged    int            `json:"merged_bytes"`
	Plain     int            `json:"plain_bytes"`
	Unchanged int            `json:"unchanged_bytes"`
	Sizes     map[string]int `json:"changed_bytes_by_encoding"`
}

func (r *results) document() document {
	d := document{
		Absent: r.absent, Machine: r.machine, Rounds: r.rounds, Requests: r.requests, Began: r.began.UTC().Format(time.RFC3339), Latency: r.latency(),
	}
	for _, line := range r.ratios {
		line.Ratio, line.Ours, line.Peer = round(line.Ratio, 4), round(line.Ours, 2), round(line.Peer, 2)
		line.OursValues, line.PeerValues = each(line.OursValues, hundredth), each(line.PeerValues, hundredth)
		d.Ratios = append(d.Ratios, line)
	}
	for _, name := range r.order {
		c := r.costs[name]
		d.Contestants = append(d.Contestants, contestRow{
			Name: name, Does: c.does, Micros: hundredth(medianOf(c.values)), Values: each(c.values, hundredth), Rates: each(c.rates, hundredth), Bytes: c.bytes,
			ByWrk: hundredth(r.byWrk[name]),
		})
	}
	if f := r.refreshed; f != nil {
		d.Refresh = &refreshRow{Merged: f.merged, Plain: f.plain, Unchanged: f.unchanged, Sizes: f.sizes}
	}
	if o := r.overloaded; o != nil {
		for i, share := range loadLevels() {
			d.Overload = append(d.Overload, levelRow{Share: share, Goodput: hundredth(medianOf(o.goodput[i]))})
		}
	}
	return d
}

// latency are the delays of everybody who was asked at a steady rate, in the order of the contestants.
func (r *results) latency() []latencyRow {
	var rows []latencyRow
	for _, name := range r.order {
		if l := r.calm[name]; l != nil {
			rows = append(rows, latencyRow{Name: name, P50: millis(medianOf(l.p50)), P99: millis(medianOf(l.p99))})
		}
		if l := r.stalled[name]; l != nil {
			rows = append(rows, latencyRow{Name: name, Stalled: true, P50: millis(medianOf(l.p50)), P99: millis(medianOf(l.p99))})
		}
	}
	return rows
}

// write writes the results. A quick run, and one of some contestants only, writes beside the built programs instead of into what is
// committed.
func (r *results) write(o options) error {
	text, err := json.MarshalIndent(r.document(), "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if o.quick || o.only != "" {
		return os.WriteFile(filepath.Join(o.bin, "edge.json"), text, 0o644)
	}
	if err := os.WriteFile(filepath.Join(o.root, "bench/results/edge.json"), text, 0o644); err != nil {
		return err
	}
	name := filepath.Join(o.root, pageName)
	page, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(page, []byte(beginMark))
	_, after, closed := bytes.Cut(rest, []byte(endMark))
	if !found || !closed {
		return fmt.Errorf("%s lacks the marks between which the table stands", pageName)
	}
	return os.WriteFile(name, fmt.Appendf(nil, "%s%s\n%s%s%s", before, beginMark, r.markdown(), endMark, after), 0o644)
}

// markdown is the generated part of the page.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s; %s, %d cores; %d rounds of %d requests each. Load average %s at the beginning.\n\n",
		r.began.UTC().Format("2 January 2006, 15:04 UTC"), r.machine.Processor, r.machine.Cores, r.rounds, r.requests, r.machine.Load)
	r.ratioTable(&b)
	b.WriteString("\n| contestant | what it does | CPU µs a request | all rounds | by wrk | answer, bytes |\n|---|---|---|---|---|---|\n")
	for _, name := range r.order {
		c, other := r.costs[name], "–"
		if micros, known := r.byWrk[name]; known {
			other = fmt.Sprintf("%.1f", micros)
		}
		fmt.Fprintf(&b, "| %s | %s | **%.1f** | %s | %s | %d |\n", name, c.does, medianOf(c.values), joined(c.values), other, c.bytes)
	}
	r.asides(&b)
	return b.String()
}

// ratioTable is the table of the ratios that have a bar, and a line with the others.
func (r *results) ratioTable(b *strings.Builder) {
	b.WriteString("| id | what | ours | peer | ratio | target | stretch | reached |\n|---|---|---|---|---|---|---|---|\n")
	for _, line := range r.ratios {
		if !line.Aside {
			fmt.Fprintf(b, "| %s | %s | %.4g %s | %.4g %s | **%.2f** | %s %.2f | %.2f | %s |\n", line.ID, line.What, line.Ours, line.Unit, line.Peer, line.Unit,
				line.Ratio, map[string]string{"lower": "≤", "higher": "≥"}[line.Better], line.Target, line.Stretch, line.verdict())
		}
	}
	var asides []string
	for _, line := range r.ratios {
		if line.Aside {
			asides = append(asides, fmt.Sprintf("%s (%s) %.2f", line.ID, line.What, line.Ratio))
		}
	}
	if len(asides) > 0 {
		fmt.Fprintf(b, "\nBeside R1: %s.\n", strings.Join(asides, "; "))
	}
}

// asides are the tables below the main ones.
func (r *results) asides(b *strings.Builder) {
	if len(r.calm) > 0 {
		fmt.Fprintf(b, "\nHome screens at %d a second, open loop, delay from when each was due:\n\n| contestant | p50 | p99 | p99 with loans stalling |\n|---|---|---|---|\n", stallRate)
		for _, name := range r.order {
			if calm := r.calm[name]; calm != nil {
				stalled := "–"
				if s := r.stalled[name]; s != nil {
					stalled = fmt.Sprintf("%.1f ms", millis(medianOf(s.p99)))
				}
				fmt.Fprintf(b, "| %s | %.1f ms | %.1f ms | %s |\n", name, millis(medianOf(calm.p50)), millis(medianOf(calm.p99)), stalled)
			}
		}
	}
	if f := r.refreshed; f != nil {
		fmt.Fprintf(b, "\nA home refresh: merged answers of the backends %d bytes, our screen %d", f.merged, f.plain)
		for _, encoding := range encodings()[1:] {
			if size, known := f.sizes[encoding]; known {
				fmt.Fprintf(b, ", %s %d", encoding, size)
			}
		}
		if f.unchanged >= 0 {
			fmt.Fprintf(b, "; when nothing has changed, 304 with %d bytes of content", f.unchanged)
		}
		b.WriteString(".\n")
	}
	if o := r.overloaded; o != nil {
		b.WriteString("\nGood home screens a second when half of the load is of lower rank:")
		for i, share := range loadLevels() {
			fmt.Fprintf(b, " %.0f at %.2g times the saturation,", medianOf(o.goodput[i]), share)
		}
		fmt.Fprintf(b, " which is %.0f requests a second of both kinds.\n", medianOf(o.saturation))
	}
	if len(r.absent) > 0 {
		fmt.Fprintf(b, "\nNot in this run: %s.\n", strings.Join(r.absent, "; "))
	}
}

func joined(values []float64) string {
	return strings.Join(each(values, func(v float64) string { return fmt.Sprintf("%.1f", v) }), " ")
}

func hundredth(v float64) float64 { return round(v, 2) }

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
