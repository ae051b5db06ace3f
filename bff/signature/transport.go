package signature

import (
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Transport is an http.RoundTripper that signs every request, each attempt with a
// nonce of its own, and can insist on signed responses. When the server refuses a
// request because of the time at which it was signed, it is signed once more by the
// server's clock and sent again, and never a third time.
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
	// Skew, if set, remembers the server's clock from one request to the next. Give
	// each server its own.
	Skew *Skew
}

// Skew is how far a server's clock is ahead of ours. The zero value says not at all;
// it is safe for concurrent use.
type Skew struct{ ahead atomic.Int64 } // nanoseconds

// Ahead gives the difference, negative when the server's clock is behind.
func (s *Skew) Ahead() time.Duration { return time.Duration(s.ahead.Load()) }

// drainBytes is how much of a refusal is read so that its connection can be used again.
const drainBytes = 64 << 10

// RoundTrip implements http.RoundTripper. It leaves the caller's request as it is.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Skew == nil {
		t.Skew = &Skew{} // forgotten after this call
	}
	out := r.Clone(r.Context())
	if t.Verifier != nil {
		if out.Header.Get("Accept-Encoding") == "" {
			// Otherwise net/http would ask for gzip and decompress behind our back, and
			// the digest of the wire bytes could not be checked any more.
			out.Header.Set("Accept-Encoding", "identity")
		}
		if out.Header.Get("Accept-Signature") == "" {
			out.Header.Set("Accept-Signature", AcceptSignature(t.ResponsePolicy))
		}
	}
	if err := t.sign(out); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, err
	}
	resp, body, err := t.send(out)
	if err != nil {
		return nil, err
	}
	if serverTime, known := t.serverTime(out, resp, body); known && t.wasSkewed(out, serverTime) {
		t.Skew.ahead.Store(int64(serverTime.Sub(t.Signer.Now())))
		if t.Verifier == nil {
			_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)
			_ = resp.Body.Close()
		}
		if out, err = t.again(out); err != nil {
			return nil, err
		}
		if resp, body, err = t.send(out); err != nil {
			return nil, err
		}
	}
	if t.Verifier == nil {
		return resp, nil
	}
	if _, err := t.verifierAt(t.now).VerifyResponse(out.Context(), resp, body, t.ResponsePolicy); err != nil {
		return nil, err
	}
	return resp, nil
}

// now is the server's time, as far as it is known. It is the clock of both sides of
// an exchange, or the answers of a server ahead of us would be refused.
func (t Transport) now() time.Time { return t.Signer.Now().Add(t.Skew.Ahead()) }

func (t Transport) verifierAt(now func() time.Time) Verifier {
	v := *t.Verifier
	v.Now = now
	return v
}

func (t Transport) sign(r *http.Request) error {
	signer := t.Signer
	if signer.Now != nil {
		signer.Now = t.now
	}
	return signer.Sign(r)
}

// send sends a signed request. Of a response that is to be verified it reads the
// content, which can be read from the response again.
func (t Transport) send(out *http.Request) (*http.Response, []byte, error) {
	next := t.Next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(out)
	if err != nil || t.Verifier == nil {
		return resp, nil, err
	}
	body, err := takeBody(&resp.Body, t.MaxBody)
	if err != nil {
		return nil, nil, refuseBecause(ReasonMalformed, err, "reading the signed response")
	}
	// What we sent is what the answer must be bound to, whatever Next put there.
	resp.Request = out
	return resp, body, nil
}

// again makes the same request for another attempt.
func (t Transport) again(sent *http.Request) (*http.Request, error) {
	out := sent.Clone(sent.Context())
	if sent.GetBody != nil {
		var err error
		if out.Body, err = sent.GetBody(); err != nil {
			return nil, err
		}
	}
	return out, t.sign(out)
}

// serverTime reads the server's clock out of a refusal. With a Verifier it is the
// created time of a signature that holds and is bound to our request, whose nonce
// makes it fresh. Without one the answer is as good as its connection: Date is
// believed over TLS only, since a forged one would have us sign for a later time.
func (t Transport) serverTime(sent *http.Request, resp *http.Response, body []byte) (time.Time, bool) {
	if resp.StatusCode != http.StatusUnauthorized || t.Signer.Now == nil {
		return time.Time{}, false
	}
	if t.Verifier == nil {
		at, err := http.ParseTime(resp.Header.Get("Date"))
		return at, err == nil && sent.URL.Scheme == "https"
	}
	// Judged at the very time that it states, everything but that time is checked.
	policy := t.ResponsePolicy
	input, err := pickInput(resp.Header, policy.picks)
	if err != nil || input.Params.Created.IsZero() {
		return time.Time{}, false
	}
	at := func() time.Time { return input.Params.Created }
	verified, err := t.verifierAt(at).VerifyResponse(sent.Context(), resp, body, policy)
	bound := slices.ContainsFunc(verified.Covered, requestSignature().Equal)
	return verified.Created, err == nil && bound
}

// wasSkewed tells if the time of our signature is one that a server at this time had
// to refuse. A request that was refused for any other reason is not repeated.
func (t Transport) wasSkewed(sent *http.Request, serverTime time.Time) bool {
	input, err := pickInput(sent.Header, t.Signer.Policy.picks)
	if err != nil {
		return false
	}
	reason := ReasonOf(t.Signer.Policy.checkTimes(input.Params, serverTime))
	return reason == ReasonClockSkew || reason == ReasonExpired
}
