package edge_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bff/edge"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

// TestConnectAsItsSpecificationSays sends unary calls with each of the protocol's headers right and wrong.
func TestConnectAsItsSpecificationSays(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{MaxBodyBytes: 1 << 10})
	packed := func(size int) []byte {
		encoder, _ := zstd.NewWriter(nil)
		defer encoder.Close()
		return encoder.EncodeAll(append([]byte(`{"ignored":"`+string(bytes.Repeat([]byte("x"), size))), `"}`...), nil)
	}
	tests := []struct {
		name    string
		body    []byte
		headers map[string]string
		status  int
		code    string
		reason  string
	}{
		{"nothing but the content type", nil, nil, 200, "", ""},
		{"a charset", nil, map[string]string{"Content-Type": "application/json; charset=UTF-8"}, 200, "", ""},
		{"another charset", nil, map[string]string{"Content-Type": "application/json; charset=latin1"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"another codec", nil, map[string]string{"Content-Type": "application/xml"}, 400, "", "MALFORMED_REQUEST"},
		{"version 1", nil, map[string]string{"Connect-Protocol-Version": "1"}, 200, "", ""},
		{"version 2", nil, map[string]string{"Connect-Protocol-Version": "2"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"a timeout", nil, map[string]string{"Connect-Timeout-Ms": "9999999999"}, 200, "", ""},
		{"a timeout of eleven digits", nil, map[string]string{"Connect-Timeout-Ms": "10000000000"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"a timeout below zero", nil, map[string]string{"Connect-Timeout-Ms": "-1"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"a timeout that is no number", nil, map[string]string{"Connect-Timeout-Ms": "1s"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"packed by zstd", packed(10), map[string]string{"Content-Encoding": "zstd"}, 200, "", ""},
		{"more than the limit, packed by zstd", packed(2 << 10), map[string]string{"Content-Encoding": "zstd"}, 429, "resource_exhausted", "REQUEST_TOO_LARGE"},
		{"not packed at all", nil, map[string]string{"Content-Encoding": "zstd"}, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"packed in an unknown way", nil, map[string]string{"Content-Encoding": "br"}, 501, "unimplemented", "MALFORMED_REQUEST"},
		{"not packed, and so", nil, map[string]string{"Content-Encoding": "identity"}, 200, "", ""},
		{"no message of this RPC", []byte(`{"readMask":7}`), nil, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"no JSON", []byte(`{`), nil, 400, "invalid_argument", "MALFORMED_REQUEST"},
		{"nothing", []byte{}, nil, 200, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := r.home(t)
			if test.body != nil {
				req.Body, req.ContentLength, req.GetBody = io.NopCloser(bytes.NewReader(test.body)), int64(len(test.body)), nil
			}
			for name, value := range test.headers {
				req.Header.Set(name, value)
			}
			got := r.send(t, r.sign(t, req))
			if got.status != test.status || got.reason != test.reason || test.code != "" && got.code != test.code {
				t.Errorf("answered %d %s %s: %s", got.status, got.code, got.reason, got.body)
			}
			if got.status == http.StatusOK && got.header.Get("Content-Type") != "application/json" {
				t.Errorf("content type %q", got.header.Get("Content-Type"))
			}
		})
	}
}

// TestConnectByGet asks with the message in the query.
func TestConnectByGet(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	tests := map[string]struct {
		query  string
		status int
	}{
		"in JSON":                    {"connect=v1&encoding=json&message=%7B%7D", 200},
		"in Protobuf":                {"connect=v1&encoding=proto&base64=1&message=", 200},
		"in base64 with padding":     {"encoding=json&base64=1&message=e30%3D", 200},
		"in base64 without padding":  {"encoding=json&base64=1&message=e30", 200},
		"without a message":          {"connect=v1&encoding=json", 400},
		"without a codec":            {"connect=v1&message=%7B%7D", 400},
		"in an unknown codec":        {"encoding=xml&message=%7B%7D", 400},
		"in another version":         {"connect=v2&encoding=json&message=%7B%7D", 400},
		"packed in an unknown way":   {"encoding=json&compression=br&message=%7B%7D", 501},
		"in base64 that is not such": {"encoding=json&base64=1&message=%25", 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+mobilev1connect.HomeServiceGetHomeProcedure+"?"+test.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := r.send(t, r.sign(t, r.loggedIn(req)))
			if got.status != test.status || test.status == 400 && got.reason != "MALFORMED_REQUEST" {
				t.Fatalf("answered %d %s: %s", got.status, got.reason, got.body)
			}
			if name == "in Protobuf" {
				home := &mobilev1.GetHomeResponse{}
				if err := proto.Unmarshal(got.body, home); err != nil || home.GetGreeting().GetGivenName() != "Demo" {
					t.Errorf("answered %v, %v", home, err)
				}
			}
		})
	}
}
