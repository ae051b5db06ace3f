// Command naive is what most teams would ship: connect-go, its clients over HTTP/1.1, and middleware with checks equal in kind to lendgate's:
// an HMAC over method, path, content, device, time and nonce; a map of used nonces; a JSON Web Token; a token bucket for each device.
//
// It does less than lendgate: nonces and limits are those of this process alone, nothing is logged, traced, validated or counted, and a backend
// that fails fails the screen.
package main

import (
	"bytes"
	"crypto/hmac"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/lendgate/lendgate/bench/peers/stage"
	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

const (
	maxBody = 64 << 10 // bytes
	// window is how far a request's time may be from ours.
	window = 90 * time.Second
	// perSecond and burst are what a device may do: more than any run asks for, since the check is measured and not the refusal.
	perSecond, burst = 10_000, 10_000
)

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		people, err := scene.Cast(f.Cast, f.People)
		if err != nil {
			return nil, err
		}
		g := &guard{devices: map[string]scene.Person{}, nonces: map[string]time.Time{}, buckets: map[string]*rate.Limiter{}}
		for _, p := range people {
			g.devices[p.DeviceID] = p
		}
		mux := http.NewServeMux()
		mux.Handle(mobilev1connect.NewHomeServiceHandler(stage.NewFanout(f.Backend)))
		return g.check(mux), nil
	})
}

// guard checks callers before anything is decoded.
type guard struct {
	devices map[string]scene.Person

	mu      sync.Mutex
	nonces  map[string]time.Time // until when they are remembered
	buckets map[string]*rate.Limiter
	swept   time.Time
}

func (g *guard) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "content", http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h, now := r.Header, time.Now()
		device, known := g.devices[h.Get(scene.NaiveDevice)]
		stamp, err := strconv.ParseInt(h.Get(scene.NaiveTime), 10, 64)
		if !known || err != nil || now.Sub(time.Unix(stamp, 0)).Abs() > window {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		mac := scene.NaiveMAC(device.Secret, r.Method, r.URL.Path, body, device.DeviceID, h.Get(scene.NaiveTime), h.Get(scene.NaiveNonce))
		if !hmac.Equal([]byte(mac), []byte(h.Get(scene.NaiveSignature))) || !g.fresh(device.DeviceID+h.Get(scene.NaiveNonce), now) {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		claims := jwt.MapClaims{}
		token := h.Get("Authorization")
		if len(token) < 8 {
			http.Error(w, "token", http.StatusUnauthorized)
			return
		}
		if _, err := jwt.ParseWithClaims(token[7:], claims, secret, jwt.WithValidMethods([]string{"HS256"})); err != nil || claims["device"] != device.DeviceID {
			http.Error(w, "token", http.StatusUnauthorized)
			return
		}
		if !g.bucket(device.DeviceID).AllowN(now, 1) {
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func secret(*jwt.Token) (any, error) { return []byte(scene.NaiveJWTSecret), nil }

// fresh uses up a nonce. Old ones are thrown away once in a window.
func (g *guard) fresh(nonce string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.swept) > window {
		for used, until := range g.nonces {
			if until.Before(now) {
				delete(g.nonces, used)
			}
		}
		g.swept = now
	}
	if _, used := g.nonces[nonce]; used {
		return false
	}
	g.nonces[nonce] = now.Add(2 * window)
	return true
}

func (g *guard) bucket(device string) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.buckets[device]
	if b == nil {
		b = rate.NewLimiter(perSecond, burst)
		g.buckets[device] = b
	}
	return b
}
