package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// codings are those of requests, as refusals name them.
	codings = "gzip, zstd"
	// minPackedBytes is from which size on answers are packed: a smaller one fits a packet anyway.
	minPackedBytes = 1024
	// dictionaryEntries and dictionaryBytes bound the answers that are kept as dictionaries.
	dictionaryEntries = 16_384
	dictionaryBytes   = 32 << 20
	// maxWindowBytes is the largest window of zstd that is taken, the one that every decoder should take (RFC 8878 section 3.1.1.1.2).
	maxWindowBytes = 8 << 20
	// maxDictionaryBytes is the largest answer that becomes one.
	maxDictionaryBytes = 64 << 10
)

// The packed forms that an answer can have, in our order of preference; none of them is larger than the next for our answers.
const (
	packedZstd = iota
	packedGzip
	packedCodings
)

// accepted are the codings that a caller takes.
type accepted struct{ gzip, zstd, dictionary bool }

// acceptedBy reads Accept-Encoding (RFC 9110 section 12.5.3). Weights but zero are not looked at: what is smallest is what phones want.
func acceptedBy(header string) (a accepted) {
	for item := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(item), ";")
		if q, weighted := strings.CutPrefix(strings.TrimSpace(parameters), "q="); weighted {
			if weight, err := strconv.ParseFloat(q, 64); err != nil || weight == 0 {
				continue
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			a.gzip = true
		case "zstd":
			a.zstd = true
		case "dcz":
			a.dictionary = true
		}
	}
	return a
}

// packers pack and unpack content. All of it is safe for concurrent use.
type packers struct {
	zstd   *zstd.Encoder
	unzstd *zstd.Decoder
	limit  int64
	gzip   sync.Pool // *gzip.Writer
	// dictionary are encoders that take a dictionary anew each time.
	dictionary sync.Pool // *zstd.Encoder
	// given are answers that their callers were told to keep as dictionaries, by their hash and their caller.
	given *bounded[[]byte]
}

// newPackers makes packers that unpack to at most limit bytes.
func newPackers(limit int64) (*packers, error) {
	encoder, err := newZstd()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	// The library bounds the window that a sender declares and what comes out by one number. Streaming senders declare megabytes before they
	// know how little they have to say, so that number is the window's, and what came out is measured afterwards.
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(max(uint64(limit), maxWindowBytes)), zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &packers{zstd: encoder, unzstd: decoder, limit: limit, given: newBounded[[]byte](dictionaryEntries, dictionaryBytes)}, nil
}

// newZstd makes an encoder for small answers. Its checksum is left out: TLS has a better one.
func newZstd(options ...zstd.EOption) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, append(options,
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(maxDictionaryBytes*2), zstd.WithLowerEncoderMem(true))...)
}

// unpackZstd unpacks within the limit.
func (p *packers) unpackZstd(packed []byte) ([]byte, error) {
	plain, err := p.unzstd.DecodeAll(packed, nil)
	switch {
	case err == nil && int64(len(plain)) > p.limit, errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, errTooLarge
	case err != nil:
		return nil, errMalformed
	}
	return plain, nil
}

// pack chooses the smallest form that the caller takes and tells its coding; none when the answer goes as it is.
func (e *Edge) pack(r *http.Request, c *call, a *answer, s *scratch) (content []byte, coding string) {
	header := r.Header.Get("Accept-Encoding")
	if header == "" {
		return a.content, ""
	}
	accept := acceptedBy(header)
	if accept.dictionary && c.method.ReadOnly && len(a.content) <= maxDictionaryBytes && principal(c.actor) != "" {
		if packed := e.packByDictionary(r, c, a, s); packed != nil {
			return packed, "dcz"
		}
	}
	switch {
	case len(a.content) < minPackedBytes:
	case accept.zstd:
		return a.form(packedZstd, s, e.packers.packZstd), "zstd"
	case accept.gzip:
		return a.form(packedGzip, s, e.packers.packGzip), "gzip"
	}
	return a.content, ""
}

