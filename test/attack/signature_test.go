package attack_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

const invalid = "SIGNATURE_INVALID"

func signatureRows() []row {
	return []row{
		{id: "S01", attack: "change each covered component of a signed request", expected: "401", run: s01},
		{id: "S02", attack: "change a byte of the body, keep the digest", expected: "401", run: s02},
		{id: "S03", attack: "change body and digest", expected: "401", run: s03},
		{id: "S04", attack: "drop Signature, Signature-Input or both, on every signed RPC", expected: "401", run: s04},
		{id: "S05", attack: "cover less than the policy, validly signed, on every signed RPC", expected: "401", run: s05},
		{id: "S06", attack: "send the same message again", expected: "409, no effect, the first answer stands", run: s06},
		{id: "S07", attack: "the same nonce for another body, validly signed", expected: "409", run: s07},
		{id: "S08", attack: "burn a nonce with a bad signature, then the real one", expected: "401, then served", run: s08},
		{id: "S09", attack: "created too old, ahead, missing, negative, decimal, huge", expected: "401, with Date for a clock that is off, never 500", run: s09},
		{id: "S10", attack: "expires before created, too late, past", expected: "401", run: s10},
		{id: "S11", attack: "alg of something else, none, upper case", expected: "401", run: s11},
		{id: "S12", attack: "sign by HMAC with what everybody knows of the public key", expected: "401", run: s12},
		{id: "S13", attack: "a flood of key ids that nobody knows", expected: "401, and others are served", run: s13},
		{id: "S14", attack: "sign by the key of a revoked device", expected: "refused within 5 s", run: s14},
		{id: "S15", attack: "a shop's key on RPCs of phones, a phone's on a shop's, a lender's device at another lender", expected: "401", run: s15},
		{id: "S16", attack: "another signature beside ours, 100 labels, 64 KB of Signature-Input", expected: "our label alone counts; 401 or 431", run: s16},
		{id: "S17", attack: "duplicate and folded fields, upper-case components", expected: "401, 400", by: []string{"signature.TestComponentsThatCannotBeSigned", "signature.TestLinesOfOneComponent", "signature.TestTamperedMessages"}},
		{id: "S18", attack: "another tag, or none", expected: "401", run: s18},
		{id: "S19", attack: "ECDSA values out of range, DER, wrong lengths", expected: "401", by: []string{"signature.TestP256SignaturesOutOfRange", "signature.TestVectors"}},
		{id: "S20", attack: "other spellings of the path", expected: "never served as the signed one", run: s20},
		{id: "S21", attack: "ask for an older or unsigned version", expected: "refused", by: []string{"signature.TestThereIsNoOtherVersionToAskFor"}},
		{id: "S22", attack: "packed body with the digest of the plain one", expected: "401", run: s22},
		{id: "S23", attack: "offer the answer of one request for another", expected: "the client refuses", run: s23},
		{id: "S24", attack: "random changes and fuzzed input", expected: "0 panics, 0 accepted", by: []string{"signature.TestRandomMutations", "signature.TestTheScannerAgreesWithTheParser"}},
	}
}

// signedRPCs are those that a phone signs.
func signedRPCs(t *testing.T) []inproc.Method {
	t.Helper()
	var list []inproc.Method
	for _, m := range rpcs(t) {
		if m.Signature != typev1.SignatureClass_SIGNATURE_CLASS_NONE {
			list = append(list, m)
		}
	}
	return list
}

// home is a read that needs key and session, start a call that moves money.
func home(t *testing.T) inproc.Method {
	t.Helper()
	return rpc(t, mobilev1connect.HomeServiceGetHomeProcedure)
}

func start(t *testing.T) inproc.Method {
	t.Helper()
	return rpc(t, mobilev1connect.PayServiceStartPaymentProcedure)
}

func s01(t *testing.T, p *people) string {
	changes := map[string]func(*http.Request){
		"method": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodGet, http.NoBody, 0
			r.URL.RawQuery = "connect=v1&encoding=json&message=%7B%7D"
		},
		"path":         func(r *http.Request) { r.URL.Path = mobilev1connect.HomeServiceGetHomeProcedure },
		"query":        func(r *http.Request) { r.URL.RawQuery = "admin=1" },
		"authority":    func(r *http.Request) { r.Host = "evil.example" },
		"content type": func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") },
		"session":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.idle.bearer) },
		"key":          func(r *http.Request) { r.Header.Set(edge.IdempotencyKeyHeader, uuid.NewString()) },
	}
	for what, change := range changes {
		m := start(t)
		if what == "method" {
			m = home(t)
		}
		if what == "path" {
			m = rpc(t, mobilev1connect.ApplyServiceGetApplyProcedure)
		}
		expect(t, what, p.borys.send(t, m, []byte("{}"), nil, change), invalid)
	}
	return fmt.Sprintf("%d components", len(changes))
}

