package flows

import (
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"
	"go.temporal.io/sdk/temporal"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// refusal is a "no" on its way through the engine: from a service through an activity to the process, and from the process through an
// update to our caller. It holds all that makes the same error again.
type refusal struct {
	Code       connect.Code      `json:"code"`
	Reason     rpcerr.Reason     `json:"reason"`
	Message    string            `json:"message"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	RetryAfter time.Duration     `json:"retry_after,omitempty"`
	// Request is the fingerprint of the request that was refused, so that another request under the same id is told from a repeat.
	Request []byte `json:"request,omitempty"`
}

// applicationError is the refusal as the engine carries it. It is not retried, and no reason for alarm.
func (r refusal) applicationError() error {
	return temporal.NewApplicationErrorWithOptions(r.Message, rpcerr.Name(r.Reason), temporal.ApplicationErrorOptions{
		NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign, Details: []any{r},
	})
}

// rpcError is the refusal as our caller sees it.
func (r refusal) rpcError() error {
	opts := make([]rpcerr.Option, 0, len(r.Metadata)+1)
	for key, value := range r.Metadata {
		opts = append(opts, rpcerr.Meta(key, value))
	}
	if r.RetryAfter > 0 {
		opts = append(opts, rpcerr.RetryAfter(r.RetryAfter))
	}
	return rpcerr.New(r.Code, r.Reason, r.Message, opts...)
}

// asRefusal finds the refusal in an error of an activity or an update. Details that cannot be read, or that hold no code, are another error
// than ours.
func asRefusal(err error) (refusal, bool) {
	var carried *temporal.ApplicationError
	if !errors.As(err, &carried) || !carried.HasDetails() {
		return refusal{}, false
	}
	var r refusal
	if err := carried.Details(&r); err != nil || r.Code == 0 {
		return refusal{}, false
	}
	return r, true
}

// newRefusal reads an error with a reason.
func newRefusal(err *connect.Error) refusal {
	return refusal{
		Code: err.Code(), Reason: rpcerr.ReasonOf(err), Message: err.Message(), Metadata: rpcerr.MetadataOf(err),
		RetryAfter: rpcerr.RetryAfterOf(err),
	}
}

// refusedFor ends an activity when the service refused for one of the reasons. Every other error makes the engine run the activity again.
// It is for what the process does by itself, where an unexpected refusal must not be taken for an answer.
func refusedFor(err error, reasons ...rpcerr.Reason) error {
	peer, ok := rpcerr.AsPeer(err)
	if !ok || !slices.Contains(reasons, peer.Reason()) {
		return err
	}
	return newRefusal(peer.Err).applicationError()
}

// refused ends an activity when the service refused for any reason that another try does not change. It is for what a person asked for:
// they get the answer.
func refused(err error) error {
	peer, ok := rpcerr.AsPeer(err)
	if !ok || passing(peer.Reason()) {
		return err
	}
	return newRefusal(peer.Err).applicationError()
}

// passing tells whether a reason passes with time, or is none of the contract's. Every other reason lasts, so that a person gets an answer
// rather than a wait.
func passing(reason rpcerr.Reason) bool {
	switch reason {
	case typev1.ErrorReason_ERROR_REASON_UNSPECIFIED, typev1.ErrorReason_ERROR_REASON_INTERNAL,
		typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE,
		typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, typev1.ErrorReason_ERROR_REASON_CANCELED,
		typev1.ErrorReason_ERROR_REASON_CONFLICT, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS,
		typev1.ErrorReason_ERROR_REASON_RATE_LIMITED, typev1.ErrorReason_ERROR_REASON_OVERLOADED,
		typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN:
		return true
	default:
		return false
	}
}
