package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/app"
)

const (
	callTimeout = 20 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes: the longest schedule takes a tenth of it.
	maxAnswer = 1 << 20
)

// Quote is what to ask a price for.
type Quote struct {
	ProductCode string
	// Principal is in minor units of Currency.
	Principal   int64
	Currency    string
	Instalments int32
}

// exchange is what went over the wire.
type exchange struct {
	Request request `json:"request"`
	Answer  answer  `json:"answer"`
}

// request has its body as text, byte for byte: Content-Digest is over these bytes, and the signature over Content-Digest.
type request struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
}

// answer has its body as data, to be read.
type answer struct {
	Status  int             `json:"status"`
	Headers http.Header     `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// PartnerQuote asks the platform of a data folder for a quote as its demo partner and prints the exchange. A refusal is printed like any
// answer, and is an error.
func PartnerQuote(ctx context.Context, dataDir string, q Quote, out io.Writer) error {
	platform, err := app.FindPlatform(dataDir)
	if err != nil {
		return err
	}
	key, err := app.ReadDemoPartnerKey(dataDir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, body, err := quoteRequest(ctx, platform.EdgeURL, q)
	if err != nil {
		return err
	}
	signer := signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: time.Now}
	if err := signer.Sign(req); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	link, err := platform.EdgeTransport()
	if err != nil {
		return err
	}
	did, err := send(&http.Client{Transport: link}, req, body)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(did); err != nil {
		return err
	}
	if did.Answer.Status != http.StatusOK {
		return fmt.Errorf("the platform refused with status %d", did.Answer.Status)
	}
	return nil
}

// quoteRequest makes the request in Connect's JSON, unsigned.
func quoteRequest(ctx context.Context, edgeURL string, q Quote) (*http.Request, []byte, error) {
	text, err := protojson.Marshal(&partnerv1.QuoteLoanRequest{
		ProductCode: q.ProductCode, Instalments: q.Instalments,
		Principal: &typev1.Money{MinorUnits: q.Principal, CurrencyCode: q.Currency},
	})
	if err != nil {
		return nil, nil, err
	}
	// protoJSON varies its spaces on purpose; what is printed and signed has none.
	var body bytes.Buffer
	if err := json.Compact(&body, text); err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, edgeURL+partnerv1connect.CatalogServiceQuoteLoanProcedure, bytes.NewReader(body.Bytes()))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Connect-Protocol-Version", "1")
	req.Header.Set("Accept-Encoding", "identity") // So that the answer is printed as it came.
	req.Header.Set(edge.TenantHeader, app.DemoTenant)
	return req, body.Bytes(), nil
}

// send sends a signed request and notes both sides.
func send(client *http.Client, req *http.Request, body []byte) (exchange, error) {
	did := exchange{Request: request{Method: req.Method, URL: req.URL.String(), Headers: req.Header.Clone(), Body: string(body)}}
	res, err := client.Do(req)
	if err != nil {
		return did, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return did, err
	}
	if !json.Valid(raw) {
		return did, fmt.Errorf("the platform answered %s with something that is no JSON", res.Status)
	}
	did.Answer = answer{Status: res.StatusCode, Headers: res.Header, Body: raw}
	return did, nil
}
