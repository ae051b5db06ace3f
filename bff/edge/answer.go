package edge

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/lendgate/lendgate/internal/rpcerr"
)

// refuse answers with an error in the protocol that was asked in, with words for people and the hint when to come back.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, err error) {
	c := callOf(r.Context())
	err = e.withWords(r.Context(), err)
	c.outcome = rpcerr.Name(rpcerr.ReasonOf(err))
	if after := rpcerr.RetryAfterOf(err); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(after.Seconds()))))
	}
	if c.rest == nil && e.writer.IsSupported(r) {
		if writeErr := e.writer.Write(w, r, err); writeErr != nil {
			e.deps.Log.DebugContext(r.Context(), "answer not written", "request_id", c.requestID, "error", writeErr.Error())
		}
		return
	}
	e.refusePlain(w, err)
}

// wordsInterceptor adds words for people to the errors of handlers and notes the reason for the log.
func (e *Edge) wordsInterceptor() connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			res, err := next(ctx, req)
			if err == nil {
				return res, nil
			}
			if c := callOf(ctx); c != nil {
				c.outcome = rpcerr.Name(rpcerr.ReasonOf(err))
			}
			return nil, e.withWords(ctx, err)
		}
	}
}

// withWords adds a google.rpc.LocalizedMessage in the caller's language to an error that has a reason. The error may be several callers' at
// once, so it is copied.
func (e *Edge) withWords(ctx context.Context, err error) error {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return err
	}
	locale, text := e.texts.text(Locale(ctx), rpcerr.Name(rpcerr.ReasonOf(err)))
	if text == "" {
		return err
	}
	worded := connect.NewError(coded.Code(), coded.Unwrap())
	for _, detail := range coded.Details() {
		worded.AddDetail(detail)
	}
	if detail, detailErr := connect.NewErrorDetail(&errdetails.LocalizedMessage{Locale: locale, Message: text}); detailErr == nil {
		worded.AddDetail(detail)
	}
	return worded
}
