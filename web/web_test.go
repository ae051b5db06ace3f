package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/web"
)

// get asks the cabinet for a path with these headers, given in pairs.
func get(t *testing.T, path string, headers ...string) *http.Response {
	t.Helper()
	cabinet, err := web.Cabinet()
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	cabinet.ServeHTTP(recorder, request)
	return recorder.Result()
}

func text(t *testing.T, body io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	for _, path := range []string{web.CabinetPath, web.CabinetPath + "main.js", web.CabinetPath + "absent"} {
		header := get(t, path).Header
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy %q has a hole", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestFilesAreFoundByWhatThePageNames(t *testing.T) {
	t.Parallel()
	page := text(t, get(t, web.CabinetPath).Body)
	named := regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 3 {
		t.Fatalf("the page names %d files", len(named))
	}
	for _, match := range named {
		if status := get(t, web.CabinetPath+match[1]).StatusCode; status != http.StatusOK {
			t.Errorf("the page names %s, which is answered %d", match[1], status)
		}
	}
	if strings.Contains(page, "<style") || regexp.MustCompile(`\s(on\w+|style)=`).MatchString(page) {
		t.Error("the page has inline code or styles, which its own policy forbids")
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, name := range []string{"", "main.js", "screens/home.js", "style.css", "icon.svg"} {
		got[name] = get(t, web.CabinetPath+name).Header.Get("Content-Type")
	}
	want := map[string]string{
		"": "text/html; charset=utf-8", "main.js": "text/javascript; charset=utf-8", "screens/home.js": "text/javascript; charset=utf-8",
		"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"absent.js", "screens", "screens/", "sdk.d.ts", "../web.go"} {
		if status := get(t, web.CabinetPath+path).StatusCode; status != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, status)
		}
	}
}

func TestFilesAreSentOnceAndSmall(t *testing.T) {
	t.Parallel()
	const sdk = web.CabinetPath + "sdk.js"
	plain, zipped := get(t, sdk), get(t, sdk, "Accept-Encoding", "br, gzip")
	if zipped.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Content-Encoding") != "" {
		t.Fatal("gzip goes to those who take it, and only to them")
	}
	unzipped, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text(t, unzipped) != text(t, plain.Body) {
		t.Error("zipped and plain differ")
	}
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("different bytes bear the same strong tag")
	}
	again := get(t, sdk, "Accept-Encoding", "gzip", "If-None-Match", zipped.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("a file that the browser has is answered %d", again.StatusCode)
	}
	if refused := get(t, sdk, "Accept-Encoding", "gzip;q=0"); refused.Header.Get("Content-Encoding") != "" {
		t.Error("gzip goes to one who refuses it")
	}
}
