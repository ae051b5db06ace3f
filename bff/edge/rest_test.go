package edge_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/lendgate/lendgate/bff/edge"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1" // Its RPCs are bound, too.
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/openapi"
	"github.com/lendgate/lendgate/internal/id"
)

// restFailure is an error as a program without Protobuf reads it.
type restFailure struct {
	Code, Reason, Message, Text string
	Violations                  []struct{ Field, Description string }
	Details                     []struct{ Type, Value, Debug string }
}

// rest sends a request of REST: signed by the phone, with its session.
func (r *rig) rest(t *testing.T, method, path, body string, headers map[string]string) (*http.Response, []byte, restFailure) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	r.sign(t, r.loggedIn(req))
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure restFailure
	if res.StatusCode >= http.StatusBadRequest {
		if err := json.Unmarshal(content, &failure); err != nil {
			t.Fatalf("%d: %q is no error: %v", res.StatusCode, content, err)
		}
	}
	return res, content, failure
}

// TestRESTGoesThroughTheWholeChain sends requests that are right and wrong in each way that REST adds.
func TestRESTGoesThroughTheWholeChain(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	loan, key := id.Format(id.Loan, id.New()), uuid.NewString()
	payments := "/v1/loans/" + loan + "/payments"
	tests := []struct {
		name, method, path, body string
		headers                  map[string]string
		status                   int
		reason, field            string
	}{
		{"a read", "GET", "/v1/home", "", nil, 200, "", ""},
		{"a read of sections", "GET", "/v1/home?readMask=loans,greeting", "", nil, 200, "", ""},
		{"a read by the contract's names", "GET", "/v1/home?read_mask=loans", "", nil, 200, "", ""},
		{"a section that does not exist", "GET", "/v1/home?readMask=weather", "", nil, 400, "INVALID_REQUEST", "read_mask"},
		{"an unknown parameter", "GET", "/v1/home?colour=red", "", nil, 400, "INVALID_REQUEST", "colour"},
		{"a parameter given twice", "GET", "/v1/home?readMask=loans&readMask=greeting", "", nil, 400, "INVALID_REQUEST", "readMask"},
		{"a query that is none", "GET", "/v1/home?a=%zz", "", nil, 400, "MALFORMED_REQUEST", ""},
		{"a change with its id in the header alone", "POST", payments, `{"purpose":1}`, map[string]string{"Idempotency-Key": key}, 200, "", ""},
		{"a change by the contract's names", "POST", payments, `{"loan_id":"` + loan + `","purpose":"PURPOSE_INSTALMENT","request_id":"` + key + `"}`, map[string]string{"Idempotency-Key": key}, 200, "", ""},
		{"a change without its id", "POST", payments, `{"purpose":1}`, nil, 401, "SIGNATURE_INVALID", ""},
		{"a login without its id", "POST", "/v1/logins", `{"phone":"+380501234567"}`, nil, 400, "IDEMPOTENCY_KEY_REQUIRED", ""},
		{"another id in the header", "POST", payments, `{"purpose":1,"requestId":"` + key + `"}`, map[string]string{"Idempotency-Key": uuid.NewString()}, 400, "IDEMPOTENCY_KEY_MISMATCH", "request_id"},
		{"another loan in the body", "POST", payments, `{"purpose":1,"loanId":"loan_other"}`, map[string]string{"Idempotency-Key": key}, 400, "INVALID_REQUEST", "loan_id"},
		{"a loan that breaks the contract", "POST", "/v1/loans/17/payments", `{"purpose":1}`, map[string]string{"Idempotency-Key": key}, 400, "INVALID_REQUEST", "loan_id"},
		{"a parameter beside a body", "POST", payments + "?purpose=1", `{}`, map[string]string{"Idempotency-Key": key}, 400, "INVALID_REQUEST", "purpose"},
		{"a body that is no JSON", "POST", payments, `{`, map[string]string{"Idempotency-Key": key}, 400, "MALFORMED_REQUEST", ""},
		{"a body of another kind", "POST", payments, `{}`, map[string]string{"Idempotency-Key": key, "Content-Type": "text/plain"}, 400, "MALFORMED_REQUEST", ""},
		{"a body where there is none", "DELETE", "/v1/session", `{}`, map[string]string{"Idempotency-Key": key}, 400, "MALFORMED_REQUEST", ""},
		{"a path that does not exist", "GET", "/v1/weather", "", nil, 404, "UNKNOWN_RPC", ""},
		{"an empty segment", "GET", "/v1/payments/", "", nil, 404, "UNKNOWN_RPC", ""},
		{"another method", "DELETE", "/v1/home", "", nil, 405, "METHOD_NOT_ALLOWED", ""},
		{"the methods of a path", "OPTIONS", "/v1/home", "", nil, 204, "", ""},
		{"a read without its content", "HEAD", "/v1/home", "", nil, 200, "", ""},
		{"an app that is too old", "GET", "/v1/home", "", map[string]string{"X-App-Version": "1.0", "X-App-Platform": "ios"}, 400, "APP_UPGRADE_REQUIRED", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, content, failure := r.rest(t, test.method, test.path, test.body, test.headers)
			if res.StatusCode != test.status || failure.Reason != test.reason {
				t.Fatalf("answered %d %s: %s", res.StatusCode, failure.Reason, content)
			}
			if test.field != "" && (len(failure.Violations) == 0 || failure.Violations[0].Field != test.field) {
				t.Errorf("violations %v", failure.Violations)
			}
			if allow := res.Header.Get("Allow"); (test.status == 405 || test.status == 204) && allow != "GET, HEAD, OPTIONS" {
				t.Errorf("allows %q", allow)
			}
			if test.status >= 400 && !proves(t, failure) {
				t.Errorf("details do not say the reason: %s", content)
			}
			if test.method == "HEAD" && (len(content) > 0 || res.ContentLength <= 0 || res.Header.Get("Etag") == "") {
				t.Errorf("HEAD answered %q, %v", content, res.Header)
			}
		})
	}
}

