package signature_test

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

// received reads a request line and fields as a server would.
func received(t *testing.T, text string, https bool) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if https {
		r.TLS = &tls.ConnectionState{}
	}
	return r
}

func TestLinesOfOneComponent(t *testing.T) {
	t.Parallel()
	const host = " HTTP/1.1\nHost: shop.example\n"
	for _, c := range []struct{ name, request, component, want string }{
		{"authority in lower case", "GET / HTTP/1.1\nHost: Shop.EXAMPLE", `"@authority"`, "shop.example"},
		{"authority without the default port", "GET / HTTP/1.1\nHost: shop.example:443", `"@authority"`, "shop.example"},
		{"authority keeps another port", "GET / HTTP/1.1\nHost: shop.example:80", `"@authority"`, "shop.example:80"},
		{"authority of an IPv6 address", "GET / HTTP/1.1\nHost: [2001:DB8::1]:443", `"@authority"`, "[2001:db8::1]"},
		{"authority of the absolute form", "GET http://shop.example/a HTTP/1.1\nHost: other.example", `"@authority"`, "shop.example"},
		{"path keeps its percent encoding", "GET /a%2Fb/%41%7e" + host, `"@path"`, "/a%2Fb/%41%7e"},
		{"path keeps double slashes and dots", "GET //a/./b/../c" + host, `"@path"`, "//a/./b/../c"},
		{"path of an absolute form without one", "GET http://shop.example HTTP/1.1\nHost: shop.example", `"@path"`, "/"},
		{"path of the asterisk form", "OPTIONS *" + host, `"@path"`, "/"},
		{"query without one", "GET /a" + host, `"@query"`, "?"},
		{"query that is empty", "GET /a?" + host, `"@query"`, "?"},
		{"query with a second question mark", "GET /a?b?c" + host, `"@query"`, "?b?c"},
		{"target URI keeps an empty query", "GET /a?" + host, `"@target-uri"`, "https://shop.example/a?"},
		{"query parameter with plus", "GET /a?x=1+2*~" + host, `"@query-param";name="x"`, "1%202*%7E"},
		{"query parameter with an encoded name", "GET /a?%78=1" + host, `"@query-param";name="x"`, "1"},
		{"query parameter that is empty", "GET /a?y&x=" + host, `"@query-param";name="y"`, ""},
		{"host, which net/http moves", "GET /" + host, `"host"`, "shop.example"},
		{"field over several lines", "GET /" + host + "X-A:  1 \nX-A: \nX-A: 3", `"x-a"`, "1, , 3"},
		{"boolean member of a dictionary", "GET /" + host + "X-A: a=1, b", `"x-a";key="b"`, "?1"},
		{"member of a known dictionary", "GET /" + host + "Priority: u=3,  i", `"priority";key="u"`, "3"},
		{"known item", "GET /" + host + `Idempotency-Key:   "k1" `, `"idempotency-key";sf`, `"k1"`},
		{"known list", "GET /" + host + "Cache-Status:  a;hit ,b", `"cache-status";sf`, "a;hit, b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			component, err := signature.ParseComponent(c.component)
			if err != nil {
				t.Fatal(err)
			}
			message := signature.FromRequest(received(t, c.request, true))
			lines, err := signature.Lines(message, []signature.Component{component})
			if err != nil {
				t.Fatal(err)
			}
			if want := c.component + ": " + c.want; lines[0] != want {
				t.Errorf("got %q, want %q", lines[0], want)
			}
		})
	}
}

func TestComponentsThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	request := received(t, "GET /a?x=1&x=2&bad=%FF HTTP/1.1\nHost: shop.example\nX-A: a=1\nIdempotency-Key: k\nX-Utf: \u00e9", true)
	request.Header["X-Forged"] = []string{"1\n\"@method\": POST"}
	for _, component := range []string{
		`"@query-param";name="x"`, `"@query-param";name="nosuch"`, `"@query-param"`, `"@path";name="x"`,
		`"@status"`, `"@method";req`, `"@method";sf`, `"@path";tr`, `"@signature-params"`, `"@nosuch"`,
		`"x-a";sf`, `"x-a";key="b"`, `"x-a";key=1`, `"x-a";bs;sf`, `"x-a";bs;key="a"`, `"x-a";sf=?0`, `"x-a";new`,
		`"x-a";name="x"`, `"x-a";tr`, `"X-A"`, `"x a"`, `""`, `x-a`, `1`, `"x-a" "x-b"`, `"x-forged"`, `"x-utf"`,
		`"idempotency-key";key="k"`, `"idempotency-key";sf;tr`,
	} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			parsed, err := signature.ParseComponent(component)
			if err == nil {
				_, err = signature.Lines(signature.FromRequest(request), []signature.Component{parsed})
			}
			if reason := signature.ReasonOf(err); reason != signature.ReasonMalformed {
				t.Errorf("got %v, want it malformed", err)
			}
		})
	}
}

func TestTheSameComponentTwiceIsRefused(t *testing.T) {
	t.Parallel()
	request := received(t, "GET / HTTP/1.1\nHost: shop.example\nX-A: a=1", true)
	a, errA := signature.ParseComponent(`"x-a";key="a";sf`)
	b, errB := signature.ParseComponent(`"x-a";sf;key="a"`)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	_, err := signature.Lines(signature.FromRequest(request), []signature.Component{a, b})
	if reason := signature.ReasonOf(err); reason != signature.ReasonMalformed {
		t.Errorf("parameters in another order make no other component; got %v", err)
	}
}

// A client's request and the same request as its server reads it must have one
// signature base.
func TestClientAndServerSeeOneRequest(t *testing.T) {
	t.Parallel()
	all := []signature.Component{
		signature.Derived("@method"), signature.Derived("@target-uri"), signature.Derived("@authority"),
		signature.Derived("@scheme"), signature.Derived("@request-target"), signature.Derived("@path"), signature.Derived("@query"),
	}
	for _, target := range []string{
		"https://Shop.example:443/a%2Fb?x=1&y=%20+", "https://shop.example", "https://shop.example?x=1",
		"https://shop.example:8443//a?", "https://shop.example/%C3%A9/é",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			client, err := http.NewRequest(http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			var wire strings.Builder
			if err := client.Write(&wire); err != nil {
				t.Fatal(err)
			}
			server, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire.String())))
			if err != nil {
				t.Fatal(err)
			}
			server.TLS = &tls.ConnectionState{}
			sent, errSent := signature.Lines(signature.FromRequest(client), all)
			got, errGot := signature.Lines(signature.FromRequest(server), all)
			if errSent != nil || errGot != nil || strings.Join(sent, "\n") != strings.Join(got, "\n") {
				t.Errorf("client %q %v\nserver %q %v", sent, errSent, got, errGot)
			}
		})
	}
}
