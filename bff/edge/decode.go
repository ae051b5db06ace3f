package edge

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// errMalformed stands for every way in which bytes are no message.
var errMalformed = errors.New("not a message of this RPC")

// envelopeSize is the head of a gRPC message: a flag byte and four bytes of length.
const envelopeSize = 5

// decode reads the message once the caller is known: it unpacks what is compressed, within the limit; refuses what is no message of this
// RPC; and holds the request_id against the Idempotency-Key. What it hands on is plain, so the handler unpacks nothing again.
func (e *Edge) decode(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		message, err := e.message(r, c)
		switch {
		case errors.Is(err, errTooLarge):
			e.refuse(w, r, e.tooLarge())
			return
		case err != nil:
			e.refuse(w, r, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, errMalformed.Error()))
			return
		}
		if !c.method.ReadOnly && requestID(message) != strings.ToLower(r.Header.Get(IdempotencyKeyHeader)) {
			e.refuse(w, r, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_MISMATCH, "request_id is not the Idempotency-Key",
				rpcerr.Field("request_id", "must be the value of the header Idempotency-Key")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requestID is the request_id of a message, lower case; empty when it has none.
func requestID(message proto.Message) string {
	m := message.ProtoReflect()
	field := m.Descriptor().Fields().ByName("request_id")
	if field == nil || field.Kind() != protoreflect.StringKind {
		return ""
	}
	return strings.ToLower(m.Get(field).String())
}

// message decodes the request in whatever protocol it came and leaves it unpacked in r.
func (e *Edge) message(r *http.Request, c *call) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(c.method.Descriptor.Input().FullName())
	if err != nil {
		return nil, err
	}
	message := kind.New().Interface()
	if r.Method == http.MethodGet {
		return message, e.decodeQuery(r, message)
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errMalformed
	}
	switch mediaType {
	case "application/json", "application/proto":
		plain, err := e.unpack(c.body, r.Header.Get("Content-Encoding"))
		if err != nil {
			return nil, err
		}
		r.Header.Del("Content-Encoding")
		replaceBody(r, plain)
		return message, unmarshal(plain, strings.TrimPrefix(mediaType, "application/"), message)
	case "application/grpc", "application/grpc+proto", "application/grpc+json", "application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json":
		plain, err := e.unwrap(c.body, r.Header.Get("Grpc-Encoding"))
		if err != nil {
			return nil, err
		}
		replaceBody(r, wrap(plain))
		codec := "proto"
		if strings.HasSuffix(mediaType, "+json") {
			codec = "json"
		}
		return message, unmarshal(plain, codec, message)
	default:
		return nil, errMalformed
	}
}

func (e *Edge) decodeQuery(r *http.Request, message proto.Message) error {
	query := r.URL.Query()
	raw := []byte(query.Get("message"))
	if query.Get("base64") == "1" {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(raw), "="))
		if err != nil {
			return errMalformed
		}
		raw = decoded
	}
	plain, err := e.unpack(raw, query.Get("compression"))
	if err != nil {
		return err
	}
	return unmarshal(plain, query.Get("encoding"), message)
}

func unmarshal(plain []byte, codec string, message proto.Message) error {
	var err error
	switch codec {
	case "json":
		if len(plain) == 0 {
			return nil // Connect takes an empty body for an empty message.
		}
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(plain, message)
	case "proto":
		err = proto.Unmarshal(plain, message)
	default:
		err = errMalformed
	}
	if err != nil {
		return errMalformed
	}
	return nil
}

// errTooLarge is returned for content that unpacks to more than the limit.
var errTooLarge = errors.New("unpacks to more than the limit")

// unpack decompresses, never beyond the limit.
func (e *Edge) unpack(packed []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "", "identity":
		return packed, nil
	case "gzip":
	default:
		return nil, errMalformed
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errMalformed
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
	if body[0]&1 == 0 {
		encoding = ""
	}
	return e.unpack(body[envelopeSize:], encoding)
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
