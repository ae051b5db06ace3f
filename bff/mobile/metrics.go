package mobile

import (
	"github.com/prometheus/client_golang/prometheus"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
)

// metrics are what screens count. Labels are closed lists: sections, their states, backends.
type metrics struct {
	sections, hedges, breakers *prometheus.CounterVec
}

func newMetrics() metrics {
	return metrics{
		sections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_screen_sections_total", Help: "Sections of screens by how good they were: OK, STALE, MISSING, DENIED.",
		}, []string{"section", "state"}),
		hedges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_screen_hedges_total",
			Help: "Slow reads of sections: asked once more (asked), answered by the second call (won), not asked again for want of budget (refused).",
		}, []string{"section", "outcome"}),
		breakers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_screen_breakers_total",
			Help: "Circuit breakers of backends: changes to a state (open, half-open, closed), and reads that an open one refused (refused).",
		}, []string{"backend", "event"}),
	}
}

// Instrument shows what the screens count. It is called once.
func (s *Screens) Instrument(registry prometheus.Registerer) {
	registry.MustRegister(s.metrics.sections, s.metrics.hedges, s.metrics.breakers)
}

// sourceCounters are the counters of one source, looked up once.
type sourceCounters struct {
	states                               map[mobilev1.SectionStatus_State]prometheus.Counter
	hedges, hedgesWon, unhedged, refused prometheus.Counter
}

func (m metrics) of(label, backend string) sourceCounters {
	states := map[mobilev1.SectionStatus_State]prometheus.Counter{}
	for number, name := range mobilev1.SectionStatus_State_name {
		states[mobilev1.SectionStatus_State(number)] = m.sections.WithLabelValues(label, stateName(name))
	}
	return sourceCounters{
		states:    states,
		hedges:    m.hedges.WithLabelValues(label, "asked"),
		hedgesWon: m.hedges.WithLabelValues(label, "won"),
		unhedged:  m.hedges.WithLabelValues(label, "refused"),
		refused:   m.breakers.WithLabelValues(backend, "refused"),
	}
}
