package signature

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Verifier checks signed messages. It holds no state of its own and is safe for
// concurrent use.
type Verifier struct {
	Keys KeyStore
	// Nonces is needed for policies with RequireNonce.
	Nonces NonceStore
	// Now is the clock. It must be set.
	Now func() time.Time
	// Authorities lists the hosts that this server answers for, as @authority prints
	// them: lower case, without a default port. A request signed for another one is
	// refused. Empty means that any is taken.
	Authorities []string
	// Scheme is what callers use, "https" behind a proxy that ends TLS. Empty means
	// what the connection shows.
	Scheme string
}

// Verified is what is known about a message that passed.
type Verified struct {
	KeyID, Label string
	// Owner and Algorithm come from the key record.
	Owner, Algorithm string
	// Created and Expires are zero if the message did not state them.
	Created, Expires time.Time
	Nonce            string
	// Covered lists the components that the signature protects. What is not among
	// them may have been changed on the way.
	Covered []Component
}

// Verify checks a request whose content was read into body, as it came over the
// wire. A nil error means that the policy holds entirely; any other is an *Error.
func (v Verifier) Verify(ctx context.Context, r *http.Request, body []byte, p Policy) (Verified, error) {
	m := FromRequest(r)
	if v.Scheme != "" {
		m.Scheme = v.Scheme
	}
	if len(v.Authorities) > 0 && !slices.Contains(v.Authorities, m.authority()) {
		return Verified{}, refuse(ReasonPolicy, "the request is for another authority")
	}
	return v.VerifyMessage(ctx, m, body, p)
}

// VerifyResponse checks a response to the request in resp.Request, whose content
// was read into body.
func (v Verifier) VerifyResponse(ctx context.Context, resp *http.Response, body []byte, p Policy) (Verified, error) {
	return v.VerifyMessage(ctx, FromResponse(resp), body, p)
}

// VerifyMessage checks any message. It looks neither at Authorities nor at Scheme.
func (v Verifier) VerifyMessage(ctx context.Context, m *Message, body []byte, p Policy) (Verified, error) {
	if v.Keys == nil || v.Now == nil || (p.RequireNonce && v.Nonces == nil) {
		return Verified{}, refuse(ReasonUnavailable, "the verifier lacks a key store, a nonce store or a clock")
	}
	if err := p.sound(); err != nil {
		return Verified{}, err
	}
	now := v.Now()
	input, err := pickInput(m.Header, p.picks)
	if err != nil {
		return Verified{}, err
	}
	signature, err := signatureOf(m.Header, input.Label)
	if err != nil {
		return Verified{}, err
	}
	if err := p.check(m, body, input, now); err != nil {
		return Verified{}, err
	}
	// The base is built before the key is fetched: a message that cannot be verified
	// costs no store a question.
	base, err := input.Base(m)
	if err != nil {
		return Verified{}, err
	}
	key, err := v.key(ctx, input.Params, p, now)
	if err != nil {
		return Verified{}, err
	}
	if err := key.VerifyBase(base, signature); err != nil {
		return Verified{}, err
	}
	// A digest that is there must be right, even if this policy does not ask for it.
	if m.has(quoted(`"content-digest"`)) {
		if err := VerifyContentDigest(m.Header, body); err != nil {
			return Verified{}, err
		}
	}
	if p.RequireNonce {
		if err := v.consume(ctx, input.Params, p); err != nil {
			return Verified{}, err
		}
	}
	return Verified{
		KeyID: input.Params.KeyID, Label: input.Label, Owner: key.Owner, Algorithm: key.Algorithm,
		Created: input.Params.Created, Expires: input.Params.Expires, Nonce: input.Params.Nonce,
		Covered: input.Components,
	}, nil
}

// key fetches the key and settles the algorithm: that of the record, which the
// policy must allow and the message may only repeat (RFC 9421 section 3.2, step 6).
func (v Verifier) key(ctx context.Context, params Params, p Policy, now time.Time) (Key, error) {
	key, err := v.Keys.Key(ctx, params.KeyID)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return Key{}, refuseBecause(ReasonUnknownKey, err, "no key has this id")
	case err != nil:
		return Key{}, refuseBecause(ReasonUnavailable, err, "key store")
	case key.ID != params.KeyID:
		return Key{}, refuse(ReasonUnavailable, "the key store gave another key than asked for")
	}
	if !p.allows(key.Algorithm) {
		return Key{}, refuse(ReasonAlgorithm, "algorithm %q is not allowed", key.Algorithm)
	}
	if params.Alg != "" && params.Alg != key.Algorithm {
		return Key{}, refuse(ReasonAlgorithm, "the message names another algorithm than the key has")
	}
	return key, key.usable(now)
}

func (v Verifier) consume(ctx context.Context, params Params, p Policy) error {
	err := v.Nonces.Consume(ctx, params.KeyID, params.Nonce, p.nonceUntil(params))
	switch {
	case errors.Is(err, ErrReplay):
		return refuseBecause(ReasonReplay, err, "replay")
	case err != nil:
		return refuseBecause(ReasonUnavailable, err, "nonce store")
	}
	return nil
}
