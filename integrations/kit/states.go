package kit

// PaymentState is where a collection (money from a borrower) stands, in words
// that belong to no provider. The vendor's own status is kept beside it.
type PaymentState string

// Payment states in their usual order. Captured money is ours; Authorised money
// is only held. Unknown is asked by a poller until another state answers.
const (
	PaymentUnknown           PaymentState = "UNKNOWN"
	PaymentCreated           PaymentState = "CREATED"
	PaymentFormShown         PaymentState = "FORM_SHOWN"
	PaymentAuthenticating    PaymentState = "AUTHENTICATING"
	PaymentAuthorised        PaymentState = "AUTHORISED"
	PaymentCapturing         PaymentState = "CAPTURING"
	PaymentCaptured          PaymentState = "CAPTURED"
	PaymentVoiding           PaymentState = "VOIDING"
	PaymentPartiallyVoided   PaymentState = "PARTIALLY_VOIDED"
	PaymentVoided            PaymentState = "VOIDED"
	PaymentRefunding         PaymentState = "REFUNDING"
	PaymentPartiallyRefunded PaymentState = "PARTIALLY_REFUNDED"
	PaymentRefunded          PaymentState = "REFUNDED"
	PaymentCancelled         PaymentState = "CANCELLED"
	PaymentFailed            PaymentState = "FAILED"
	PaymentExpired           PaymentState = "EXPIRED"
)

// Final reports that a payment in this state will not change by itself. A
// captured payment is final for the borrower; a refund is a new act of ours.
func (s PaymentState) Final() bool {
	switch s {
	case PaymentCaptured, PaymentPartiallyRefunded, PaymentRefunded, PaymentVoided,
		PaymentCancelled, PaymentFailed, PaymentExpired:
		return true
	default:
		return false
	}
}

// PayoutState is where a disbursement (money to a borrower) stands.
type PayoutState string

// Payout states. From Sent and Unknown a payout is only ever asked about; it is
// never sent again before the provider has answered Rejected.
const (
	PayoutUnknown  PayoutState = "UNKNOWN"
	PayoutCreated  PayoutState = "CREATED"
	PayoutSent     PayoutState = "SENT"
	PayoutPaid     PayoutState = "PAID"
	PayoutRejected PayoutState = "REJECTED"
)

// Final reports that the provider will not change its answer any more.
func (s PayoutState) Final() bool { return s == PayoutPaid || s == PayoutRejected }

// ReceiptState is what became of a message after the provider took it.
type ReceiptState string

// Receipt states. Pending and Unknown are the two that are not final.
const (
	ReceiptUnknown     ReceiptState = "UNKNOWN"
	ReceiptPending     ReceiptState = "PENDING"
	ReceiptDelivered   ReceiptState = "DELIVERED"
	ReceiptRead        ReceiptState = "READ"
	ReceiptUndelivered ReceiptState = "UNDELIVERED"
	ReceiptRejected    ReceiptState = "REJECTED"
	ReceiptExpired     ReceiptState = "EXPIRED"
)

// Final reports that no later receipt will change the state. Delivered is not
// final: some channels report that the message was read afterwards.
func (s ReceiptState) Final() bool {
	switch s {
	case ReceiptRead, ReceiptUndelivered, ReceiptRejected, ReceiptExpired:
		return true
	default:
		return false
	}
}