func replaceBody(r *http.Request, body []byte) {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	if err == nil {
		r.Body, r.ContentLength, r.GetBody = again.Body, again.ContentLength, again.GetBody
	}
}

func s02(t *testing.T, p *people) string {
	for _, m := range []inproc.Method{home(t), start(t)} {
		expect(t, short(m), p.borys.send(t, m, []byte("{}"), nil, func(r *http.Request) { replaceBody(r, []byte("{ }")) }), invalid)
	}
	return "a read and a money call"
}

func s03(t *testing.T, p *people) string {
	for _, m := range []inproc.Method{home(t), start(t)} {
		expect(t, short(m), p.borys.send(t, m, []byte("{}"), nil, func(r *http.Request) {
			replaceBody(r, []byte("{ }"))
			r.Header.Set("Content-Digest", signature.ContentDigest([]byte("{ }")))
		}), invalid)
	}
	return "a read and a money call"
}

func s04(t *testing.T, p *people) string {
	cells := 0
	for _, m := range signedRPCs(t) {
		for _, fields := range [][]string{{"Signature"}, {"Signature-Input"}, {"Signature", "Signature-Input"}} {
			cells++
			expect(t, short(m)+" without "+strings.Join(fields, " and "), p.borys.send(t, m, []byte("{}"), nil, func(r *http.Request) {
				for _, field := range fields {
					r.Header.Del(field)
				}
			}), invalid)
		}
		if m.ReadOnly { // It may be asked by GET, too.
			cells++
			r := p.borys.request(t, m, nil, "")
			r.Method, r.Body, r.ContentLength, r.URL.RawQuery = http.MethodGet, http.NoBody, 0, "connect=v1&encoding=json&message=%7B%7D"
			expect(t, short(m)+" by GET", do(t, r), invalid)
		}
	}
	return fmt.Sprintf("%d cells", cells)
}

func s05(t *testing.T, p *people) string {
	poor := *p.borys
	signer := *poor.signer
	signer.Policy.IfPresent, signer.Policy.Required = nil, signer.Policy.Required[:2]
	poor.signer = &signer
	cells := 0
	for _, m := range signedRPCs(t) {
		cells++
		expect(t, short(m), poor.send(t, m, []byte("{}"), nil, nil), invalid)
	}
	return fmt.Sprintf("%d RPCs", cells)
}

// twice sends a request and then another one, which made changes of the first one's signed copy.
func (c *caller) twice(t *testing.T, m inproc.Method, body []byte, change func(*http.Request)) (first, second answer) {
	t.Helper()
	var signed http.Header
	key := uuid.NewString()
	first = c.sendWithKey(t, m, body, key, nil, func(r *http.Request) { signed = r.Header.Clone() })
	second = c.sendWithKey(t, m, body, key, nil, func(r *http.Request) {
		maps.Copy(r.Header, signed)
		change(r)
	})
	return first, second
}

func s06(t *testing.T, p *people) string {
	cells := 0
	for _, m := range signedRPCs(t) {
		if m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER {
			continue
		}
		cells++
		first, second := p.idle.twice(t, m, []byte("{}"), func(*http.Request) {})
		if first.Reason == "REPLAYED" || first.Reason == invalid {
			t.Errorf("%s: the first got %s", short(m), first.Reason)
		}
		expect(t, short(m), second, "REPLAYED")
		if second.Status != http.StatusConflict {
			t.Errorf("%s: answered %d", short(m), second.Status)
		}
	}
	return fmt.Sprintf("%d RPCs", cells)
}

func s07(t *testing.T, p *people) string {
	again := *p.borys
	signer, nonce := *again.signer, signature.NewNonce()
	signer.Nonce = func() string { return nonce }
	again.signer = &signer
	if a := again.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("the first: %d %s", a.Status, a.Reason)
	}
	expect(t, "another body", again.send(t, home(t), []byte("{ }"), nil, nil), "REPLAYED")
	return "once"
}

