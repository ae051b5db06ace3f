package cases

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

// signingRunners are the runners of HTTP message signatures, digests and the algorithms
// below them. Files of Project Wycheproof bear its name, the others those of their
// standards.
func signingRunners() map[string]runner {
	return map[string]runner{
		"rfc9421_signatures.json":                 runSignatures,
		"rfc9421_components.json":                 runComponents,
		"rfc9421_mutations.json":                  runMutations,
		"rfc9530_content_digest.json":             runContentDigest,
		"wycheproof_ecdsa_p256_sha256_p1363.json": runWycheproofVerify,
		"wycheproof_ed25519.json":                 runWycheproofVerify,
		"wycheproof_hmac_sha256.json":             runWycheproofMAC,
		"wycheproof_jose.json":                    runJOSE,
		"wycheproof_jwk.json":                     runJOSE,
		"wycheproof_jws.json":                     runJOSE,
		"structured_fields.json":                  runStructuredFields,
		"standard_webhooks.json":                  runWebhooks,
		"rfc4226_hotp.json":                       runOneTimePasswords,
		"rfc6238_totp.json":                       runOneTimePasswords,
	}
}

// signedMessage is a message of the signing files: field values raw and in order.
type signedMessage struct {
	Type   string `json:"type"`
	Method string `json:"method"`
	// Target is the request target as it stands on the request line.
	Target   string      `json:"target"`
	Scheme   string      `json:"scheme"`
	Status   int         `json:"status"`
	Headers  [][2]string `json:"headers"`
	Trailers [][2]string `json:"trailers"`
	Body     string      `json:"body"`
	// Request is what a response answers; its components may be signed with the ;req
	// parameter (RFC 9421, section 2.4).
	Request *signedMessage `json:"request"`
}

// message builds what the verifier would see behind net/http, so that the vectors
// pass the same way in as live traffic.
func (m *signedMessage) message() (*signature.Message, error) {
	switch m.Type {
	case "request":
		return signature.FromRequest(m.httpRequest()), nil
	case "response":
		resp := &http.Response{StatusCode: m.Status, Header: headerOf(m.Headers), Trailer: headerOf(m.Trailers)}
		if m.Request != nil {
			resp.Request = m.Request.httpRequest()
		}
		return signature.FromResponse(resp), nil
	}
	return nil, fmt.Errorf("message of type %q", m.Type)
}

// httpRequest is the request as a server of net/http would hand it over: the target is
// kept as sent, and the scheme shows in whether there is TLS.
func (m *signedMessage) httpRequest() *http.Request {
	r := &http.Request{
		Method: m.Method, RequestURI: m.Target,
		Header: headerOf(m.Headers), Trailer: headerOf(m.Trailers),
	}
	// net/http takes Host out of the header; a verifier reads it from here.
	r.Host = r.Header.Get("Host")
	if m.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	return r
}

// headerOf keeps fields of one name in their order, which is the order in which they
// are joined.
func headerOf(fields [][2]string) http.Header {
	header := http.Header{}
	for _, field := range fields {
		header.Add(field[0], field[1])
	}
	return header
}

// signedVector is a record of the signature and of the mutation file.
type signedVector struct {
	ID      string        `json:"id"`
	Label   string        `json:"label"`
	Alg     string        `json:"alg"`
	Message signedMessage `json:"message"`
	// SignatureBase is nil where the vector prints none.
	SignatureBase *string `json:"signature_base"`
	Expect        string  `json:"expect"`
	// Now is when the message is verified, in seconds since 1970.
	Now int64 `json:"now"`
}

// judgeEach reads a file of vectors and gives a verdict on each.
func judgeEach[V any](raw []byte, judge func(V) outcome) ([]outcome, error) {
	vectors, err := readVectors[V](raw)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(vectors))
	for i, v := range vectors {
		outcomes[i] = judge(v)
	}
	return outcomes, nil
}

// readVectors reads the records under "vectors", or a bare array of them. Some
// publishers wrap them with notes, some do not.
func readVectors[T any](raw []byte) ([]T, error) {
	var file struct {
		Vectors []T `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		var list []T
		if json.Unmarshal(raw, &list) != nil {
			return nil, err
		}
		return list, nil
	}
	return file.Vectors, nil
}

// readKeys reads the key files that lie beside the vectors. Each key keeps the
// algorithm that its file states, also when lendgate does not support it: such a
// key must be refused, not taken for another kind.
func readKeys(dir string) (signature.KeyRing, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "rfc9421_keys*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, errors.New("rfc9421_keys.json is not beside the vectors")
	}
	ring := signature.KeyRing{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var file struct {
			Keys map[string]struct {
				Alg       string          `json:"alg"`
				JWK       json.RawMessage `json:"jwk"`
				SecretB64 string          `json:"secret_b64"`
			} `json:"keys"`
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		for id, record := range file.Keys {
			key := signature.Key{}
			if record.SecretB64 != "" {
				key.Secret, err = base64.StdEncoding.DecodeString(record.SecretB64)
			} else {
				key, err = signature.ParseJWK(record.JWK)
			}
			if err != nil {
				return nil, fmt.Errorf("key %s: %w", id, err)
			}
			// The file's statement wins over what a JWK suggests, since that is what
			// the vector tests.
			key.ID, key.Algorithm = id, record.Alg
			ring[id] = key
		}
	}
	return ring, nil
}

// verify gives the verdict on a vector under a policy at the vector's own time. The
// clock is the vector's, so a signature that expired in 2021 is as good as then.
func (v signedVector) verify(keys signature.KeyStore, p signature.Policy) error {
	message, err := v.Message.message()
	if err != nil {
		return err
	}
	verifier := signature.Verifier{Keys: keys, Now: func() time.Time { return time.Unix(v.Now, 0) }}
	_, err = verifier.VerifyMessage(context.Background(), message, []byte(v.Message.Body), p)
	return err
}

// verdict compares "valid" or "invalid" with what verification said.
func verdict(expect string, err error) error {
	switch expect {
	case "valid":
		return err
	case "invalid":
		if err == nil {
			return errors.New("accepted, and must be refused")
		}
		// A refusal must be about the message. A key that could not be fetched, or an
		// error without a reason, would pass for one and prove nothing.
		if reason := signature.ReasonOf(err); reason == "" || reason == signature.ReasonUnavailable {
			return fmt.Errorf("refused for a reason of our own: %w", err)
		}
		return nil
	}
	return fmt.Errorf("expectation %q is not known", expect)
}

// differ quotes both sides: white space and line ends are what mostly differs.
func differ(what, got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s: got %q, want %q", what, got, want)
}

// structuredTypes reads the field types that a vector declares. RFC 9421, section
// 2.1.1: a strict serialisation needs to know the type of a field.
func structuredTypes(names map[string]string) (map[string]signature.FieldType, error) {
	types := map[string]signature.FieldType{}
	for field, name := range names {
		switch strings.ToLower(name) {
		case "dict", "dictionary":
			types[field] = signature.TypeDictionary
		case "list":
			types[field] = signature.TypeList
		case "item":
			types[field] = signature.TypeItem
		default:
			return nil, fmt.Errorf("structured type %q is not known", name)
		}
	}
	return types, nil
}
