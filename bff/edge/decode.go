package edge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/lendgate/lendgate/internal/actor"
)

// errMalformed stands for every way in which bytes are no message.
var errMalformed = errors.New("not a message of this RPC")

// envelopeSize is the head of a gRPC message: a flag byte and four bytes of length.
const envelopeSize = 5

// enveloped has a call of gRPC or gRPC-Web answered by Connect's own handler, once its message has been read: what is compressed is unpacked
// within the limit, what is no message is refused with a reason, and the request_id is held against the Idempotency-Key. What is handed on
// is plain, so the handler unpacks nothing again.
func (e *Edge) enveloped(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	read := codecProto
	switch {
	case err != nil:
		read = codecUnknown
	case mediaType == "application/grpc", mediaType == "application/grpc-web":
	default:
		_, name, _ := strings.Cut(mediaType, "+")
		read = codecOf(name)
	}
	encoding := r.Header.Get("Grpc-Encoding")
	plain, err := e.unwrap(c.body, encoding)
	if err != nil {
		e.refuse(w, r, e.unreadable(err, encoding))
		return
	}
	message := c.rpc.newRequest()
	if err := read.decode(plain, message); err != nil {
		e.refuse(w, r, malformed(err.Error()))
		return
	}
	if err := checkRequestID(r, c, message); err != nil {
		e.refuse(w, r, err)
		return
	}
	replaceBody(r, wrap(plain))
	r.Header.Del("Grpc-Encoding") // It is unpacked now, maybe from what the handler does not know.
	c.rpc.http.ServeHTTP(w, r.WithContext(actor.With(c, c.actor)))
}

var (
	// errTooLarge is returned for content that unpacks to more than the limit.
	errTooLarge = errors.New("unpacks to more than the limit")
	// errUnknownCoding is returned for content that is packed in a way that is not spoken here.
	errUnknownCoding = errors.New("unknown content coding")
)

// unpack decompresses, never beyond the limit.
func (e *Edge) unpack(packed []byte, encoding string) ([]byte, error) {
	var reader io.Reader
	switch encoding {
	case "", "identity":
		return packed, nil
	case "gzip":
		unzip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, errMalformed
		}
		reader = unzip
	case "zstd":
		plain, err := e.packers.unpackZstd(packed)
		if err != nil {
			return nil, err
		}
		return plain, nil
	default:
		return nil, errUnknownCoding
	}
	plain, err := io.ReadAll(io.LimitReader(reader, e.config.MaxBodyBytes+1))
	switch {
	case err != nil:
		return nil, errMalformed
	case int64(len(plain)) > e.config.MaxBodyBytes:
		return nil, errTooLarge
	}
	return plain, nil
}

// unwrap takes the one message of a unary gRPC call out of its envelope.
func (e *Edge) unwrap(body []byte, encoding string) ([]byte, error) {
	if len(body) < envelopeSize || uint64(len(body)-envelopeSize) != uint64(binary.BigEndian.Uint32(body[1:envelopeSize])) {
		return nil, errMalformed
	}
	switch packed := body[0]&1 == 1; {
	case !packed && known(encoding):
		encoding = ""
	case packed && (encoding == "" || encoding == "identity"):
		return nil, errMalformed // Says that it is packed, and not how.
	}
	return e.unpack(body[envelopeSize:], encoding)
}

// known tells whether a coding is one that requests may come in.
func known(encoding string) bool {
	switch encoding {
	case "", "identity", "gzip", "zstd":
		return true
	default:
		return false
	}
}

func wrap(plain []byte) []byte {
	out := make([]byte, envelopeSize, envelopeSize+len(plain))
	binary.BigEndian.PutUint32(out[1:], uint32(len(plain)))
	return append(out, plain...)
}

func replaceBody(r *http.Request, body []byte) {
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
}
