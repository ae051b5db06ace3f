package realtime

// replyError is an error inside a reply. The protocol reserves 0-399; codes of our own would be 400-1999.
type replyError struct {
	Code      uint32 `json:"code"`
	Message   string `json:"message,omitempty"`
	Temporary bool   `json:"temporary,omitempty"`
}

// Error implements error, so that command handlers read like Go.
func (e *replyError) Error() string { return e.Message }

// The protocol's error codes that this server answers with. Temporary ones are retried by the SDKs.
var (
	errInternal       = &replyError{Code: 100, Message: "internal server error", Temporary: true}
	errUnknownChannel = &replyError{Code: 102, Message: "unknown channel"}
	errDenied         = &replyError{Code: 103, Message: "permission denied"}
	errMethodNotFound = &replyError{Code: 104, Message: "method not found"}
	errAlreadySub     = &replyError{Code: 105, Message: "already subscribed"}
	errLimitExceeded  = &replyError{Code: 106, Message: "limit exceeded"}
	errBadRequest     = &replyError{Code: 107, Message: "bad request"}
	errNotAvailable   = &replyError{Code: 108, Message: "not available"}
	errTokenExpired   = &replyError{Code: 109, Message: "token expired"}
	errTooMany        = &replyError{Code: 111, Message: "too many requests", Temporary: true}
	errUnrecoverable  = &replyError{Code: 112, Message: "unrecoverable position"}
)

// disconnect is a close code with its reason. SDKs reconnect on 3000-3499 and 4000-4499, and stay away on 3500-3999
// and 4500-4999. The reason must not be valid JSON, since centrifuge-js would read its advice from it instead of from the code.
type disconnect struct {
	code   uint16
	reason string
}

// The close codes that this server uses.
var (
	closeNormal            = disconnect{3000, "connection closed"}
	closeShutdown          = disconnect{3001, "shutdown"}
	closeInternal          = disconnect{3004, "internal server error"}
	closeExpired           = disconnect{3005, "connection expired"}
	closeSlow              = disconnect{3008, "slow"}
	closeWriteError        = disconnect{3009, "write error"}
	closeInsufficientState = disconnect{3010, "insufficient state"}
	closeForceReconnect    = disconnect{3011, "force reconnect"}
	closeNoPong            = disconnect{3012, "no pong"}

	closeInvalidToken    = disconnect{3500, "invalid token"}
	closeBadRequest      = disconnect{3501, "bad request"}
	closeStale           = disconnect{3502, "stale"}
	closeForceDisconnect = disconnect{3503, "force disconnect"}
	closeWrongProtocol   = disconnect{3506, "inappropriate protocol"}
	closeDenied          = disconnect{3507, "permission denied"}
)

// Unsubscribe codes: below 2500 the subscription is over, from 2500 on the SDK subscribes again at once and without
// backoff. So never send the latter to a crowd in one go.
const (
	unsubscribeServer            = 2000
	unsubscribeInsufficientState = 2500
)
