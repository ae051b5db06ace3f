package link

import (
	"encoding/binary"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/lendgate/lendgate/internal/inproc"
)

// kind says what a frame is.
type kind byte

const (
	// kindCall asks: deadline, trace, procedure, proof, message. Its id is new on the connection.
	kindCall kind = 1 + iota
	// kindAnswer is the message that answers a call; kindRefusal a google.rpc.Status instead.
	kindAnswer
	kindRefusal
	// kindCancel tells that nobody waits for a call any more. No answer is needed, and one that is on its way does no harm.
	kindCancel
	// kindPing asks for kindPong, which bears its id. Neither has content.
	kindPing
	kindPong
	// kindGoaway tells that no more calls should come on this connection. Those that were sent are answered; the caller closes.
	kindGoaway
)

const (
	// headSize is the length of a frame's head: four bytes for the length of what follows the head, one for the kind, eight for the id. All
	// numbers are big-endian.
	headSize = 4 + 1 + 8
	// maxContent bounds what follows a head: a message, with room for what a call says beside it.
	maxContent = inproc.MaxContent + 64<<10
	// traceSize is the length of a trace context: a trace id, a span id and flags, as in W3C traceparent.
	traceSize = 16 + 8 + 1
)

// Faults of a peer that end its connection.
var (
	errFrame = errors.New("link: the peer sent what is no frame")
	errLarge = errors.New("link: the peer sent a frame that is too large")
)

// appendHead appends the head of a frame with n bytes of content.
func appendHead(b []byte, k kind, id uint64, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = append(b, byte(k))
	return binary.BigEndian.AppendUint64(b, id)
}

// parseHead reads a head.
func parseHead(head [headSize]byte) (k kind, id uint64, n int, err error) {
	length := binary.BigEndian.Uint32(head[:4])
	k, id = kind(head[4]), binary.BigEndian.Uint64(head[5:])
	switch {
	case k < kindCall || k > kindGoaway:
		return 0, 0, 0, errFrame
	case length > maxContent:
		return 0, 0, 0, errLarge
	case length > 0 && k >= kindCancel:
		return 0, 0, 0, errFrame
	}
	return k, id, int(length), nil
}

// asked is the content of a call. Its slices are parts of the frame.
type asked struct {
	// left is how long the caller waits; 0 when it did not say. On the wire it is microseconds.
	left time.Duration
	// trace is the caller's place in its trace; not valid when it has none.
	trace              trace.SpanContext
	procedure          []byte
	proof, messageWire []byte
}

// appendAsked appends the content of a call but the message, which follows as it is.
func appendAsked(b []byte, left time.Duration, span trace.SpanContext, procedure string, proof []byte) []byte {
	b = binary.AppendUvarint(b, uint64(max(0, left.Microseconds())))
	if span.IsValid() {
		traceID, spanID := span.TraceID(), span.SpanID()
		b = append(b, traceSize)
		b = append(b, traceID[:]...)
		b = append(b, spanID[:]...)
		b = append(b, byte(span.TraceFlags()))
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(procedure)))
	b = append(b, procedure...)
	b = binary.AppendUvarint(b, uint64(len(proof)))
	return append(b, proof...)
}

// parseAsked reads the content of a call.
func parseAsked(b []byte) (a asked, err error) {
	micros, size := binary.Uvarint(b)
	if size <= 0 || micros > uint64((24*time.Hour).Microseconds()) { // No call of ours waits for a day.
		return a, errFrame
	}
	a.left, b = time.Duration(micros)*time.Microsecond, b[size:]
	for _, part := range []*[]byte{nil, &a.procedure, &a.proof} {
		length, size := binary.Uvarint(b)
		if size <= 0 || length > uint64(len(b)-size) {
			return a, errFrame
		}
		content := b[size : size+int(length)]
		b = b[size+int(length):]
		if part != nil {
			*part = content
			continue
		}
		switch len(content) { // The first is the trace.
		case 0:
		case traceSize:
			a.trace = trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID(content[:16]), SpanID: trace.SpanID(content[16:24]), TraceFlags: trace.TraceFlags(content[24]), Remote: true,
			})
		default:
			return a, errFrame
		}
	}
	a.messageWire = b
	return a, nil
}
