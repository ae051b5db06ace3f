package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/tenant"
	"github.com/lendgate/lendgate/test/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
)

// plenty is more than the suite sends: it is one caller to the rate limits, and no case is about them.
const plenty = 1 << 30

// newEdge puts the edge together as internal/app does, with the suite's service on it. limit bounds a message; 0 means the edge's own limit.
func newEdge(limit int64) (http.Handler, func(), error) {
	store, err := miniredis.Run()
	if err != nil {
		return nil, nil, fmt.Errorf("start a Redis: %w", err)
	}
	log := slog.New(slog.DiscardHandler)
	door, err := inproc.NewDoor(log, clock.System{}, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		return nil, nil, err
	}
	lenders, err := tenant.NewDirectory(&tenant.Tenant{ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"en"}})
	if err != nil {
		return nil, nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: store.Addr()})
	e, err := edge.New(edge.Config{MaxBodyBytes: limit, PerAddress: plenty}, edge.Deps{
		Log: log, Clock: clock.System{}, Door: door, Redis: client, Tenants: lenders, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, nil, err
	}
	e.Mount(conformancev1connect.ConformanceServiceRoutes(service{}))
	handler := e.Handler()
	within := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), wireKey{}, wire{r, w})))
	})
	return within, func() { client.Close(); store.Close() }, nil
}

// wireKey finds what the suite's service is asked to echo.
type wireKey struct{}

// wire is a request with its answer as HTTP has them. Screens never see it; the suite wants headers back.
type wire struct {
	request *http.Request
	answer  http.ResponseWriter
}
