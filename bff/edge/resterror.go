package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// plainError is the error of Connect's protocol with what programs without Protobuf look for at its top.
type plainError struct {
	Code    string `json:"code"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`
	// Text is for people.
	Text       string            `json:"text,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Violations []plainViolation  `json:"violations,omitempty"`
	Details    []plainDetail     `json:"details,omitempty"`
}

type plainViolation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

type plainDetail struct {
	Type string `json:"type"`
	// Value is base64 without padding, as Connect has it.
	Value string `json:"value"`
}

// refusePlain answers REST, and a caller that speaks none of the protocols: the error of Connect's protocol, and the status of HTTP that
// belongs to its code.
func (e *Edge) refusePlain(w http.ResponseWriter, err error) {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		coded = connect.NewError(connect.CodeInternal, errors.New("internal error")) // The text of an error without a code is ours alone.
	}
	said := plainError{Code: coded.Code().String(), Message: coded.Message()}
	for _, detail := range coded.Details() {
		said.Details = append(said.Details, plainDetail{Type: detail.Type(), Value: base64.RawStdEncoding.EncodeToString(detail.Bytes())})
		value, err := detail.Value()
		if err != nil {
			continue // It goes as it is.
		}
		switch value := value.(type) {
		case *errdetails.ErrorInfo:
			said.Reason, said.Metadata = value.GetReason(), value.GetMetadata()
		case *errdetails.LocalizedMessage:
			said.Text = value.GetMessage()
		case *errdetails.BadRequest:
			for _, violation := range value.GetFieldViolations() {
				said.Violations = append(said.Violations, plainViolation{Field: violation.GetField(), Description: violation.GetDescription()})
			}
		}
	}
	body, _ := json.Marshal(said) // Strings alone.
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOfError(coded.Code(), rpcerr.ReasonOf(err)))
	_, _ = w.Write(body) // A caller who is gone hears nothing.
}

// statusOfError is the status of a code (google/rpc/code.proto), but for refusals of HTTP itself, which HTTP has its own for.
func statusOfError(code connect.Code, reason rpcerr.Reason) int {
	switch reason {
	case typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC:
		return http.StatusNotFound
	case typev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED:
		return http.StatusMethodNotAllowed
	case typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE:
		return http.StatusRequestEntityTooLarge
	}
	switch code {
	case connect.CodeInvalidArgument, connect.CodeFailedPrecondition, connect.CodeOutOfRange:
		return http.StatusBadRequest
	case connect.CodeUnauthenticated:
		return http.StatusUnauthorized
	case connect.CodePermissionDenied:
		return http.StatusForbidden
	case connect.CodeNotFound:
		return http.StatusNotFound
	case connect.CodeAborted, connect.CodeAlreadyExists:
		return http.StatusConflict
	case connect.CodeResourceExhausted:
		return http.StatusTooManyRequests
	case connect.CodeCanceled:
		return statusClosedRequest
	case connect.CodeUnimplemented:
		return http.StatusNotImplemented
	case connect.CodeUnavailable:
		return http.StatusServiceUnavailable
	case connect.CodeDeadlineExceeded:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// statusClosedRequest says that the caller went away; HTTP has no name for it.
const statusClosedRequest = 499
