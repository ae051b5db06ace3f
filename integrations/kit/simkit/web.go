package simkit

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// WriteJSON answers with a JSON body, HTML characters as they are.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The client may have gone; there is nobody left to tell.
	_ = encoder.Encode(body)
}

// BaseURL is the address under which the client reached the simulator, with the
// prefix that http.StripPrefix took away and without a trailing slash.
func BaseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	prefix := ""
	if asked, err := url.ParseRequestURI(r.RequestURI); err == nil {
		if before, found := strings.CutSuffix(asked.EscapedPath(), r.URL.EscapedPath()); found {
			prefix = before
		}
	}
	return scheme + "://" + r.Host + strings.TrimSuffix(prefix, "/")
}
