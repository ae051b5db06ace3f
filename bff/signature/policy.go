package signature

import (
	"slices"
	"time"
)

// Coverage says how the covered components of a signature relate to those that a
// policy names.
type Coverage uint8

const (
	// CoverExactly asks for the named components, in their order and no others.
	CoverExactly Coverage = iota
	// CoverAtLeast asks for the named components in any order, and allows others.
	CoverAtLeast
	// CoverAny asks for nothing, so that a signature over nothing passes. It is for
	// tools that look at the mathematics alone.
	CoverAny
)

// Policy is what a message must satisfy beyond a valid signature. The zero value
// accepts nothing.
type Policy struct {
	// Tag and Label choose the signature to look at among those of the message.
	// Empty means any, and exactly one must fit.
	Tag, Label string

	Coverage Coverage
	// Required components must be covered, whether or not the message has them.
	Required []Component
	// IfPresent components must be covered when the message has them, and cannot be
	// otherwise. They come after Required.
	IfPresent []Component
	// DigestContent asks that a message with content, also an empty POST, covers
	// its Content-Digest.
	DigestContent bool

	// MaxAge is how long ago created may lie, MaxFutureSkew how far ahead. A MaxAge
	// above zero makes created mandatory.
	MaxAge, MaxFutureSkew time.Duration
	// MaxLifetime bounds expires minus created; above zero it makes both mandatory.
	MaxLifetime time.Duration
	// RequireNonce asks for a nonce of at least 128 bits in base64url, which is then
	// consumed. It needs a bound in time, MaxAge or MaxLifetime.
	RequireNonce bool

	// Algorithms allowed; empty means hmac-sha256, ecdsa-p256-sha256 and ed25519.
	Algorithms []string
}

// TagLendgate1 is the tag of lendgate's profile, which keeps its signatures apart
// from those made for any other purpose with the same key.
const TagLendgate1 = "lendgate-1"

// Bounds of the profile. The clock of a phone may be 90 seconds behind or 30 ahead.
const (
	profileMaxAge      = 90 * time.Second
	profileFutureSkew  = 30 * time.Second
	profileMaxLifetime = 120 * time.Second
)

// ProfileLendgate1 is lendgate's profile for requests: method, authority, path and
// query always, and content-digest, content-type, authorization and
// idempotency-key exactly when the request has them, all in this order. Neither
// @target-uri nor Host is covered, because proxies change them.
func ProfileLendgate1() Policy {
	return Policy{
		Tag:      TagLendgate1,
		Required: []Component{quoted(`"@method"`), quoted(`"@authority"`), quoted(`"@path"`), quoted(`"@query"`)},
		IfPresent: []Component{
			quoted(`"content-digest"`), quoted(`"content-type"`), quoted(`"authorization"`), quoted(`"idempotency-key"`),
		},
		DigestContent: true,
		MaxAge:        profileMaxAge,
		MaxFutureSkew: profileFutureSkew,
		MaxLifetime:   profileMaxLifetime,
		RequireNonce:  true,
	}
}

// ProfileLendgate1Money is the profile for calls that move money: all eight
// components must be there and be covered.
func ProfileLendgate1Money() Policy {
	p := ProfileLendgate1()
	p.Required, p.IfPresent = slices.Concat(p.Required, p.IfPresent), nil
	return p
}

// ProfileLendgate1Response is the profile for signed answers. They cover the
// request's method, path, query and digest, so that one request's answer cannot be
// offered for another, and the request's own Signature, which no two requests share:
// an answer cannot be offered for an equal request either (RFC 9421 section 2.4 tells
// to cover both). There is no nonce: that of the request makes the answer fresh.
func ProfileLendgate1Response() Policy {
	return Policy{
		Tag: TagLendgate1,
		Required: []Component{
			quoted(`"@status"`), quoted(`"content-digest"`),
			quoted(`"@method"`).OfRequest(), quoted(`"@path"`).OfRequest(), quoted(`"@query"`).OfRequest(),
		},
		IfPresent:     []Component{quoted(`"content-digest"`).OfRequest(), requestSignature()},
		DigestContent: true,
		MaxAge:        profileMaxAge,
		MaxFutureSkew: profileFutureSkew,
		MaxLifetime:   profileMaxLifetime,
	}
}

// requestSignature is the component that binds an answer to one request.
func requestSignature() Component { return quoted(`"signature"`).OfRequest() }

