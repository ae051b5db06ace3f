package inproc

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// MaxContent bounds the content of a call between our own processes, in bytes.
const MaxContent = 8 << 20

// AppendProof appends the proof that the actor of ctx makes this call of procedure with this content, for another process of ours.
func (d *Door) AppendProof(ctx context.Context, b []byte, procedure string, content []byte) []byte {
	return d.signer.AppendCallToken(b, actor.Must(ctx), procedure, actor.DigestOf(content), d.clock.Now())
}

// Proven tells who calls, by a proof that AppendProof made for the same call. Everything else is refused with CALLER_UNKNOWN.
func (d *Door) Proven(proof []byte, procedure string, content []byte) (actor.Actor, error) {
	who, digest, err := d.signer.VerifyCallToken(proof, procedure, d.clock.Now())
	if err != nil || digest != actor.DigestOf(content) {
		return who, callerUnknown()
	}
	return who, nil
}

func callerUnknown() error {
	return rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN, "no valid actor token for this call")
}

// ServeContent is Serve for content that has been read off a wire and not decoded. The actor is in the context already. message is an empty
// message of the RPC's request; it is filled.
func (d *Door) ServeContent(ctx context.Context, procedure string, content []byte, message proto.Message, handle Handle) (proto.Message, error) {
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(content, message); err != nil { // It is empty: nothing is to be taken out of it.
		return nil, malformed("not a message of this RPC")
	}
	return d.Serve(ctx, procedure, message, handle)
}

// Span begins the span of one side of a call over the network; the answer ends it. Of a trace that nobody records there is none, and its ids go on
// as they are: every sampler of ours does as the parent does.
func (d *Door) Span(ctx context.Context, procedure string, side trace.SpanKind) (context.Context, func(err error)) {
	if parent := trace.SpanContextFromContext(ctx); d.instruments == nil || parent.IsValid() && !parent.IsSampled() {
		return ctx, func(error) {}
	}
	ctx, span := d.instruments.tracer.Start(ctx, strings.TrimPrefix(procedure, "/"), trace.WithSpanKind(side))
	return ctx, func(err error) {
		if err != nil {
			reason := rpcerr.Name(rpcerr.ReasonOf(err))
			span.SetAttributes(attribute.String("lendgate.reason", reason))
			if connect.CodeOf(err) == connect.CodeInternal {
				span.SetStatus(codes.Error, reason)
			}
		}
		span.End()
	}
}

// Transport is how calls to other processes of ours go out over HTTP: with the proof of the actor in the request's context, for this request's
// path and content. It holds the content in memory, so it is for calls with one message, which all of ours are.
func (d *Door) Transport(next http.RoundTripper) http.RoundTripper { return proving{d, next} }

type proving struct {
	door *Door
	next http.RoundTripper
}

// RoundTrip proves the call and sends it.
func (t proving) RoundTrip(r *http.Request) (*http.Response, error) {
	var content []byte
	if r.Body != nil {
		var err error
		content, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	out := r.Clone(r.Context()) // A RoundTripper leaves the request as it is.
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	out.Header.Set(actor.Header, base64.RawURLEncoding.EncodeToString(t.door.AppendProof(r.Context(), nil, r.URL.Path, content)))
	return t.next.RoundTrip(out)
}

// ClientInterceptor marks what comes back from another process of ours as a peer's error. It goes with Transport.
func (d *Door) ClientInterceptor() connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			res, err := next(ctx, req)
			return res, rpcerr.MarkPeer(req.Spec().Procedure, err)
		}
	}
}

// Scrub is what a caller sees of an error that came after the handler, such as one of writing its answer.
func (d *Door) Scrub(ctx context.Context, procedure string, err error) error {
	return rpcerr.Scrub(ctx, d.log, procedure, id.Format("ref_", id.New()), err)
}
