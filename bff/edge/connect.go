package edge

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The headers of Connect's protocol for unary calls (https://connectrpc.com/docs/protocol).
const (
	protocolVersionHeader = "Connect-Protocol-Version"
	timeoutHeader         = "Connect-Timeout-Ms"
)

// maxTimeoutDigits is what the protocol allows for a timeout in milliseconds.
const maxTimeoutDigits = 10

// readConnect reads a unary call of Connect, by POST or GET. Content is unpacked within the limit and read once.
func (e *Edge) readConnect(r *http.Request) (exchange, error) {
	x := exchange{conditional: r.Method == http.MethodGet}
	var err error
	if x.timeout, err = readTimeout(r.Header.Get(timeoutHeader)); err != nil {
		return x, err
	}
	c := callOf(r.Context())
	var version, encoding string
	raw := c.body
	if x.conditional {
		query := r.URL.Query()
		version, encoding, x.codec = query.Get("connect"), query.Get("compression"), codecOf(query.Get("encoding"))
		if !query.Has("message") {
			return x, malformed("no message")
		}
		if raw, err = queryMessage(query.Get("message"), query.Get("base64") == "1"); err != nil {
			return x, malformed(errMalformed.Error())
		}
		version = strings.TrimPrefix(version, "v")
	} else {
		version, encoding, x.codec = r.Header.Get(protocolVersionHeader), r.Header.Get("Content-Encoding"), codecOfType(r.Header.Get("Content-Type"))
	}
	if version != "" && version != "1" {
		return x, malformed("only version 1 of the protocol is spoken")
	}
	if x.plain, err = e.unpack(raw, encoding); err != nil {
		return x, e.unreadable(err, encoding)
	}
	x.request = c.rpc.newRequest()
	if err := x.codec.decode(x.plain, x.request); err != nil {
		return x, malformed(err.Error())
	}
	return x, nil
}

// unreadable says why content cannot be read.
func (e *Edge) unreadable(err error, encoding string) error {
	switch {
	case errors.Is(err, errTooLarge):
		return e.tooLarge()
	case errors.Is(err, errUnknownCoding):
		return rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST,
			"unknown compression "+strconv.Quote(encoding)+": supported encodings are "+codings)
	default:
		return malformed(errMalformed.Error())
	}
}

func malformed(why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, why)
}

// readTimeout reads how long a caller waits, in milliseconds; 0 when it does not say. No time at all is over at once.
func readTimeout(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	milliseconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) > maxTimeoutDigits {
		return 0, malformed("not a timeout in milliseconds: " + strconv.Quote(text[:min(len(text), 2*maxTimeoutDigits)]))
	}
	return max(time.Duration(milliseconds)*time.Millisecond, time.Nanosecond), nil
}

// codecOfType knows a codec by a content type. JSON is UTF-8; another charset is no content of ours.
func codecOfType(contentType string) codec {
	switch contentType {
	case "application/json":
		return codecJSON
	case "application/proto":
		return codecProto
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if charset := parameters["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return codecUnknown
	}
	return codecOf(strings.TrimPrefix(mediaType, "application/"))
}

// queryMessage takes the message out of a query; base64 is URL-safe, padded or not.
func queryMessage(text string, encoded bool) ([]byte, error) {
	if !encoded {
		return []byte(text), nil
	}
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// isEnveloped tells gRPC and gRPC-Web, whose messages have a head.
func isEnveloped(contentType string) bool { return strings.HasPrefix(contentType, "application/grpc") }

// newRequest makes an empty message of an RPC.
func (r *rpc) newRequest() proto.Message { return r.request.New().Interface() }
