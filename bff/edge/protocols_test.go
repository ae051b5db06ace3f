package edge_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// session adds a session to every request before it is signed.
type session struct {
	next  http.RoundTripper
	token string
	key   string
}

// RoundTrip adds the headers.
func (s session) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.token)
	if s.key != "" {
		r.Header.Set(edge.IdempotencyKeyHeader, s.key)
	}
	return s.next.RoundTrip(r)
}

// TestEveryProtocolOnOnePort asks the same RPC in Connect, gRPC and gRPC-Web, in JSON and Protobuf, over HTTP/1.1, HTTP/2 without TLS and
// TLS, all on one port and all signed; and hears the same refusal with its reason in each.
func TestEveryProtocolOnOnePort(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	protocols := map[string][]connect.ClientOption{
		"Connect in Protobuf": nil, "Connect in JSON": {connect.WithProtoJSON()}, "gRPC": {connect.WithGRPC()},
		"gRPC-Web": {connect.WithGRPCWeb()}, "gRPC-Web in JSON": {connect.WithGRPCWeb(), connect.WithProtoJSON()},
		"Connect with compression": {connect.WithSendGzip()},
	}
	for transport, server := range servers(t, r.edge.Handler()) {
		for protocol, options := range protocols {
			if transport == "HTTP/1.1" && protocol == "gRPC" {
				continue // gRPC needs HTTP/2.
			}
			t.Run(protocol+" over "+transport, func(t *testing.T) {
				t.Parallel()
				signed := signature.Transport{Next: server.transport, Signer: r.phone}
				client := func(key string) *http.Client {
					return &http.Client{Transport: session{next: signed, token: r.token, key: key}}
				}
				home := mobilev1connect.NewHomeServiceClient(client(""), server.url, options...)
				res, err := home.GetHome(t.Context(), &mobilev1.GetHomeRequest{})
				if err != nil || res.GetGreeting().GetGivenName() != "Demo" {
					t.Fatalf("answered %v, %v", res, err)
				}
				request := uuid.NewString()
				pay := mobilev1connect.NewPayServiceClient(client(request), server.url, options...)
				_, err = pay.StartPayment(t.Context(), &mobilev1.StartPaymentRequest{RequestId: request, LoanId: "loan_x"})
				if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
					t.Errorf("a loan id that breaks the contract: %v", err)
				}
				stranger := mobilev1connect.NewHomeServiceClient(&http.Client{Transport: server.transport}, server.url, options...)
				if _, err = stranger.GetHome(t.Context(), &mobilev1.GetHomeRequest{}); rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_SIGNATURE_INVALID {
					t.Errorf("unsigned: %v", err)
				}
			})
		}
	}
}

type address struct {
	url       string
	transport http.RoundTripper
}

// servers serves a handler over every transport.
func servers(t *testing.T, handler http.Handler) map[string]address {
	t.Helper()
	var plain http.Protocols
	plain.SetHTTP1(true)
	plain.SetUnencryptedHTTP2(true)
	cleartext := httptest.NewUnstartedServer(handler)
	cleartext.Config.Protocols = &plain
	cleartext.Start()
	t.Cleanup(cleartext.Close)
	encrypted := httptest.NewUnstartedServer(handler)
	encrypted.EnableHTTP2 = true
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	var h1, h2c http.Protocols
	h1.SetHTTP1(true)
	h2c.SetUnencryptedHTTP2(true)
	trust := &tls.Config{RootCAs: encrypted.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	return map[string]address{
		"HTTP/1.1":           {cleartext.URL, &http.Transport{Protocols: &h1}},
		"HTTP/2 without TLS": {cleartext.URL, &http.Transport{Protocols: &h2c}},
		"HTTP/2 with TLS":    {encrypted.URL, &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}},
	}
}
