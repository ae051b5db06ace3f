package link

import (
	"bytes"
	"testing"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// TestWhatIsWrittenIsRead draws calls: what one side writes the other reads.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		left := time.Duration(rapid.Int64Range(0, int64(23*time.Hour/time.Microsecond)).Draw(t, "microseconds")) * time.Microsecond
		procedure, proof := rapid.String().Draw(t, "procedure"), rapid.SliceOf(rapid.Byte()).Draw(t, "proof")
		message := rapid.SliceOf(rapid.Byte()).Draw(t, "message")
		var span oteltrace.SpanContext
		if rapid.Bool().Draw(t, "traced") {
			span = oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
				TraceID: oteltrace.TraceID{1, rapid.Byte().Draw(t, "trace")}, SpanID: oteltrace.SpanID{1},
				TraceFlags: oteltrace.TraceFlags(rapid.Byte().Draw(t, "flags")), Remote: true,
			})
		}
		id := rapid.Uint64().Draw(t, "id")
		frame := appendHead(nil, kindCall, 0, 0)
		frame = append(appendAsked(frame, left, span, procedure, proof), message...)
		setID(frame, id)
		setLength(frame)

		k, gotID, n, err := parseHead([headSize]byte(frame[:headSize]))
		if err != nil || k != kindCall || gotID != id || n != len(frame)-headSize {
			t.Fatalf("head: kind %d, id %d, %d bytes, %v", k, gotID, n, err)
		}
		got, err := parseAsked(frame[headSize:])
		if err != nil || got.left != left || string(got.procedure) != procedure || !bytes.Equal(got.proof, proof) ||
			!bytes.Equal(got.messageWire, message) || !got.trace.Equal(span) {
			t.Fatalf("read %+v, %v", got, err)
		}
	})
}

// FuzzFrame reads noise: a frame that is accepted lies within its bounds, and says the same when it is written again.
func FuzzFrame(f *testing.F) {
	good := appendHead(nil, kindCall, 7, 0)
	good = append(appendAsked(good, time.Second, oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
		TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2},
	}), "/lendgate.loans.v1.LoanService/GetLoan", []byte("proof")), "message"...)
	setLength(good)
	f.Add(good)
	f.Add(appendHead(nil, kindGoaway, 0, 0))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headSize {
			return
		}
		k, id, n, err := parseHead([headSize]byte(b[:headSize]))
		if err != nil {
			return
		}
		if n > maxContent || k < kindCall || k > kindGoaway {
			t.Fatalf("accepted kind %d with %d bytes", k, n)
		}
		if again := appendHead(nil, k, id, n); !bytes.Equal(again, b[:headSize]) {
			t.Fatalf("%x becomes %x", b[:headSize], again)
		}
		_ = parseRefusal(b[headSize:])
		call, err := parseAsked(b[headSize:])
		if err != nil {
			return
		}
		again := append(appendAsked(nil, call.left, call.trace, string(call.procedure), call.proof), call.messageWire...)
		reread, err := parseAsked(again)
		if err != nil || reread.left != call.left || !bytes.Equal(reread.procedure, call.procedure) || !bytes.Equal(reread.proof, call.proof) ||
			!bytes.Equal(reread.messageWire, call.messageWire) {
			t.Fatalf("%x says %+v, %v when it is written again", b, reread, err)
		}
	})
}
