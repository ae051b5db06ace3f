package edge

import (
	"context"
	"encoding/json"
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
	if e.writer.IsSupported(r) {
		if writeErr := e.writer.Write(w, r, err); writeErr != nil {
			e.deps.Log.DebugContext(r.Context(), "answer not written", "request_id", c.requestID, "error", writeErr.Error())
		}
		return
	}
	e.refusePlain(w, err)
}

// refusePlain answers a caller that speaks none of the protocols, in the JSON of Connect all the same.
func (e *Edge) refusePlain(w http.ResponseWriter, err error) {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		coded = connect.NewError(connect.CodeInternal, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus(coded.Code()))
	body, _ := json.Marshal(map[string]string{"code": coded.Code().String(), "reason": rpcerr.Name(rpcerr.ReasonOf(err)), "message": coded.Message()})
	w.Write(body)
}

// httpStatus is the status of a code in the Connect protocol, for the codes that the chain refuses with.
func httpStatus(code connect.Code) int {
	switch code {
	case connect.CodeUnauthenticated:
		return http.StatusUnauthorized
	case connect.CodePermissionDenied:
		return http.StatusForbidden
	case connect.CodeNotFound, connect.CodeUnimplemented:
		return http.StatusNotFound
	case connect.CodeResourceExhausted:
		return http.StatusTooManyRequests
	case connect.CodeAborted, connect.CodeAlreadyExists:
		return http.StatusConflict
	case connect.CodeUnavailable:
		return http.StatusServiceUnavailable
	case connect.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
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

// withWords adds a google.rpc.LocalizedMessage in the caller's language to an error that has a reason.
func (e *Edge) withWords(ctx context.Context, err error) error {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return err
	}
	locale, text := e.texts.text(Locale(ctx), rpcerr.Name(rpcerr.ReasonOf(err)))
	if text == "" {
		return err
	}
	if detail, detailErr := connect.NewErrorDetail(&errdetails.LocalizedMessage{Locale: locale, Message: text}); detailErr == nil {
		coded.AddDetail(detail)
	}
	return err
}