func s08(t *testing.T, p *people) string {
	var signed http.Header
	key := uuid.NewString()
	bad := p.borys.sendWithKey(t, home(t), []byte("{}"), key, nil, func(r *http.Request) {
		signed = r.Header.Clone()
		r.Header.Set("Signature", "lendgate=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":")
	})
	expect(t, "garbage", bad, invalid)
	if real := p.borys.sendWithKey(t, home(t), []byte("{}"), key, nil, func(r *http.Request) { maps.Copy(r.Header, signed) }); !real.ok() {
		t.Errorf("the real one: %d %s", real.Status, real.Reason)
	}
	return "once"
}

// asOf is a caller whose clock is off.
func (c *caller) asOf(off, lifetime time.Duration) *caller {
	out, signer := *c, *c.signer
	signer.Now, signer.Lifetime = func() time.Time { return time.Now().Add(off) }, lifetime
	out.signer = &signer
	return &out
}

func s09(t *testing.T, p *people) string {
	for _, off := range []time.Duration{-95 * time.Second, 35 * time.Second, -24 * time.Hour, 24 * time.Hour} {
		a := p.borys.asOf(off, 0).send(t, home(t), []byte("{}"), nil, nil)
		expect(t, off.String(), a, "CLOCK_SKEW")
		if a.header.Get("Date") == "" {
			t.Errorf("%s: no Date to set a clock by", off)
		}
	}
	values := []string{"9223372036854775808", "9223372036854775807", "-1", "1.5", `"now"`, "?1", ""}
	for _, value := range values {
		a := p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) {
			r.Header.Set("Signature-Input", replaceParam(r.Header.Get("Signature-Input"), "created", value))
		})
		if a.Status != http.StatusUnauthorized {
			t.Errorf("created=%s: %d %s", value, a.Status, a.Reason)
		}
	}
	return fmt.Sprintf("4 clocks, %d values", len(values))
}

// replaceParam writes a parameter anew; an empty value leaves it out.
func replaceParam(input, name, value string) string {
	before, after, _ := strings.Cut(input, ";"+name+"=")
	end := strings.IndexByte(after, ';')
	if end < 0 {
		end = len(after)
	}
	if value == "" {
		return before + after[end:]
	}
	return before + ";" + name + "=" + value + after[end:]
}

func s10(t *testing.T, p *people) string {
	for what, late := range map[string]*caller{
		"for 121 s": p.borys.asOf(0, 121*time.Second), "for a day": p.borys.asOf(0, 24*time.Hour), "ended": p.borys.asOf(-60*time.Second, 10*time.Second),
	} {
		if a := late.send(t, home(t), []byte("{}"), nil, nil); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	now := time.Now().Unix()
	a := p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) {
		r.Header.Set("Signature-Input", replaceParam(r.Header.Get("Signature-Input"), "expires", fmt.Sprint(now-300)))
	})
	if a.Status != http.StatusUnauthorized {
		t.Errorf("before created: %d %s", a.Status, a.Reason)
	}
	return "4 kinds"
}

func s11(t *testing.T, p *people) string {
	algs := []string{"none", "hmac-sha256", "ed25519", "rsa-v1_5-sha256", "ECDSA-P256-SHA256"}
	for _, alg := range algs {
		expect(t, alg, p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) {
			r.Header.Set("Signature-Input", r.Header.Get("Signature-Input")+`;alg="`+alg+`"`)
		}), invalid)
	}
	return fmt.Sprintf("%d algorithms", len(algs))
}

func s18(t *testing.T, p *people) string {
	for _, tag := range []string{"lendgate-0", "web-bot-auth", ""} {
		other, signer := *p.borys, *p.borys.signer
		signer.Policy.Tag = tag
		other.signer = &signer
		expect(t, "tag "+tag, other.send(t, home(t), []byte("{}"), nil, nil), invalid)
	}
	return "3 tags"
}

func s20(t *testing.T, p *people) string {
	spellings := map[string]string{
		"escaped": strings.Replace(mobilev1connect.HomeServiceGetHomeProcedure, "H", "%48", 1), "double slash": "/" + mobilev1connect.HomeServiceGetHomeProcedure,
		"dot": "/." + mobilev1connect.HomeServiceGetHomeProcedure, "dots": "/x/.." + mobilev1connect.HomeServiceGetHomeProcedure,
		"trailing slash": mobilev1connect.HomeServiceGetHomeProcedure + "/", "lower case": strings.ToLower(mobilev1connect.HomeServiceGetHomeProcedure),
	}
	for what, path := range spellings {
		a := p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + path })
		if a.ok() {
			t.Errorf("%s (%s) is served under the signature of the real path", what, path)
		}
	}
	return fmt.Sprintf("%d spellings; those of authority and query: `signature.TestOtherSpellingsOfOneTarget`", len(spellings))
}

func s22(t *testing.T, p *people) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte("{}"))
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	expect(t, "gzip", p.borys.send(t, home(t), []byte("{}"), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
		func(r *http.Request) { replaceBody(r, packed.Bytes()) }), invalid)
	return "gzip"
}
