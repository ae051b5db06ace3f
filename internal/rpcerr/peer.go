package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Peer is the error of another service. It is deliberately no *connect.Error: a handler that returns it unread answers Internal (or
// Unavailable, when the peer was).
type Peer struct {
	// Procedure is the RPC that failed, such as "/lendgate.loans.v1.LoanService/GetLoan".
	Procedure string
	// Err is what came back, with its details.
	Err *connect.Error
}

// Error describes the failure for our own log.
func (p *Peer) Error() string { return fmt.Sprintf("%s: %v", p.Procedure, p.Err) }

// Reason is the peer's reason; UNSPECIFIED when it gave none.
func (p *Peer) Reason() Reason { return ReasonOf(p.Err) }

// MarkPeer makes an error that came back from procedure a *Peer. Nil stays nil. Clients do this for every call.
func MarkPeer(procedure string, err error) error {
	if err == nil {
		return nil
	}
	var coded *connect.Error
	if !errors.As(err, &coded) {
		coded = connect.NewError(connect.CodeOf(err), err)
		if errors.Is(err, context.DeadlineExceeded) {
			coded = connect.NewError(connect.CodeDeadlineExceeded, err)
		}
	}
	return &Peer{Procedure: procedure, Err: coded}
}

// AsPeer tells whether err is, or wraps, a peer's error.
func AsPeer(err error) (*Peer, bool) {
	var peer *Peer
	ok := errors.As(err, &peer)
	return peer, ok
}

// PeerReason is the reason of a peer's error; UNSPECIFIED for every other error.
func PeerReason(err error) Reason {
	if peer, ok := AsPeer(err); ok {
		return peer.Reason()
	}
	return typev1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// FromPeer translates a peer's error for our caller: the given reasons pass with their code and facts, since our own contract promises
// them too. The rest is left for Scrub. Other errors pass unchanged.
func FromPeer(err error, reasons ...Reason) error {
	peer, ok := AsPeer(err)
	if ok && slices.Contains(reasons, peer.Reason()) {
		return peer.Err
	}
	return err
}

// PassPeer translates a peer's error by passing every reason of the contract but INTERNAL and those between services. It is for the
// backends of screens, whose contract is the union of what they call.
func PassPeer(err error) error {
	peer, ok := AsPeer(err)
	if !ok {
		return err
	}
	switch peer.Reason() {
	case typev1.ErrorReason_ERROR_REASON_UNSPECIFIED, typev1.ErrorReason_ERROR_REASON_INTERNAL, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN:
		return err
	default:
		return peer.Err
	}
}
