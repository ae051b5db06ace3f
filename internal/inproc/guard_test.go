package inproc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
)

// serviceLimit is what Guard lets through, in bytes.
const serviceLimit = 8 << 20

// guarded serves a stand-in behind a guard and signs the requests that it is asked for.
type guarded struct {
	url    string
	signer *actor.Signer
}

func newGuarded(t *testing.T) guarded {
	t.Helper()
	signer := actor.NewSigner([]byte(strings.Repeat("k", 32)), actor.CallLifetime)
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, signer)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(loansv1connect.NewLoanServiceHandler(&loanStandIn{}, connect.WithInterceptors(door.Interceptor())))
	server := httptest.NewServer(door.Guard(mux))
	t.Cleanup(server.Close)
	return guarded{url: server.URL, signer: signer}
}

// token proves a call.
func (g guarded) token(procedure string, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(g.signer.AppendCallToken(nil, person(), procedure, actor.DigestOf(content), clock.System{}.Now()))
}

// send sends content with a good token and answers with the code and the reason of the refusal.
func (g guarded) send(t *testing.T, method, path string, headers map[string]string, body io.Reader) (code, reason string) {
	t.Helper()
	var content []byte
	if body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			t.Fatal(err)
		}
	}
	var sent io.Reader = bytes.NewReader(content)
	if _, silent := body.(struct{ io.Reader }); silent {
		sent = struct{ io.Reader }{sent}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(actor.Header, g.token(req.URL.Path, content))
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/grpc") {
		_, _ = io.Copy(io.Discard, res.Body) // Trailers come after the content.
		return readStatus(t, res)
	}
	var refusal struct {
		Code    string `json:"code"`
		Details []struct {
			Value string `json:"value"`
		} `json:"details"`
	}
	if err := json.NewDecoder(res.Body).Decode(&refusal); err != nil {
		t.Fatalf("%s: %v", res.Status, err)
	}
	for _, detail := range refusal.Details {
		raw, err := base64.RawStdEncoding.DecodeString(detail.Value)
		info := &errdetails.ErrorInfo{}
		if err == nil && proto.Unmarshal(raw, info) == nil && info.GetReason() != "" {
			return refusal.Code, info.GetReason()
		}
	}
	return refusal.Code, ""
}

// readStatus reads the status of a gRPC answer. Its details are protobuf, in which a reason stands as it is.
func readStatus(t *testing.T, res *http.Response) (code, reason string) {
	t.Helper()
	raw, err := base64.RawStdEncoding.DecodeString(res.Trailer.Get("Grpc-Status-Details-Bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"MALFORMED_REQUEST", "REQUEST_TOO_LARGE"} {
		if bytes.Contains(raw, []byte(name)) {
			reason = name
		}
	}
	return res.Trailer.Get("Grpc-Status"), reason
}

// TestGuardSaysWhyContentIsRefused spoils the content of calls that bear a good token: whatever is wrong, a reason says so.
func TestGuardSaysWhyContentIsRefused(t *testing.T) {
	t.Parallel()
	const malformed, tooLarge = "MALFORMED_REQUEST", "REQUEST_TOO_LARGE"
	const getLoan = loansv1connect.LoanServiceGetLoanProcedure
	headers := func(contentType string, more ...string) map[string]string {
		all := map[string]string{"Content-Type": contentType}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	oversized := strings.Repeat("x", serviceLimit+1)
	tests := []struct {
		name         string
		method, path string
		headers      map[string]string
		body         io.Reader
		code, reason string
	}{
		{"no JSON", "POST", getLoan, headers("application/json"), strings.NewReader(`{"loan_id":`), "invalid_argument", malformed},
		{"no content where JSON should be", "POST", getLoan, headers("application/json"), nil, "invalid_argument", malformed},
		{"no protobuf", "POST", getLoan, headers("application/proto"), strings.NewReader("\xff\xff\xff\xff"), "invalid_argument", malformed},
		{"another content type", "POST", getLoan, headers("text/plain"), strings.NewReader("hello"), "invalid_argument", malformed},
		{"no content type", "POST", getLoan, nil, strings.NewReader("hello"), "invalid_argument", malformed},
		{"packed content", "POST", getLoan, headers("application/proto", "Content-Encoding", "gzip"), strings.NewReader("\x1f\x8b"), "invalid_argument", malformed},
		{"too much", "POST", getLoan, headers("application/proto"), strings.NewReader(oversized), "resource_exhausted", tooLarge},
		{
			"too much that does not tell its length", "POST", getLoan, headers("application/json"),
			struct{ io.Reader }{strings.NewReader(oversized)}, "resource_exhausted", tooLarge,
		},
		{"a read by GET", "GET", getLoan + "?connect=v1&encoding=json&message=%7B%7D", nil, nil, "unimplemented", "METHOD_NOT_ALLOWED"},
		{"an RPC that is none", "POST", "/lendgate.loans.v1.LoanService/GetNothing", headers("application/proto"), nil, "unimplemented", "UNKNOWN_RPC"},
		{"gRPC without an envelope", "POST", getLoan, headers("application/grpc"), strings.NewReader("\x00\x00"), "3", malformed},
		{"gRPC of another length", "POST", getLoan, headers("application/grpc+proto"), strings.NewReader("\x00\x00\x00\x00\x09x"), "3", malformed},
		{"gRPC that is packed", "POST", getLoan, headers("application/grpc"), strings.NewReader("\x01\x00\x00\x00\x01x"), "3", malformed},
		{"gRPC that is no message", "POST", getLoan, headers("application/grpc"), strings.NewReader("\x00\x00\x00\x00\x01\xff"), "3", malformed},
		{"gRPC that is too much", "POST", getLoan, headers("application/grpc"), strings.NewReader(oversized), "8", tooLarge},
	}
	g := newGuarded(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if code, reason := g.send(t, test.method, test.path, test.headers, test.body); code != test.code || reason != test.reason {
				t.Errorf("refused with %s %s, want %s %s", code, reason, test.code, test.reason)
			}
		})
	}
}

// TestATokenIsForOneCall sends good content with a token that was made for another call.
func TestATokenIsForOneCall(t *testing.T) {
	t.Parallel()
	const getLoan, listLoans = loansv1connect.LoanServiceGetLoanProcedure, loansv1connect.LoanServiceListLoansProcedure
	g := newGuarded(t)
	for name, token := range map[string]string{
		"another RPC": g.token(listLoans, []byte("{}")), "other content": g.token(getLoan, []byte("{} ")), "no content": g.token(getLoan, nil),
	} {
		headers := map[string]string{"Content-Type": "application/json", actor.Header: token}
		if code, reason := g.send(t, "POST", getLoan, headers, strings.NewReader("{}")); code != "unauthenticated" || reason != "CALLER_UNKNOWN" {
			t.Errorf("made for %s: %s %s", name, code, reason)
		}
	}
}
