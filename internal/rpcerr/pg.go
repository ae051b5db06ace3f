package rpcerr

import (
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5/pgconn"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// SQLSTATE codes that mean something else than a bug of ours.
const (
	sqlSerializationFailure = "40001"
	sqlDeadlock             = "40P01"
	sqlLockNotAvailable     = "55P03"
	sqlTooManyConnections   = "53300"
	sqlDiskFull             = "53100"
	sqlAdminShutdown        = "57P01"
	sqlCrashShutdown        = "57P02"
	sqlCannotConnectNow     = "57P03"
	sqlReadOnlyTransaction  = "25006" // A primary that was demoted: its connections are dead to us.
)

// RetryablePg tells whether a transaction that failed with err may simply be run again: the database says that nothing was done.
func RetryablePg(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == sqlSerializationFailure || pg.Code == sqlDeadlock
	}
	return pgconn.SafeToRetry(err)
}

// FromPg translates what the database says into what a caller can do. Errors born here and errors that are our own bugs pass unchanged;
// SQLSTATEs and texts of the database never reach a caller.
func FromPg(err error) error {
	if err == nil || Known(err) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case sqlSerializationFailure, sqlDeadlock, sqlLockNotAvailable:
			return New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_CONFLICT, "changed at the same time; read it again",
				RetryAfter(100*time.Millisecond))
		case sqlTooManyConnections, sqlDiskFull, sqlAdminShutdown, sqlCrashShutdown, sqlCannotConnectNow, sqlReadOnlyTransaction:
			return Unavailable("the database does not take this now")
		}
		return err
	}
	var connectErr *pgconn.ConnectError
	if errors.As(err, &connectErr) || pgconn.SafeToRetry(err) {
		return Unavailable("the database does not answer")
	}
	return err
}
