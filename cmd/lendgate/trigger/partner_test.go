package trigger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/cmd/lendgate/trigger"
)

// installation is a data folder with a partner's key and an edge that checks its signature and answers with status.
func installation(t *testing.T, status int) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := signature.Key{ID: "shop", Algorithm: signature.Ed25519, Public: public}
	jwk, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	jwk.D = base64.RawURLEncoding.EncodeToString(private.Seed())
	verifier := signature.Verifier{Keys: signature.KeyRing{"shop": key}, Nonces: signature.NewMemoryNonces(time.Now, 10), Now: time.Now}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = verifier.Verify(r.Context(), r, body, signature.ProfileLendgate1())
		}
		if err != nil {
			t.Errorf("the request: %v", err)
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"aprPercent":"52.9"}`) //nolint:errcheck // The test would fail at the other end.
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	for name, content := range map[string]any{"platform.json": map[string]string{"edge_url": server.URL}, "partner-test.key.json": jwk} {
		raw, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var quote = trigger.Quote{ProductCode: "cash", Principal: 20_000_00, Currency: "UAH", Instalments: 12}

func TestPartnerQuotePrintsWhatWentOverTheWire(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := trigger.PartnerQuote(t.Context(), installation(t, http.StatusOK), quote, &out); err != nil {
		t.Fatal(err)
	}
	var printed struct {
		Request struct {
			Headers http.Header
			Body    string
		}
		Answer struct {
			Status int
			Body   map[string]string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
		t.Fatalf("printed no data: %v\n%s", err, out.Bytes())
	}
	if err := signature.VerifyContentDigest(printed.Request.Headers, []byte(printed.Request.Body)); err != nil {
		t.Errorf("the printed body is not the one that was signed: %v", err)
	}
	if printed.Request.Headers.Get("Signature-Input") == "" || printed.Answer.Status != http.StatusOK || printed.Answer.Body["aprPercent"] != "52.9" {
		t.Errorf("printed %s", out.Bytes())
	}
}

func TestPartnerQuotePrintsARefusalAndFails(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := trigger.PartnerQuote(t.Context(), installation(t, http.StatusForbidden), quote, &out); err == nil || !json.Valid(out.Bytes()) {
		t.Errorf("said %v and printed %s", err, out.Bytes())
	}
}

func TestPartnerQuoteNeedsAPlatform(t *testing.T) {
	t.Parallel()
	if err := trigger.PartnerQuote(t.Context(), t.TempDir(), quote, io.Discard); err == nil {
		t.Error("asked nobody and got an answer")
	}
}