// form is a packed form of the answer. That of a kept answer is kept, too.
func (a *answer) form(which int, s *scratch, pack func(dst, content []byte) []byte) []byte {
	if !a.kept() {
		s.packed = pack(s.packed[:0], a.content)
		return s.packed
	}
	if made := a.packed[which].Load(); made != nil {
		return *made
	}
	made := pack(nil, a.content)
	a.packed[which].Store(&made)
	return made
}

func (p *packers) packZstd(dst, content []byte) []byte { return p.zstd.EncodeAll(content, dst) }

func (p *packers) packGzip(dst, content []byte) []byte {
	out := bytes.NewBuffer(dst)
	writer, ok := p.gzip.Get().(*gzip.Writer)
	if !ok {
		writer, _ = gzip.NewWriterLevel(out, gzip.BestSpeed) // The level is one that there is.
	}
	defer p.gzip.Put(writer)
	writer.Reset(out)
	_, _ = writer.Write(content) // A buffer takes everything.
	_ = writer.Close()
	return out.Bytes()
}

// dczMagic begins content packed by a dictionary; the dictionary's hash follows (RFC 9842 section 5).
const dczMagic = "\x5e\x2a\x4d\x18\x20\x00\x00\x00"

// packByDictionary packs an answer by an earlier one that the caller still has and names in Available-Dictionary (RFC 9842), and tells it to
// keep this one for the next time. Nil when it has none. Dictionaries are kept by caller and RPC, so that nobody's answer is ever packed by
// what somebody else was told.
func (e *Edge) packByDictionary(r *http.Request, c *call, a *answer, s *scratch) []byte {
	a.stampSum()
	s.key = c.appendDictionaryKey(s.key[:0], a.sum[:])
	if _, known := e.packers.given.get(s.key); !known {
		e.packers.given.put(string(s.key), bytes.Clone(a.content), len(a.content))
	}
	h := callOf(r.Context()).answer.Header()
	h["Use-As-Dictionary"] = []string{`match="` + r.URL.Path + `"`}
	hash, ok := availableDictionary(r.Header.Get("Available-Dictionary"))
	if !ok {
		return nil
	}
	s.key = c.appendDictionaryKey(s.key[:0], hash)
	dictionary, ok := e.packers.given.get(s.key)
	if !ok {
		return nil
	}
	s.packed = append(append(s.packed[:0], dczMagic...), hash...)
	packed, err := e.packers.packBy(dictionary, s.packed, a.content)
	if err != nil || len(packed) >= len(a.content) {
		return nil
	}
	s.packed = packed
	return packed
}

// appendDictionaryKey writes what a dictionary belongs to.
func (c *call) appendDictionaryKey(key, hash []byte) []byte {
	for _, part := range []string{c.method.Procedure, c.tenant.ID, string(c.actor.Kind), principal(c.actor)} {
		key = append(append(key, part...), 0)
	}
	return append(key, hash...)
}

// availableDictionary reads a byte sequence of structured fields (RFC 9651): base64 between colons.
func availableDictionary(header string) ([]byte, bool) {
	inner, begins := strings.CutPrefix(header, ":")
	inner, ends := strings.CutSuffix(inner, ":")
	hash, err := base64.StdEncoding.DecodeString(inner)
	return hash, begins && ends && err == nil && len(hash) == sha256.Size
}

// packBy packs content behind dst by a dictionary of plain bytes.
func (p *packers) packBy(dictionary, dst, content []byte) ([]byte, error) {
	raw := zstd.WithEncoderDictRaw(0, dictionary)
	encoder, ok := p.dictionary.Get().(*zstd.Encoder)
	var err error
	if ok {
		err = encoder.ResetWithOptions(nil, raw)
	} else {
		encoder, err = newZstd(raw, zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		return nil, err
	}
	defer p.dictionary.Put(encoder)
	return encoder.EncodeAll(content, dst), nil
}
