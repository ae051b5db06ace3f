package realtime

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

const (
	subprotocolJSON  = "centrifuge-json"
	subprotocolProto = "centrifuge-protobuf"

	// closingSlots bounds simultaneous closing handshakes; closingWait is how long a socket waits for one of them.
	closingSlots = 256
	closingWait  = 5 * time.Second
	// retryAfterMax spreads refused clients over some seconds.
	retryAfterMax = 5
)

// Handler serves the websocket. Make one with New, serve it, and Run it beside.
type Handler struct {
	cfg    Config
	hub    *hub
	roster *roster
	closer closer
	cancel context.CancelFunc
	random func() float64 // in [0, 1)
}

// New checks the configuration. The handler admits sockets at once, but hears wake-ups only while Run runs.
func New(cfg Config) (*Handler, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Handler{
		cfg:    cfg,
		closer: closer{slots: make(chan struct{}, closingSlots), wait: closingWait},
		cancel: cancel,
		random: mathrand.Float64,
	}
	h.hub = newHub(ctx, &h.cfg)
	h.roster = newRoster(&h.cfg)
	return h, nil
}

// Run listens to wake-ups and checks positions until ctx ends.
func (h *Handler) Run(ctx context.Context) error {
	h.hub.run(ctx)
	return ctx.Err()
}

// ServeHTTP upgrades to a websocket and returns: the socket lives on in its own goroutine, with a smaller stack than a
// request's. Admission comes before the upgrade, since after it only a close code could say no.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if reason := h.roster.admit(); reason != "" {
		h.cfg.Metrics.upgrades.WithLabelValues(reason).Inc()
		w.Header().Set("Retry-After", strconv.Itoa(1+int(h.random()*retryAfterMax)))
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(smallHijacker{w}, r, &websocket.AcceptOptions{
		Subprotocols:    []string{subprotocolProto, subprotocolJSON},
		OriginPatterns:  h.cfg.Origins,
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		h.roster.release() // Accept has answered
		h.cfg.Metrics.upgrades.WithLabelValues("refused").Inc()
		return
	}
	h.cfg.Metrics.upgrades.WithLabelValues("accepted").Inc()
	s := newSession(h, conn, codecFor(conn.Subprotocol(), r), rand.Text())
	admitted := h.roster.add(s)
	go s.run()
	if !admitted {
		s.close(closeShutdown)
	}
}

// codecFor takes the framing that was negotiated. Without a subprotocol it is JSON, unless the query asks otherwise, as clients do
// that cannot set one.
func codecFor(subprotocol string, r *http.Request) codec {
	q := r.URL.Query()
	if subprotocol == subprotocolProto ||
		subprotocol == "" && (q.Get("cf_protocol") == "protobuf" || q.Get("format") == "protobuf") {
		return protoCodec{}
	}
	return jsonCodec{}
}

// Disconnect closes a person's sockets so that they stay away, as after a logout or a block. An empty deviceID means all
// devices. The person's tokens must have been revoked before, or a new socket comes in behind.
func (h *Handler) Disconnect(tenant, personID, deviceID string) {
	for _, s := range h.roster.of(tenant, personID) {
		if deviceID == "" || s.who().DeviceID == deviceID {
			s.close(closeForceDisconnect)
		}
	}
}

// Drain refuses new sockets and closes the others in slices, so that their clients, who come back within a second, do not
// arrive elsewhere in one moment. What is queued for a socket goes out first. It returns when all sockets have ended; when ctx
// ends before, it cuts the rest and returns the context's error.
func (h *Handler) Drain(ctx context.Context) error {
	sessions := h.roster.drain()
	slices := (len(sessions) + h.cfg.DrainSlice - 1) / h.cfg.DrainSlice
	pause := h.cfg.DrainWindow / time.Duration(max(slices, 1))
	for len(sessions) > 0 && ctx.Err() == nil {
		n := min(h.cfg.DrainSlice, len(sessions))
		for _, s := range sessions[:n] {
			s.close(closeShutdown)
		}
		if sessions = sessions[n:]; len(sessions) == 0 {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	select {
	case <-h.roster.empty:
		return nil
	case <-ctx.Done():
		h.cut()
		return ctx.Err()
	}
}

// Close cuts all sockets without a word and stops reading the log. Use Drain first where there is time.
func (h *Handler) Close() error {
	h.roster.drain()
	h.cut()
	h.cancel()
	return nil
}

// cut ends the remaining sockets; their readers clean up.
func (h *Handler) cut() {
	for _, s := range h.roster.all() {
		s.cancel()
	}
}
