package payments

import (
	"github.com/lendgate/lendgate/integrations/kit"
)

// collectionState is where a collection stands, in rows as in the contract.
type collectionState string

// States of a collection.
const (
	collectionCreated    collectionState = "CREATED"
	collectionUnknown    collectionState = "UNKNOWN"
	collectionAwaiting   collectionState = "AWAITING"
	collectionProcessing collectionState = "PROCESSING"
	collectionPaid       collectionState = "PAID"
	collectionFailed     collectionState = "FAILED"
	collectionExpired    collectionState = "EXPIRED"
)

// final tells whether a state does not change any more.
func (c collectionState) final() bool { return c.rank() == 3 }

// rank orders states: a collection never moves to a lower one, nor from one final state to another. UNKNOWN stands with CREATED: of neither
// is there a page that anybody could see.
func (c collectionState) rank() int {
	switch c {
	case collectionCreated, collectionUnknown:
		return 0
	case collectionAwaiting:
		return 1
	case collectionProcessing:
		return 2
	default:
		return 3
	}
}

// toldCollection says in our words what a provider tells; false for a word that decides nothing. Money that came and went back again was
// never ours for long enough to be booked; a refund of a part needs people. The words are those of kit, which each adapter translates its
// vendor's into.
func toldCollection(told kit.PaymentState) (collectionState, bool) {
	switch told {
	case kit.PaymentCreated, kit.PaymentFormShown:
		return collectionAwaiting, true
	case kit.PaymentAuthenticating, kit.PaymentAuthorised, kit.PaymentCapturing, kit.PaymentVoiding:
		return collectionProcessing, true
	case kit.PaymentCaptured:
		return collectionPaid, true
	case kit.PaymentFailed, kit.PaymentCancelled, kit.PaymentVoided, kit.PaymentRefunded:
		return collectionFailed, true
	case kit.PaymentExpired:
		return collectionExpired, true
	default:
		return "", false
	}
}

// moveCollection is the state after the provider told one. A collection without a page cannot be awaited: nobody can pay it. A provider's
// answers may overtake each other; what would go back is from the past and moves nothing.
func moveCollection(from collectionState, told kit.PaymentState, hasPage bool) collectionState {
	to, ok := toldCollection(told)
	if !ok || to.rank() <= from.rank() || to == collectionAwaiting && !hasPage {
		return from
	}
	return to
}
