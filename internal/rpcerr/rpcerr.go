// Package rpcerr makes, reads and hides errors of RPCs.
//
// An error that a caller may see is born here with a Connect code and a reason of the contract (lendgate.type.v1.ErrorReason), carried as
// google.rpc.ErrorInfo. Everything else is our own fault: Scrub turns it into Internal with a reference and logs it once. A peer's error
// comes back as *Peer, never as an error of our own, so that it cannot pass to our caller by accident: FromPeer says which reasons do.
package rpcerr

import (
	"errors"
	"maps"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Domain is the domain of our ErrorInfo details.
const Domain = "lendgate"

// reasonPrefix is what the enum's names bear and the wire does not.
const reasonPrefix = "ERROR_REASON_"

// Reason shortens the type that errors are born with.
type Reason = typev1.ErrorReason

// Option adds a detail to an error.
type Option func(*options)

type options struct {
	metadata   map[string]string
	violations []*errdetails.BadRequest_FieldViolation
	retryAfter time.Duration
}

// Meta adds a fact that the caller can compute with, as the reason's comment in the contract promises it. Never personal data.
func Meta(key, value string) Option {
	return func(o *options) { o.metadata[key] = value }
}

// Field names a field of the request that is wrong, in the names of the contract, and says why in plain words.
func Field(path, why string) Option {
	return func(o *options) {
		o.violations = append(o.violations, &errdetails.BadRequest_FieldViolation{Field: path, Description: why})
	}
}

// RetryAfter tells when a repeat may help.
func RetryAfter(d time.Duration) Option {
	return func(o *options) { o.retryAfter = d }
}

// New makes an error that the caller may see. The message is English, for developers; it holds no personal data.
func New(code connect.Code, reason Reason, message string, opts ...Option) *connect.Error {
	o := options{metadata: map[string]string{}}
	for _, opt := range opts {
		opt(&o)
	}
	err := connect.NewError(code, errors.New(message))
	info := &errdetails.ErrorInfo{Reason: Name(reason), Domain: Domain}
	if len(o.metadata) > 0 {
		info.Metadata = o.metadata
	}
	addDetail(err, info)
	if len(o.violations) > 0 {
		addDetail(err, &errdetails.BadRequest{FieldViolations: o.violations})
	}
	if o.retryAfter > 0 {
		addDetail(err, &errdetails.RetryInfo{RetryDelay: durationpb.New(o.retryAfter)})
	}
	return err
}

// Invalid is New for a request that is wrong by itself.
func Invalid(reason Reason, message string, opts ...Option) *connect.Error {
	return New(connect.CodeInvalidArgument, reason, message, opts...)
}

// Precondition is New for a request that the state forbids.
func Precondition(reason Reason, message string, opts ...Option) *connect.Error {
	return New(connect.CodeFailedPrecondition, reason, message, opts...)
}

// NotFound is New for what does not exist or is not the caller's: both are answered alike.
func NotFound(reason Reason, message string, opts ...Option) *connect.Error {
	return New(connect.CodeNotFound, reason, message, opts...)
}

// Unavailable is New for a part that does not answer now; it carries a hint when to try again.
func Unavailable(message string) *connect.Error {
	return New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, message, RetryAfter(time.Second))
}

// Name is the wire name of a reason, such as "LOAN_NOT_FOUND".
func Name(reason Reason) string { return strings.TrimPrefix(reason.String(), reasonPrefix) }

// ReasonOf reads the reason of an error born here; UNSPECIFIED when it was not.
func ReasonOf(err error) Reason {
	if info := infoOf(err); info != nil {
		return parseReason(info.GetReason())
	}
	return typev1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// MetadataOf reads the facts of an error born here. The map is the caller's own.
func MetadataOf(err error) map[string]string {
	if info := infoOf(err); info != nil {
		return maps.Clone(info.GetMetadata())
	}
	return nil
}

// RetryAfterOf reads the hint when a repeat may help; 0 when there is none.
func RetryAfterOf(err error) time.Duration {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return 0
	}
	for _, detail := range coded.Details() {
		if value, err := detail.Value(); err == nil {
			if retry, ok := value.(*errdetails.RetryInfo); ok {
				return retry.GetRetryDelay().AsDuration()
			}
		}
	}
	return 0
}

// Known tells whether an error was born here, or authored, and may be shown.
func Known(err error) bool {
	var own *authored
	return infoOf(err) != nil || errors.As(err, &own)
}

// Authored says that an error was written for the caller word by word, by a contract that has no reasons of ours, such as the one of the
// protocol's conformance suite. It passes Scrub as it is.
func Authored(err *connect.Error) error { return &authored{err} }

type authored struct{ err *connect.Error }

// Error is the error's own text.
func (a *authored) Error() string { return a.err.Error() }

// Unwrap gives the error that was authored.
func (a *authored) Unwrap() error { return a.err }

func parseReason(name string) Reason {
	return Reason(typev1.ErrorReason_value[reasonPrefix+name])
}

func infoOf(err error) *errdetails.ErrorInfo {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return nil
	}
	for _, detail := range coded.Details() {
		value, err := detail.Value()
		if err != nil {
			continue
		}
		if info, ok := value.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return info
		}
	}
	return nil
}

func addDetail(err *connect.Error, message proto.Message) {
	// NewErrorDetail fails only for messages that cannot be marshalled; these three always can.
	if detail, detailErr := connect.NewErrorDetail(message); detailErr == nil {
		err.AddDetail(detail)
	}
}
