package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is what a handler has said, in the bytes of the caller's codec. One that is kept is shared by requests and never changed.
type answer struct {
	content []byte
	// whole is false when a section of a screen is missing or stale.
	whole bool
	// sum is the SHA-256 of content and tag its ETag; both are set when stamp was called.
	sum [sha256.Size]byte
	tag string
	// epoch and until say how long a kept answer is good.
	epoch uint64
	until time.Time
	// packed are the packed forms of a kept answer, made when they are first asked for.
	packed [packedCodings]atomic.Pointer[[]byte]
}

// stampSum computes the sum. A kept answer has it from the beginning.
func (a *answer) stampSum() {
	if a.sum == [sha256.Size]byte{} {
		a.sum = sha256.Sum256(a.content)
	}
}

// stamp gives an answer its tag: weak, since it stands for the content and not for the bytes of one coding; and with the version of the
// contract and the language in it, so that equal bytes of another meaning are another answer.
func (a *answer) stamp(c *call) {
	if a.tag != "" {
		return
	}
	a.stampSum()
	a.tag = `W/"` + base64.RawURLEncoding.EncodeToString(a.sum[:12]) + "." + c.rpc.shape + "." + c.locale + `"`
}

// kept tells whether the answer is one of those that are shared.
func (a *answer) kept() bool { return !a.until.IsZero() }

// write sends an answer: 304 when the caller says by If-None-Match that it has it, else its content, packed in a way that the caller takes.
func (e *Edge) write(w http.ResponseWriter, r *http.Request, x exchange, a *answer, s *scratch) {
	c, h := callOf(r.Context()), w.Header()
	h["Vary"] = []string{"Accept-Language, Accept-Encoding, Authorization, Available-Dictionary"}
	if x.conditional {
		a.stamp(c)
		h["Etag"] = []string{a.tag}
		h["Cache-Control"] = []string{"private, no-cache"} // Kept, but asked for again each time.
		if condition := r.Header.Get("If-None-Match"); condition != "" && matches(condition, a.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	content, coding := e.pack(r, c, a, s)
	if coding != "" {
		h["Content-Encoding"] = []string{coding}
	}
	h["Content-Type"] = []string{x.codec.contentType()}
	h["Content-Length"] = []string{strconv.Itoa(len(content))}
	w.Write(content)
}

// matches tells whether a condition names a tag. Weak comparison: the prefix does not count (RFC 9110 section 8.8.3.2).
func matches(condition, tag string) bool {
	for candidate := range strings.SplitSeq(condition, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
