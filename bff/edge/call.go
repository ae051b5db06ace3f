package edge

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/tenant"
)

// call is what the chain has learnt about a request so far. Each link fills in its part and the later ones rely on it. It is the request's
// context itself, so that finding it costs nothing and the chain copies the request once.
type call struct {
	context.Context // Of the connection, with the trace's span.

	requestID  string
	plan       *plan // The one that held when the request began.
	start      time.Time
	span       trace.Span
	address    netip.Addr
	rpc        *rpc      // Nil for what is no RPC of ours.
	rest       *restCall // Nil for what does not come as REST.
	method     inproc.Method
	tenant     *tenant.Tenant
	locale     string
	appVersion string
	body       []byte // As it came over the wire.
	keyID      string // Of the signature; empty for unsigned classes.
	actor      actor.Actor
	outcome    string // Reason of a refusal, for the log and the metrics; empty when there was none.
	answer     statusRecorder
}

type callKey struct{}

// Value finds the call itself, and what the connection's context holds.
func (c *call) Value(key any) any {
	if _, own := key.(callKey); own {
		return c
	}
	return c.Context.Value(key)
}

// callOf finds the call of a request inside the chain, where there always is one.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
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
