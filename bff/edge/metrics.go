package edge

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lendgate/lendgate/bff/edge/admission"
)

// metrics are what the edge counts. Labels are closed lists: procedures, reasons, causes.
type metrics struct {
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	signatures *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, gate *admission.Gate) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_edge_requests_total", Help: "Requests by procedure and reason of refusal; an empty reason is a success.",
		}, []string{"procedure", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lendgate_edge_request_seconds", Help: "Time from the first byte to the answer, by procedure.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"procedure"}),
		signatures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_edge_signatures_refused_total", Help: "Refused signatures by cause.",
		}, []string{"cause"}),
	}
	gauge := func(name, help string, value func(admission.State) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value(gate.State())) })
	}
	registry.MustRegister(m.requests, m.seconds, m.signatures,
		gauge("lendgate_edge_in_flight", "Requests being worked on.", func(s admission.State) int { return s.InUse }),
		gauge("lendgate_edge_in_flight_limit", "How many may be, as the edge has learnt.", func(s admission.State) int { return s.Limit }),
		gauge("lendgate_edge_waiting", "Requests that wait to be worked on.", func(s admission.State) int { return s.Waiting }))
	return m
}
