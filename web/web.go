package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// CabinetPath is where the borrower's cabinet lies at the edge.
const CabinetPath = "/cabinet/"

//go:embed cabinet/*.html cabinet/*.css cabinet/*.svg cabinet/*.js cabinet/screens/*.js
var cabinet embed.FS

// policy lets the pages do what they do and nothing else (CSP level 3): scripts, styles and calls are ours, the websocket included; text
// never becomes markup, since there is no Trusted Types policy that could turn it; forms are read by scripts and sent nowhere.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// worthCompressing is the size in bytes from which gzip pays.
const worthCompressing = 1 << 10

// file is one file of an app, ready to be sent.
type file struct {
	contentType string
	tag         string
	plain       []byte
	// zipped is nil when it would not be smaller.
	zipped []byte
}

// app answers with the files of one browser app.
type app struct{ files map[string]file }

// Cabinet serves the borrower's cabinet under CabinetPath.
func Cabinet() (http.Handler, error) {
	root, err := fs.Sub(cabinet, "cabinet")
	if err != nil {
		return nil, err
	}
	a, err := load(root)
	if err != nil {
		return nil, fmt.Errorf("the cabinet's files: %w", err)
	}
	return http.StripPrefix(CabinetPath, a), nil
}

// load prepares all files once: there are few, and they never change while the process runs.
func load(root fs.FS) (*app, error) {
	a := &app{files: map[string]file{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		plain, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		zipped, err := compress(plain)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		a.files[name] = file{
			contentType: mime.TypeByExtension(path.Ext(name)), tag: base64.RawURLEncoding.EncodeToString(sum[:12]), plain: plain, zipped: zipped,
		}
		return nil
	})
	return a, err
}

// compress answers with nil when compression gains nothing.
func compress(plain []byte) ([]byte, error) {
	if len(plain) < worthCompressing {
		return nil, nil
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() >= len(plain) {
		return nil, nil
	}
	return out.Bytes(), nil
}

// ServeHTTP answers with a file. The empty path is the page itself; its own routes lie behind "#" and never reach the server.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	if name == "" {
		name = "index.html"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	f, ok := a.files[name]
	if !ok {
		http.Error(w, "there is no such page", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // Kept, but asked for again each time.
	h.Set("Vary", "Accept-Encoding")
	content, tag := f.plain, f.tag
	if f.zipped != nil && takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		content, tag = f.zipped, f.tag+"-gzip" // Other bytes bear another strong tag (RFC 9110 section 8.8.3).
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// takesGzip tells whether a caller takes gzip. One that refuses it by "q=0" gets the plain bytes.
func takesGzip(accepted string) bool {
	for coding := range strings.SplitSeq(accepted, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" {
			quality := strings.TrimPrefix(strings.TrimSpace(parameters), "q=")
			return quality == "" || strings.Trim(quality, "0.") != ""
		}
	}
	return false
}
