package edge

import (
	"context"
	"net/http"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Webhook is a provider's notification as it came.
type Webhook struct {
	Provider    string
	Body        []byte
	ContentType string
}

// Acknowledgement is what the provider wants to hear.
type Acknowledgement struct {
	Body        []byte
	ContentType string
}

// Webhooks serves POST <prefix>/{tenant}/{provider}: notifications of third parties, which sign in their own ways. The service that take
// calls verifies them; nothing here trusts a word of them.
func (e *Edge) Webhooks(prefix string, take func(ctx context.Context, webhook Webhook) (Acknowledgement, error)) {
	e.Handle("POST "+prefix+"/{tenant}/{provider}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		lender, ok := c.plan.lenders.Get(r.PathValue("tenant"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		c.tenant, c.actor = lender, actor.Actor{TenantID: lender.ID, Kind: actor.KindAnonymous, RequestID: c.requestID}
		ctx := actor.With(r.Context(), c.actor)
		ack, err := take(ctx, Webhook{Provider: r.PathValue("provider"), Body: c.body, ContentType: r.Header.Get("Content-Type")})
		if err != nil {
			err = rpcerr.Scrub(ctx, e.deps.Log, r.URL.Path, c.requestID, rpcerr.PassPeer(err))
			c.outcome = rpcerr.Name(rpcerr.ReasonOf(err))
			e.refusePlain(w, err)
			return
		}
		w.Header().Set("Content-Type", ack.ContentType)
		w.Write(ack.Body)
	}))
}
