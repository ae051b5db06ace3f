package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/bff/signature"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
)

// answerSigner signs answers with the server's key. It covers the status, the content's digest, and of the request what it asked for, its
// digest and its own signature: an answer cannot be changed on the way, nor be offered for any other request.
type answerSigner struct {
	signer signature.Signer
}

// newAnswerSigner makes the signer from the server's keys, of which the first signs; nil when there are none.
func newAnswerSigner(keys []signature.Key, clk clock.Clock) *answerSigner {
	if len(keys) == 0 {
		return nil
	}
	return &answerSigner{signature.Signer{Key: keys[0], Policy: signature.ProfileLendgate1Response(), Now: clk.Now}}
}

// wants tells whether the answer to a request is to be signed: what moves money always is, anything else when the caller asks for it by
// Accept-Signature. gRPC's answers are not: their outcome lies in trailers, which no signature in the header can cover.
func (s *answerSigner) wants(r *http.Request, c *call) bool {
	if s == nil || c.rpc == nil {
		return false
	}
	money := c.method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY
	if !money && r.Header["Accept-Signature"] == nil {
		return false
	}
	mediaType := r.Header.Get("Content-Type")
	if isEnveloped(mediaType) && !strings.HasPrefix(mediaType, "application/grpc-web") {
		return false
	}
	return money || s.signer.Policy.AskedBy(r.Header)
}

// signAnswer stands around everything that may answer a call, refusals and panics included, and signs what comes.
func (e *Edge) signAnswer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.answers.wants(r, callOf(r.Context())) {
			next.ServeHTTP(w, r)
			return
		}
		e.signed(w, r, func(held http.ResponseWriter) { next.ServeHTTP(held, r) })
	})
}

// signed holds an answer back until it is whole, signs it, and sends it. It goes unpacked, since a browser unpacks before a page can check
// the digest, and proxies are told to leave it so (RFC 9110 section 7.7).
func (e *Edge) signed(w http.ResponseWriter, r *http.Request, respond func(http.ResponseWriter)) {
	if _, already := w.(*heldAnswer); already || e.answers == nil {
		respond(w)
		return
	}
	r.Header.Del("Accept-Encoding")
	held := &heldAnswer{header: w.Header(), status: http.StatusOK}
	respond(held)
	h := w.Header()
	h.Set("Cache-Control", h.Get("Cache-Control")+", no-transform")
	if err := e.answers.signer.SignResponse(h, held.status, held.content.Bytes(), r); err != nil {
		// The caller refuses what is not signed and asks again; there is nothing better to tell it.
		e.deps.Log.ErrorContext(r.Context(), "answer not signed", "request_id", callOf(r.Context()).requestID, "error", err.Error())
	}
	if held.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(held.content.Len()))
	}
	w.WriteHeader(held.status)
	w.Write(held.content.Bytes())
}

// heldAnswer keeps an answer in memory. Answers of RPCs are small: screens, receipts, refusals.
type heldAnswer struct {
	header  http.Header
	status  int
	content bytes.Buffer
	begun   bool
}

// Header gives the fields, which are those of the answer underneath.
func (h *heldAnswer) Header() http.Header { return h.header }

// WriteHeader notes the status; the first counts, as in net/http.
func (h *heldAnswer) WriteHeader(status int) {
	if !h.begun {
		h.status, h.begun = status, true
	}
}

// Write keeps content.
func (h *heldAnswer) Write(content []byte) (int, error) {
	h.begun = true
	return h.content.Write(content)
}

// For how long callers and proxies may keep the published keys, in seconds. The key after the one in use is among them, so nobody meets a key
// that is not known yet. The signature of the directory is good for a minute, so the directory is kept for less.
const (
	keysLifetime      = "3600"
	directoryLifetime = "30"
)

// publishKeys serves the public halves of the server's keys in both forms in which callers look for them. The directory is signed by the key
// in use, for the host that was asked, so that nobody can publish it as their own.
func (e *Edge) publishKeys(keys []signature.Key) error {
	set, err := signature.NewJWKSet(e.deps.Clock.Now(), keys...)
	if err != nil {
		return fmt.Errorf("publish the server's keys: %w", err)
	}
	document, err := json.Marshal(set)
	if err != nil {
		return err
	}
	directory := signature.Signer{Key: keys[0], Policy: signature.ProfileDirectory(), Now: e.deps.Clock.Now}
	serve := func(mediaType, lifetime string, signed bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", mediaType)
			h.Set("Content-Length", strconv.Itoa(len(document)))
			h.Set("Cache-Control", "public, no-transform, max-age="+lifetime)
			if signed {
				if err := directory.SignResponse(h, http.StatusOK, document, r); err != nil {
					e.deps.Log.ErrorContext(r.Context(), "directory not signed", "error", err.Error())
				}
			}
			w.Write(document)
		})
	}
	e.Handle("GET "+signature.JWKSPath, serve(signature.JWKSType, keysLifetime, false))
	e.Handle("GET "+signature.DirectoryPath, serve(signature.DirectoryType, directoryLifetime, true))
	return nil
}
