package signature_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"

	"github.com/lendgate/lendgate/bff/signature"
)

// mutant is a signed request in parts that can be changed apart.
type mutant struct {
	method, target, host, body string
	fields                     [len(mutantFields)][]string
}

var mutantFields = [...]string{
	"Signature-Input", "Signature", "Content-Digest", "Content-Type", "Authorization", "Idempotency-Key",
}

// original is a message that was really signed. A mutant may pass only as one of these.
type original struct {
	mutant

	base, signature []byte
}

// originals are three messages of one key: what could be put together to a fourth.
func originals(t *testing.T, signer signature.Signer) []original {
	t.Helper()
	list := make([]original, 3)
	for i := range list {
		r := demoRequest()
		signer.Nonce = func() string { return fmt.Sprintf("bm9uY2Utb2YtMTI4LWJpdHM%d", i) }
		r.RequestURI += strconv.Itoa(i)
		r.Header.Set("Idempotency-Key", fmt.Sprintf(`"demo-%d"`, i))
		body := fmt.Sprintf(`{"loanId":"loan_demo","amount":"%d"}`, 125_000+i)
		r.Body = io.NopCloser(strings.NewReader(body))
		if err := signer.Sign(r); err != nil {
			t.Fatal(err)
		}
		list[i].mutant = mutant{method: r.Method, target: r.RequestURI, host: r.Host, body: body}
		for f, name := range mutantFields {
			list[i].fields[f] = r.Header.Values(name)
		}
		list[i].base, list[i].signature = baseOf(t, r), signatureBytes(t, r)
	}
	return list
}

// signatureBytes reads the signature out of a message by other means than the package.
func signatureBytes(t *testing.T, r *http.Request) []byte {
	t.Helper()
	dict, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature"))
	if err != nil {
		t.Fatal(err)
	}
	member, _ := dict.Get("lendgate")
	item, _ := member.(httpsfv.Item)
	raw, ok := item.Value.([]byte)
	if !ok {
		t.Fatalf("%q holds no signature of ours", r.Header.Values("Signature"))
	}
	return raw
}

// request gives the message as a server receives it.
func (m *mutant) request() *http.Request {
	r := &http.Request{Method: m.method, RequestURI: m.target, Host: m.host, Header: make(http.Header, len(mutantFields))}
	for i, name := range mutantFields {
		if m.fields[i] != nil {
			r.Header[name] = m.fields[i]
		}
	}
	return r
}

// change makes one change at random. Slices are replaced and never written to,
// since mutants share them.
func (m *mutant) change(random *rand.Rand, from []original) {
	field := random.IntN(len(mutantFields))
	value := m.fields[field]
	switch kind := random.IntN(16); {
	case kind == 0:
		m.method = mutateText(random, m.method)
	case kind == 1:
		m.target = mutateText(random, m.target)
	case kind == 2:
		m.host = mutateText(random, m.host)
	case kind == 3:
		m.body = mutateText(random, m.body)
	case kind == 4: // content of another message
		m.body = from[random.IntN(len(from))].body
	case kind == 5: // target of another message
		m.target = from[random.IntN(len(from))].target
	case kind <= 7: // a field of another message
		m.fields[field] = from[random.IntN(len(from))].fields[field]
	case kind == 8: // value of another field
		m.fields[field] = m.fields[random.IntN(len(m.fields))]
	case kind == 9: // a field gone
		m.fields[field] = nil
	case kind == 10: // a line more, also an empty one
		m.fields[field] = append(slices.Clone(value), []string{"", " ", from[0].fields[field][0], "x=1"}[random.IntN(4)])
	case kind == 11 && len(value) > 0: // one line becomes two
		at := random.IntN(len(value[0]) + 1)
		m.fields[field] = append([]string{value[0][:at], value[0][at:]}, value[1:]...)
	case len(value) > 0:
		changed := slices.Clone(value)
		at := random.IntN(len(changed))
		changed[at] = mutateText(random, changed[at])
		m.fields[field] = changed
	}
}

