package cases

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/lendgate/lendgate/bff/signature"
)

// runSignatures checks the RFC's own messages: the base byte for byte, the verdict,
// that signing again gives the same bytes where the algorithm is deterministic, and
// that a policy of coverage refuses what covers nothing. The messages are those of RFC
// 9421, appendix B.
func runSignatures(dir string, raw []byte) ([]outcome, error) {
	vectors, err := readVectors[signedVector](raw)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(dir)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(vectors))
	for i, v := range vectors {
		outcomes[i] = outcome{ID: v.ID, Err: errors.Join(
			verdict(v.Expect, v.verify(keys, signature.BarePolicy(v.Label))),
			v.checkBase(keys),
			v.checkCoverage(keys),
		)}
	}
	return outcomes, nil
}

// checkBase rebuilds the base and, where that is deterministic, the signature.
func (v signedVector) checkBase(keys signature.KeyRing) error {
	// Some vectors print a verdict alone.
	if v.SignatureBase == nil {
		return nil
	}
	message, err := v.Message.message()
	if err != nil {
		return err
	}
	input, err := signature.ParseInput(message.Header, v.Label)
	if err != nil {
		return err
	}
	base, err := input.Base(message)
	if err != nil {
		return err
	}
	if err := differ("signature base", string(base), *v.SignatureBase); err != nil {
		return err
	}
	// ECDSA and RSA-PSS draw a random number for each signature, so signing again
	// proves nothing there.
	if v.Alg != signature.HMACSHA256 && v.Alg != signature.Ed25519 {
		return nil
	}
	signed, err := keys[input.Params.KeyID].SignBase(base)
	if err != nil {
		return err
	}
	// A byte sequence of RFC 9651: base64 between colons.
	field := v.Label + "=:" + base64.StdEncoding.EncodeToString(signed) + ":"
	return differ("signature", field, message.Header.Get("Signature"))
}

// checkCoverage asks for the method or the status under a policy: exactly the
// messages that cover it may pass.
func (v signedVector) checkCoverage(keys signature.KeyStore) error {
	if v.Expect != "valid" {
		return nil
	}
	message, err := v.Message.message()
	if err != nil {
		return err
	}
	// A signature that does not cover the method of a request, or the status of a
	// response, says nothing about the message.
	wanted := signature.Derived("@method")
	if message.Status != 0 {
		wanted = signature.Derived("@status")
	}
	input, err := signature.ParseInput(message.Header, v.Label)
	if err != nil {
		return err
	}
	policy := signature.BarePolicy(v.Label)
	policy.Coverage, policy.Required = signature.CoverAtLeast, []signature.Component{wanted}
	refusal := v.verify(keys, policy)
	if slices.ContainsFunc(input.Components, wanted.Equal) {
		return refusal
	}
	if signature.ReasonOf(refusal) != signature.ReasonPolicy {
		return fmt.Errorf("a policy that wants %s gives %v", wanted, refusal)
	}
	return nil
}

// runMutations gives a verdict on each changed message. A mutation that is still to
// pass is among them: what a proxy may change.
func runMutations(dir string, raw []byte) ([]outcome, error) {
	vectors, err := readVectors[signedVector](raw)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(dir)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(vectors))
	for i, v := range vectors {
		outcomes[i] = outcome{ID: v.ID, Err: verdict(v.Expect, v.verify(keys, signature.BarePolicy(v.Label)))}
	}
	return outcomes, nil
}

// componentVector asks for the lines of the signature base for components of a message
// (RFC 9421, section 2).
type componentVector struct {
	ID          string            `json:"id"`
	Message     signedMessage     `json:"message"`
	Components  []string          `json:"components"`
	Types       map[string]string `json:"structured_field_types"`
	ExpectLines []string          `json:"expect_lines"`
	ExpectError string            `json:"expect_error"`
}

// runComponents compares signature-base lines, or asks for a refusal.
func runComponents(_ string, raw []byte) ([]outcome, error) {
	return judgeEach(raw, func(v componentVector) outcome { return outcome{ID: v.ID, Err: v.check()} })
}

// check compares the lines byte for byte: a signature forgives nothing.
func (v componentVector) check() error {
	message, err := v.Message.message()
	if err != nil {
		return err
	}
	if message.FieldTypes, err = structuredTypes(v.Types); err != nil {
		return err
	}
	lines, err := v.lines(message)
	// Any refusal of ours will do: the words of an error are nobody's standard.
	if v.ExpectError != "" {
		return verdict("invalid", err)
	}
	if err != nil {
		return err
	}
	if !slices.Equal(lines, v.ExpectLines) {
		return fmt.Errorf("lines: got %q, want %q", lines, v.ExpectLines)
	}
	return nil
}

// lines parses components as a Signature-Input would name them.
func (v componentVector) lines(message *signature.Message) ([]string, error) {
	components := make([]signature.Component, len(v.Components))
	for i, text := range v.Components {
		var err error
		if components[i], err = signature.ParseComponent(text); err != nil {
			return nil, err
		}
	}
	return signature.Lines(message, components)
}

// digestVector is a Content-Digest field (RFC 9530) and the content that it is for.
type digestVector struct {
	ID         string `json:"id"`
	BodyB64    []byte `json:"body_b64"`
	FieldValue string `json:"field_value"`
	Expect     string `json:"expect"`
}

// runContentDigest checks Content-Digest fields, and that our own field for the
// same content passes as well.
func runContentDigest(_ string, raw []byte) ([]outcome, error) {
	vectors, err := readVectors[digestVector](raw)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(vectors))
	for i, v := range vectors {
		got := signature.VerifyContentDigest(http.Header{"Content-Digest": {v.FieldValue}}, v.BodyB64)
		// A copy, so that the two checks share no memory.
		ours := signature.VerifyContentDigest(
			http.Header{"Content-Digest": {signature.ContentDigest(v.BodyB64)}}, bytes.Clone(v.BodyB64))
		outcomes[i] = outcome{ID: v.ID, Err: errors.Join(verdict(v.Expect, got), ours)}
	}
	return outcomes, nil
}
