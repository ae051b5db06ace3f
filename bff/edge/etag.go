package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// etag gives answers to GET a weak ETag over their bytes, and answers 304 to a caller that has them already.
func (e *Edge) etag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		buffer := &answerBuffer{header: w.Header(), status: http.StatusOK}
		next.ServeHTTP(buffer, r)
		if buffer.status == http.StatusOK {
			sum := sha256.Sum256(buffer.body.Bytes())
			tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
			h := w.Header()
			h.Set("ETag", tag)
			h.Set("Cache-Control", "private, no-cache") // Kept, but asked for again each time.
			h.Add("Vary", "Accept-Language, Accept-Encoding, Authorization")
			if matches(r.Header.Get("If-None-Match"), tag) {
				h.Del("Content-Length")
				h.Del("Content-Type")
				h.Del("Content-Encoding")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(buffer.status)
		w.Write(buffer.body.Bytes())
	})
}

func matches(condition, tag string) bool {
	for candidate := range strings.SplitSeq(condition, ",") {
		if candidate = strings.TrimSpace(candidate); candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}

// answerBuffer holds an answer back until its bytes are known.
type answerBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer itself.
func (b *answerBuffer) Header() http.Header { return b.header }

// WriteHeader notes the status.
func (b *answerBuffer) WriteHeader(status int) { b.status = status }

// Write holds bytes back.
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
