package demo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// overTheWire makes an error as a client gets it from a server.
func overTheWire(t *testing.T, code connect.Code, reason typev1.ErrorReason, options ...rpcerr.Option) error {
	t.Helper()
	var made *connect.Error
	if !errors.As(rpcerr.New(code, reason, "refused", options...), &made) {
		t.Fatal("rpcerr makes no Connect error")
	}
	wire := connect.NewWireError(code, errors.New("refused"))
	for _, detail := range made.Details() {
		wire.AddDetail(detail)
	}
	return wire
}

// TestAMarkOfWorkInProgressIsWaitedOut kills, in effect, an edge with a request in hand: its mark outlives it by 40 seconds.
func TestAMarkOfWorkInProgressIsWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		inProgress := overTheWire(t, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS, rpcerr.RetryAfter(time.Second))
		call := retry()(func(context.Context, connect.AnyRequest) (connect.AnyResponse, error) {
			if time.Since(began) < 40*time.Second {
				return nil, inProgress
			}
			return nil, nil
		})
		if _, err := call(t.Context(), nil); err != nil {
			t.Errorf("given up after %s: %v", time.Since(began), err)
		}
		if late := time.Since(began) - 40*time.Second; late > 2*time.Second {
			t.Errorf("noticed %s late", late)
		}
	})
}

// TestOtherRefusalsAreNotAskedForEver counts the tries.
func TestOtherRefusalsAreNotAskedForEver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		tries int
	}{
		"an edge that drains":       {overTheWire(t, connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE), maxTries},
		"a refusal":                 {overTheWire(t, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND), 1},
		"an edge that is not there": {connect.NewError(connect.CodeUnavailable, errors.New("connection refused")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				call := retry()(func(context.Context, connect.AnyRequest) (connect.AnyResponse, error) {
					tries++
					return nil, test.err
				})
				if _, err := call(t.Context(), nil); err == nil || tries != test.tries {
					t.Errorf("tried %d times, want %d: %v", tries, test.tries, err)
				}
			})
		})
	}
}