// proves tells whether the details of an error hold its reason in Protobuf, and no second form of themselves.
func proves(t *testing.T, failure restFailure) bool {
	t.Helper()
	for _, detail := range failure.Details {
		value, err := base64.RawStdEncoding.DecodeString(detail.Value)
		info := &errdetails.ErrorInfo{}
		if detail.Type == "google.rpc.ErrorInfo" && err == nil && proto.Unmarshal(value, info) == nil {
			return info.GetReason() == failure.Reason && info.GetDomain() == "lendgate" && detail.Debug == ""
		}
	}
	return false
}

func TestRESTWithoutAKey(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	res, err := http.Get(r.server.URL + "/v1/home")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var failure restFailure
	if err := json.NewDecoder(res.Body).Decode(&failure); err != nil || res.StatusCode != 401 || failure.Reason != "SIGNATURE_INVALID" || failure.Text == "" {
		t.Errorf("answered %d %+v, %v", res.StatusCode, failure, err)
	}
	if res.Header.Get("Accept-Signature") == "" {
		t.Error("does not say what is wanted")
	}
}

// TestRESTSignsTheWire changes a signed request on its way.
func TestRESTSignsTheWire(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	for name, change := range map[string]func(*http.Request){
		"another query": func(req *http.Request) { req.URL.RawQuery = "readMask=loans" },
		"another path":  func(req *http.Request) { req.URL.Path = "/v1/profile" },
		"the same path in another spelling": func(req *http.Request) {
			req.URL.Path, req.URL.RawPath = "/v1/home", "/v1/%68ome"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+"/v1/home", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			change(r.sign(t, r.loggedIn(req)))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := http.StatusUnauthorized; res.StatusCode != want && name != "another path" || name == "another path" && res.StatusCode < 400 {
				t.Errorf("answered %d", res.StatusCode)
			}
		})
	}
}

// TestRESTAnswersAsConnectDoes compares both forms of a read, byte for byte, and the ways in which an answer is made small.
func TestRESTAnswersAsConnectDoes(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.screens.home = &mobilev1.GetHomeResponse{Greeting: &mobilev1.GreetingSection{GivenName: strings.Repeat("Demo", 1000)}}
	connected := r.send(t, r.sign(t, r.home(t)))
	first, content, _ := r.rest(t, "GET", "/v1/home", "", nil)
	if diff := cmp.Diff(string(connected.body), string(content)); diff != "" {
		t.Errorf("Connect and REST differ: %s", diff)
	}
	if first.Header.Get("Ratelimit") == "" || first.Header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", first.Header)
	}
	again, _, _ := r.rest(t, "GET", "/v1/home", "", map[string]string{"If-None-Match": first.Header.Get("Etag")})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again with the tag: %d", again.StatusCode)
	}
	packed, small, _ := r.rest(t, "GET", "/v1/home", "", map[string]string{"Accept-Encoding": "gzip"})
	if packed.Header.Get("Content-Encoding") != "gzip" || len(small) >= len(content) {
		t.Errorf("packed to %d of %d bytes, %v", len(small), len(content), packed.Header)
	}
}

// TestEveryRPCIsBoundAndDescribed holds the contracts, the edge's table and the served document against each other.
func TestEveryRPCIsBoundAndDescribed(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	res, err := http.Get(r.server.URL + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var document struct {
		OpenAPI string `yaml:"openapi"`
		Paths   map[string]map[string]struct {
			RPC        string                      `yaml:"x-rpc"`
			Responses  map[string]any              `yaml:"responses"`
			Parameters []struct{ Name, In string } `yaml:"parameters"`
		} `yaml:"paths"`
	}
	if err := yaml.NewDecoder(res.Body).Decode(&document); err != nil || document.OpenAPI != "3.1.0" {
		t.Fatalf("version %q, %v", document.OpenAPI, err)
	}
	var described []string
	for path, operations := range document.Paths {
		for method, operation := range operations {
			described = append(described, operation.RPC)
			if !slices.ContainsFunc(openapi.Bindings, func(b openapi.Binding) bool {
				return b.Procedure == operation.RPC && b.Path == path && strings.EqualFold(b.Method, method)
			}) {
				t.Errorf("%s %s is described and not bound", method, path)
			}
			if operation.Responses["200"] == nil || operation.Responses["default"] == nil {
				t.Errorf("%s %s has responses %v", method, path, operation.Responses)
			}
			for _, parameter := range operation.Parameters {
				if parameter.In == "path" && !strings.Contains(path, "{"+parameter.Name+"}") {
					t.Errorf("%s does not hold %s", path, parameter.Name)
				}
			}
		}
	}
	var declared []string
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				declared = append(declared, "/"+string(service.FullName())+"/"+string(service.Methods().Get(j).Name()))
			}
		}
		return true
	})
	outside := func(procedure string) bool {
		return !slices.ContainsFunc([]string{"/lendgate.mobile.v1.", "/lendgate.partner.v1.", "/lendgate.agent.v1."}, func(prefix string) bool {
			return strings.HasPrefix(procedure, prefix)
		})
	}
	declared = slices.DeleteFunc(declared, outside)
	slices.Sort(described)
	slices.Sort(declared)
	if diff := cmp.Diff(declared, slices.Compact(described)); diff != "" {
		t.Errorf("declared and described (-declared +described); run make gen:\n%s", diff)
	}
}
