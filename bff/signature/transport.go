package signature

import (
	"net/http"
)

// Transport is an http.RoundTripper that signs every request, each attempt with a
// nonce of its own, and can insist on signed responses.
type Transport struct {
	// Next sends the request; nil means http.DefaultTransport.
	Next   http.RoundTripper
	Signer Signer

	// Verifier, if set, checks every response against ResponsePolicy. A response
	// that is not signed, such as a proxy's own error page, becomes an error.
	Verifier       *Verifier
	ResponsePolicy Policy
	// MaxBody bounds the content of a verified response in bytes; zero means 8 MiB.
	MaxBody int64
}

// RoundTrip implements http.RoundTripper. It leaves the caller's request as it is.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if t.Verifier != nil && out.Header.Get("Accept-Encoding") == "" {
		// Otherwise net/http would ask for gzip and decompress behind our back, and
		// the digest of the wire bytes could not be checked any more.
		out.Header.Set("Accept-Encoding", "identity")
	}
	if err := t.Signer.Sign(out); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, err
	}
	next := t.Next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(out)
	if err != nil || t.Verifier == nil {
		return resp, err
	}
	body, err := takeBody(&resp.Body, t.MaxBody)
	if err != nil {
		return nil, refuseBecause(ReasonMalformed, err, "reading the signed response")
	}
	// What we sent is what the answer must be bound to, whatever Next put there.
	resp.Request = out
	if _, err := t.Verifier.VerifyResponse(out.Context(), resp, body, t.ResponsePolicy); err != nil {
		return nil, err
	}
	return resp, nil
}
