package tbank

import "github.com/lendgate/lendgate/integrations/kit"

// Status is the vendor's word for where a payment or payout stands.
type Status string

// Statuses of acquiring, in the vendor's spelling.
const (
	StatusNew              Status = "NEW"
	StatusFormShowed       Status = "FORM_SHOWED"
	StatusAuthorizing      Status = "AUTHORIZING"
	Status3DSChecking      Status = "3DS_CHECKING" // closed by the bank after 36 h
	Status3DSChecked       Status = "3DS_CHECKED"
	StatusPayChecking      Status = "PAY_CHECKING"
	StatusAuthorized       Status = "AUTHORIZED"
	StatusConfirming       Status = "CONFIRMING"
	StatusConfirmed        Status = "CONFIRMED"
	StatusReversing        Status = "REVERSING"
	StatusPartialReversed  Status = "PARTIAL_REVERSED"
	StatusReversed         Status = "REVERSED"
	StatusRefunding        Status = "REFUNDING"
	StatusAsyncRefunding   Status = "ASYNC_REFUNDING"
	StatusPartialRefunded  Status = "PARTIAL_REFUNDED"
	StatusRefunded         Status = "REFUNDED"
	StatusCanceled         Status = "CANCELED"
	StatusDeadlineExpired  Status = "DEADLINE_EXPIRED"
	StatusRejected         Status = "REJECTED"
	StatusAuthFail         Status = "AUTH_FAIL"
	statusFormShowedLegacy Status = "FORMSHOWED" // spelling of older terminals
)

// Further statuses of payouts; NEW, REJECTED and AUTHORIZED occur there too.
const (
	StatusChecking       Status = "CHECKING"
	StatusChecked        Status = "CHECKED"
	StatusCompleting     Status = "COMPLETING"
	StatusProcessing     Status = "PROCESSING"
	StatusCreditChecking Status = "CREDIT_CHECKING"
	StatusCompleted      Status = "COMPLETED"
)

// Payment is the status of a collection in neutral words. A word that we do
// not know is UNKNOWN: ask again, decide nothing.
func (s Status) Payment() kit.PaymentState {
	switch s {
	case StatusNew:
		return kit.PaymentCreated
	case StatusFormShowed, statusFormShowedLegacy:
		return kit.PaymentFormShown
	case StatusAuthorizing, Status3DSChecking, Status3DSChecked, StatusPayChecking:
		return kit.PaymentAuthenticating
	case StatusAuthorized:
		return kit.PaymentAuthorised
	case StatusConfirming:
		return kit.PaymentCapturing
	case StatusConfirmed:
		return kit.PaymentCaptured
	case StatusReversing:
		return kit.PaymentVoiding
	case StatusPartialReversed:
		return kit.PaymentPartiallyVoided
	case StatusReversed:
		return kit.PaymentVoided
	case StatusRefunding, StatusAsyncRefunding:
		return kit.PaymentRefunding
	case StatusPartialRefunded:
		return kit.PaymentPartiallyRefunded
	case StatusRefunded:
		return kit.PaymentRefunded
	case StatusCanceled:
		return kit.PaymentCancelled
	case StatusDeadlineExpired:
		return kit.PaymentExpired
	case StatusRejected, StatusAuthFail:
		return kit.PaymentFailed
	default:
		return kit.PaymentUnknown
	}
}

// Payout is the status of a disbursement in neutral words. Everything between
// CHECKED and the two final answers counts as sent: the money may have left.
func (s Status) Payout() kit.PayoutState {
	switch s {
	case StatusNew, StatusChecking, StatusChecked:
		return kit.PayoutCreated
	case StatusAuthorizing, StatusAuthorized, StatusCompleting, StatusProcessing, StatusCreditChecking:
		return kit.PayoutSent
	case StatusCompleted:
		return kit.PayoutPaid
	case StatusRejected:
		return kit.PayoutRejected
	default:
		return kit.PayoutUnknown
	}
}
