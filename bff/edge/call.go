package edge

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/tenant"
)

// call is what the chain has learnt about a request so far. Each link fills in its part and the later ones rely on it.
type call struct {
	requestID  string
	start      time.Time
	address    netip.Addr
	method     inproc.Method
	tenant     *tenant.Tenant
	locale     string
	appVersion string
	body       []byte // As it came over the wire.
	keyID      string // Of the signature; empty for unsigned classes.
	actor      actor.Actor
	outcome    string // Reason of a refusal, for the log and the metrics; empty when there was none.
}

type callKey struct{}

// callOf finds the call of a request inside the chain, where there always is one.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// Locale is the caller's language for texts, chosen among those of the lender.
func Locale(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.locale
	}
	return ""
}

// link is one step of the chain.
type link func(next http.Handler) http.Handler

// chain puts links around a handler, the first outermost.
func chain(handler http.Handler, links ...link) http.Handler {
	for i := len(links) - 1; i >= 0; i-- {
		handler = links[i](handler)
	}
	return handler
}