// BarePolicy checks the signature with this label and nothing about what it covers,
// with any algorithm that the package can verify. It is for tools and test vectors;
// it is no basis for trust in a message.
func BarePolicy(label string) Policy {
	return Policy{
		Label:      label,
		Coverage:   CoverAny,
		Algorithms: []string{HMACSHA256, ECDSAP256SHA256, Ed25519, RSAPSSSHA512},
	}
}

// picks tells if a signature with this label and tag is the one to look at.
func (p Policy) picks(label, tag string) bool {
	return (p.Label == "" || p.Label == label) && (p.Tag == "" || p.Tag == tag)
}

// profileComponents is how many components our profiles name at most.
const profileComponents = 8

// appendComponents lists what a signature over the message has to cover, in order.
func (p Policy) appendComponents(list []Component, m *Message) []Component {
	list = append(list, p.Required...)
	for _, c := range p.IfPresent {
		if m.has(c) {
			list = append(list, c)
		}
	}
	return list
}

// sound refuses a policy that would accept everything, or remember nonces for ever.
func (p Policy) sound() error {
	if p.Coverage != CoverAny && len(p.Required) == 0 {
		return refuse(ReasonUnavailable, "the policy requires no component")
	}
	if p.RequireNonce && p.MaxAge <= 0 && p.MaxLifetime <= 0 {
		return refuse(ReasonUnavailable, "the policy asks for a nonce without a bound in time")
	}
	return nil
}

// check applies the policy to what a signature states, before any key is fetched.
func (p Policy) check(m *Message, body []byte, in Input, now time.Time) error {
	if in.Params.KeyID == "" {
		return refuse(ReasonPolicy, "no keyid")
	}
	if err := p.checkCoverage(m, body, in); err != nil {
		return err
	}
	if p.RequireNonce && !isNonce(in.Params.Nonce) {
		return refuse(ReasonPolicy, "the nonce is not of 128 bits or more in base64url")
	}
	return p.checkTimes(in.Params, now)
}

func (p Policy) checkCoverage(m *Message, body []byte, in Input) error {
	covers := func(c Component) bool { return slices.ContainsFunc(in.Components, c.Equal) }
	var room [profileComponents]Component // On the stack: with the list, a request would have half a kilobyte more of garbage.
	wanted := p.appendComponents(room[:0], m)
	switch p.Coverage {
	case CoverExactly:
		if !slices.EqualFunc(in.Components, wanted, Component.Equal) {
			return refuse(ReasonPolicy, "the covered components are not those of the policy")
		}
	case CoverAtLeast:
		for _, c := range wanted {
			if !covers(c) {
				return refuse(ReasonPolicy, "%s is not covered", c)
			}
		}
	}
	if p.DigestContent && m.withContent(body) && !covers(quoted(`"content-digest"`)) {
		return refuse(ReasonPolicy, "the content has no covered digest")
	}
	return nil
}

// checkTimes compares in whole seconds, as the parameters count.
func (p Policy) checkTimes(params Params, now time.Time) error {
	now = now.Truncate(time.Second)
	created, expires := params.Created, params.Expires
	if created.IsZero() && (p.MaxAge > 0 || p.MaxLifetime > 0) {
		return refuse(ReasonPolicy, "no created time")
	}
	if p.MaxAge > 0 && (created.Before(now.Add(-p.MaxAge)) || created.After(now.Add(p.MaxFutureSkew))) {
		return refuse(ReasonClockSkew, "created is %d seconds from our time", created.Unix()-now.Unix())
	}
	if p.MaxLifetime > 0 {
		if expires.IsZero() {
			return refuse(ReasonPolicy, "no expires time")
		}
		if !expires.After(created) || expires.Sub(created) > p.MaxLifetime {
			return refuse(ReasonPolicy, "expires is not within %v after created", p.MaxLifetime)
		}
	}
	if !expires.IsZero() && now.After(expires) {
		return refuse(ReasonExpired, "expired %d seconds ago", now.Unix()-expires.Unix())
	}
	return nil
}

// allows tells if the policy takes this algorithm.
func (p Policy) allows(algorithm string) bool {
	if len(p.Algorithms) == 0 {
		return algorithm == HMACSHA256 || algorithm == ECDSAP256SHA256 || algorithm == Ed25519
	}
	return slices.Contains(p.Algorithms, algorithm)
}

// nonceUntil is when a message with these parameters can no longer be accepted by
// any server of ours, given clocks that differ by the skew allowed to callers.
func (p Policy) nonceUntil(params Params) time.Time {
	end := params.Expires
	if oldest := params.Created.Add(p.MaxAge); p.MaxAge > 0 && (end.IsZero() || oldest.Before(end)) {
		end = oldest
	}
	return end.Add(p.MaxFutureSkew + time.Second)
}
