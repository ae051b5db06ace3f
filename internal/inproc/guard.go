package inproc

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// envelopeSize is the head of a gRPC message: a flag byte and four bytes of length.
const envelopeSize = 5

// Guard refuses calls of other processes without an actor token for this RPC, before their content is read; then content that is too large, other
// than the token was made for, packed or no message; and puts the actor into the context. It stands around the handlers of Interceptor.
//
// Connect would refuse bad content too, but before any interceptor and so without a reason. That a message is decoded here and once more behind
// costs microseconds beside those of the network.
func (d *Door) Guard(next http.Handler) http.Handler {
	writer := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := d.admit(w, r)
		if err != nil {
			// A caller that went away meanwhile hears nothing; there is nobody to tell.
			_ = writer.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(actor.With(r.Context(), who)))
	})
}

// admit tells who calls, when the call may pass. What it has read it leaves in r.
func (d *Door) admit(w http.ResponseWriter, r *http.Request) (actor.Actor, error) {
	token, err := base64.RawURLEncoding.DecodeString(r.Header.Get(actor.Header))
	if err != nil {
		return actor.Actor{}, callerUnknown()
	}
	who, digest, err := d.signer.VerifyCallToken(token, r.URL.Path, d.clock.Now())
	if err != nil {
		return who, callerUnknown()
	}
	method, ok := d.methods.Get(r.URL.Path)
	switch {
	case !ok:
		return who, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC")
	case r.Method != http.MethodPost:
		return who, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED, "our own processes call by POST")
	case r.ContentLength > MaxContent:
		return who, TooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxContent))
	if err != nil {
		var beyond *http.MaxBytesError
		if errors.As(err, &beyond) {
			return who, TooLarge()
		}
		return who, malformed("the content broke off")
	}
	if actor.DigestOf(body) != digest {
		return who, callerUnknown()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return who, readable(r.Header, body, method)
}

// TooLarge is the error of a call whose content is beyond MaxContent.
func TooLarge() error {
	return rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE, "the request is larger than an RPC takes")
}

func malformed(why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, why)
}

// readable refuses content that is no plain message of the RPC, in whatever protocol it came. Our own processes do not pack what they send,
// so content that would unpack to more than the bound has no way in.
func readable(header http.Header, body []byte, method Method) error {
	for _, name := range []string{"Content-Encoding", "Grpc-Encoding"} {
		if encoding := header.Get(name); encoding != "" && encoding != "identity" {
			return malformed("calls between our own processes are not compressed")
		}
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return malformed("no content type")
	}
	codec := strings.TrimPrefix(mediaType, "application/")
	if protocol, inner, found := strings.Cut(codec, "+"); protocol == "grpc" || protocol == "grpc-web" {
		if len(body) < envelopeSize || body[0] != 0 || uint64(len(body)-envelopeSize) != uint64(binary.BigEndian.Uint32(body[1:envelopeSize])) {
			return malformed("not one plain message in its envelope")
		}
		body, codec = body[envelopeSize:], inner
		if !found {
			codec = "proto"
		}
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Descriptor.Input().FullName())
	if err != nil {
		return err // A method that is linked in has its messages linked in.
	}
	switch codec {
	case "proto":
		err = proto.Unmarshal(body, kind.New().Interface())
	case "json":
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, kind.New().Interface())
	default:
		return malformed("not a content type of RPCs")
	}
	if err != nil {
		return malformed("not a message of this RPC")
	}
	return nil
}
