package edge

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the edge counts. Labels are closed lists: procedures, reasons, causes.
type metrics struct {
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	signatures *prometheus.CounterVec
	inFlight   prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) metrics {
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
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lendgate_edge_in_flight", Help: "Requests being worked on."}),
	}
	registry.MustRegister(m.requests, m.seconds, m.signatures, m.inFlight)
	return m
}
