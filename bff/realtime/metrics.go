package realtime

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the websocket edge does. Labels have few values: framing, command, code.
type Metrics struct {
	connections   prometheus.Gauge
	subscriptions prometheus.Gauge
	upgrades      *prometheus.CounterVec // result: accepted, draining, full, pending, refused
	connects      *prometheus.CounterVec // framing
	closes        *prometheus.CounterVec // code; "peer" when the client went first
	commands      *prometheus.CounterVec // command
	errors        *prometheus.CounterVec // code
	recoveries    *prometheus.CounterVec // recovered: true, false
	delivered     prometheus.Counter
	repaired      prometheus.Counter
	wakeups       prometheus.Counter
	reads         *prometheus.CounterVec // result: ok, failed
	delay         prometheus.Histogram
}

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lendgate", Subsystem: "realtime", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: "lendgate", Subsystem: "realtime", Name: name, Help: help}, []string{label})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "lendgate", Subsystem: "realtime", Name: name, Help: help})
	}
	m := &Metrics{
		connections:   gauge("connections", "Open sockets."),
		subscriptions: gauge("subscriptions", "Subscriptions of all sockets."),
		upgrades:      vec("upgrades_total", "Upgrade requests by result.", "result"),
		connects:      vec("connects_total", "Sessions opened by framing.", "framing"),
		closes:        vec("closes_total", "Sockets closed by close code.", "code"),
		commands:      vec("commands_total", "Commands by kind.", "command"),
		errors:        vec("errors_total", "Error replies by code.", "code"),
		recoveries:    vec("recoveries_total", "Recovery requests by success.", "recovered"),
		delivered:     counter("publications_delivered_total", "Publications queued to sockets."),
		repaired:      counter("publications_repaired_total", "Publications that a position check found and no wake-up had announced."),
		wakeups:       counter("wakeups_total", "Wake-ups for streams that somebody is subscribed to."),
		reads:         vec("log_reads_total", "Reads of the log for fan-out by result.", "result"),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "lendgate", Subsystem: "realtime", Name: "delivery_delay_seconds",
			Help:    "From the recording of a fact to its fan-out.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
		}),
	}
	for _, c := range []prometheus.Collector{
		m.connections, m.subscriptions, m.upgrades, m.connects, m.closes, m.commands, m.errors, m.recoveries,
		m.delivered, m.repaired, m.wakeups, m.reads, m.delay,
	} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
