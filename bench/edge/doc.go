// Command edge runs the contest of the edge: lendgate with everything on against peers with their security off, side by side in one run.
//
// The method: the server under test runs on core 0 with one thread of work (GOMAXPROCS=1, one worker, one process), the generator, the
// backends and Redis on core 1. The measure is processor time per request of the server under test, from the scheduler's accounts
// (bench/meter). All contestants take turns within each round; the figure is the median of the rounds, and every value is published. A ratio
// is never made of figures of two runs, and none is made when its peer was absent. Requests are signed before the clock runs, each with
// its own nonce, and every reply is checked.
//
// It prints the table of ratios, writes it to bench/results/edge.json and into docs/performance.md. It fails when a contestant answers
// wrongly and never because a ratio is missed: it is a report.
package main
