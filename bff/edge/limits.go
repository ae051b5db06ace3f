package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// readBody reads the whole content, at most MaxBodyBytes of it: signatures cover it, and requests are small. Headers are bounded by the
// server (http.Server.MaxHeaderBytes).
func (e *Edge) readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		limit := e.config.MaxBodyBytes
		if isEnveloped(r.Header.Get("Content-Type")) {
			limit += envelopeSize
		}
		body, err := content(w, r, limit)
		if err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				e.refuse(w, r, e.tooLarge())
				return
			}
			e.refuse(w, r, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, "the content broke off"))
			return
		}
		callOf(r.Context()).body = body
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// smallContent is up to which size, in bytes, a request is believed that says how much it holds. Whoever says more and sends nothing gets no
// memory for it.
const smallContent = 4 << 10

// content reads what a request holds: nearly always little, and then into memory of exactly that size.
func content(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > min(limit, smallContent) {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func (e *Edge) tooLarge() error {
	return rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE, "the request is larger than this RPC takes")
}

// clientAddress finds out where a request comes from: the peer, or what trusted proxies say of it. The chain of X-Forwarded-For is read
// from its end, and only as long as its links are trusted, so that nobody writes their own address.
func (e *Edge) clientAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			next.ServeHTTP(w, r) // No address: limits by address count it as one caller.
			return
		}
		address := peer.Addr().Unmap()
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && e.trusted(address); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			address = hop.Unmap()
		}
		callOf(r.Context()).address = address
		next.ServeHTTP(w, r)
	})
}

func (e *Edge) trusted(address netip.Addr) bool {
	for _, network := range e.config.TrustedProxies {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