// mutateText changes, removes, inserts, doubles or moves up to a few bytes.
func mutateText(random *rand.Rand, text string) string {
	const alphabet = "abcXYZ019 \"\\;=:,()?%/.-_@\t\x00\xff"
	b := []byte(text)
	at := random.IntN(len(b) + 1)
	c := alphabet[random.IntN(len(alphabet))]
	switch kind := random.IntN(6); {
	case kind == 0 || at == len(b):
		b = slices.Insert(b, at, c)
	case kind == 1:
		b = slices.Delete(b, at, at+1)
	case kind == 2:
		b[at] ^= 1 << random.IntN(8)
	case kind == 3: // upper and lower case
		b[at] ^= ' '
	case kind == 4: // a piece twice
		end := min(len(b), at+1+random.IntN(8))
		b = slices.Insert(b, at, slices.Clone(b[at:end])...)
	default:
		b[at] = c
	}
	return string(b)
}

// mutationRounds is how many mutants a key gets: a million of the cheap ones unless
// -short is set, and LENDGATE_TEST_MUTATIONS of each if that is set.
func mutationRounds(t *testing.T, algorithm string) int {
	t.Helper()
	if text := os.Getenv("LENDGATE_TEST_MUTATIONS"); text != "" {
		rounds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("LENDGATE_TEST_MUTATIONS: %v", err)
		}
		return rounds
	}
	rounds := 1_000_000
	if algorithm != signature.HMACSHA256 {
		rounds = 20_000 // each costs fifty times as much, when the policy lets it through
	}
	if testing.Short() {
		rounds /= 20
	}
	return rounds
}

// TestRandomMutations changes signed messages in one to three places, and puts parts
// of three together. A mutant may be accepted only if it is, in all that counts, one
// of the signed messages: the content is equal byte for byte, the signature base is
// equal byte for byte, and the decoded signature is equal byte for byte. What is left
// is how the same is written: white space inside Signature-Input, capitals in Host,
// a split line of a field, a second label beside ours.
func TestRandomMutations(t *testing.T) {
	t.Parallel()
	const shards = 2 // of one key, at the same time
	for id, key := range demoKeys(t) {
		for shard := range shards {
			t.Run(fmt.Sprintf("%s %d", id, shard), func(t *testing.T) {
				t.Parallel()
				from := originals(t, demoSigner(key, signature.ProfileLendgate1()))
				rounds := mutationRounds(t, key.Algorithm) / shards
				accepted := mutate(t, from, uint64(shard), rounds)
				t.Logf("%d mutations, %d accepted, each as the message that was signed", rounds, accepted)
				if accepted > rounds/10 {
					t.Error("too many mutations change nothing: the test has lost its teeth")
				}
			})
		}
	}
}

// mutate gives the number of mutants that were accepted, rightly.
func mutate(t *testing.T, from []original, seed uint64, rounds int) (accepted int) {
	t.Helper()
	random := rand.New(rand.NewPCG(9421, seed))
	policy := withoutNonce(signature.ProfileLendgate1())
	verifier := demoVerifier(demoKeys(t))
	for range rounds {
		m := from[random.IntN(len(from))].mutant
		for range 1 + random.IntN(3) {
			m.change(random, from)
		}
		r := m.request()
		if _, err := verifier.Verify(t.Context(), r, []byte(m.body), policy); err != nil {
			continue
		}
		base, given := baseOf(t, r), signatureBytes(t, r)
		isOriginal := func(o original) bool {
			return o.body == m.body && bytes.Equal(o.base, base) && bytes.Equal(o.signature, given)
		}
		if !slices.ContainsFunc(from, isOriginal) {
			t.Errorf("accepted %s %s %s %q %q", r.Method, r.Host, r.RequestURI, r.Header, m.body)
			return accepted
		}
		accepted++
	}
	return accepted
}
