package cases

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lendgate/lendgate/bff/signature"
)

// joseFile is a Wycheproof file of JSON web signatures. lendgate speaks no JWS: the
// files test its reading of JWKs and its algorithms, with the envelope opened here.
type joseFile struct {
	TestGroups []struct {
		Comment string          `json:"comment"`
		Private json.RawMessage `json:"private"`
		Public  json.RawMessage `json:"public"`
		Tests   []struct {
			ID int `json:"tcId"`
			// JWS and JWE are texts in compact form, else objects.
			JWS    json.RawMessage `json:"jws"`
			JWE    json.RawMessage `json:"jwe"`
			Result string          `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// runJOSE verifies compact signatures by the keys of their group. Encryption, and
// algorithms that lendgate has no use for, are not attempted.
func runJOSE(_ string, raw []byte) ([]outcome, error) {
	var file joseFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	var outcomes []outcome
	for _, group := range file.TestGroups {
		keys := group.Public
		if keys == nil {
			keys = group.Private // of a shared secret
		}
		set, claimed, err := joseKeys(keys)
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", group.Comment, err)
		}
		for _, test := range group.Tests {
			o := outcome{ID: fmt.Sprintf("tcId %d", test.ID), Skipped: !claimed || test.JWE != nil}
			if !o.Skipped {
				o.Err = verdict(test.Result, verifyJWS(set, group.Public != nil, test.JWS))
			}
			outcomes = append(outcomes, o)
		}
	}
	return outcomes, nil
}

// joseKeys gives the keys of a group as a set, and tells if they are of kinds that
// lendgate claims. A key of ours that is spoilt is claimed: it must be refused.
func joseKeys(raw json.RawMessage) (set []json.RawMessage, claimed bool, err error) {
	var holder struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &holder); err != nil {
		return nil, false, err
	}
	if set = holder.Keys; set == nil {
		set = []json.RawMessage{raw}
	}
	// Algorithms and a curve that RFC 9421 does not register, or that nobody here has a
	// use for.
	others := []string{"RS256", "RS384", "RS512", "RSA1_5", "PS256", "PS384", "HS384", "HS512"}
	for _, jwk := range set {
		var kind struct{ Alg, Crv, Kty string }
		if err := json.Unmarshal(jwk, &kind); err != nil {
			return nil, false, err
		}
		if slices.Contains(others, kind.Alg) || kind.Crv == "P-521" {
			return nil, false, nil
		}
	}
	return set, true, nil
}

// joseNames are the names in JWS of what RFC 9421 names otherwise.
func joseNames() map[string]string {
	return map[string]string{
		signature.HMACSHA256: "HS256", signature.ECDSAP256SHA256: "ES256",
		signature.Ed25519: "EdDSA", signature.RSAPSSSHA512: "PS512",
	}
}

// verifyJWS verifies a compact JWS (RFC 7515 section 5.2). Keys that are published are
// read as any published set; the others are one or more shared secrets.
//
// Of the file wycheproof_jws.json two cases fail, and will: tcId 367 is byte for byte
// the valid tcId 357 and calls itself invalid, and tcId 373 calls a "?" in base64url
// valid, which RFC 7515 section 2 does not have.
func verifyJWS(set []json.RawMessage, published bool, jws json.RawMessage) error {
	refuse := func(detail string) error {
		return &signature.Error{Reason: signature.ReasonMalformed, Detail: detail}
	}
	keys, err := joseRing(set, published)
	if err != nil {
		return err
	}
	var compact string
	if json.Unmarshal(jws, &compact) != nil {
		return refuse("not in compact form")
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return refuse("not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		// Decoding passes over line breaks, which base64url of RFC 7515 does not have.
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return refuse("not base64url")
		}
	}
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		return refuse("no header")
	}
	key, known := keys[header.Kid]
	if !known || joseNames()[key.Algorithm] != header.Alg {
		return refuse("no such key of this algorithm")
	}
	return key.VerifyBase([]byte(parts[0]+"."+parts[1]), decoded[2])
}

// joseRing makes a ring of a group's keys: a published set by the reader that partners'
// sets pass through, secrets one by one.
func joseRing(set []json.RawMessage, published bool) (signature.KeyRing, error) {
	if published {
		raw, err := json.Marshal(map[string]any{"keys": set})
		if err != nil {
			return nil, err
		}
		return signature.ParseJWKSet(raw)
	}
	ring := signature.KeyRing{}
	for _, jwk := range set {
		key, err := signature.ParseJWK(jwk)
		if err != nil {
			return nil, err
		}
		// One set for secrets and public keys invites to take the one for the other.
		if _, twice := ring[key.ID]; twice || key.Secret == nil {
			return nil, &signature.Error{Reason: signature.ReasonMalformed, Detail: "two keys of one id, or of two kinds"}
		}
		ring[key.ID] = key
	}
	return ring, nil
}
