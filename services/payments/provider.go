package payments

import (
	"context"
	"errors"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/money"
)

// Provider carries payments: a vendor's adapter in the shape that this service needs. Its errors are *kit.Error, whose outcome says what
// may be concluded: only OutcomeRefused and OutcomeRetryable prove that nothing happened.
type Provider interface {
	// Name is the provider's word in rows, contracts and webhook addresses, such as "tbank".
	Name() string
	// Currency is the ISO 4217 code that the merchant's contract is in.
	Currency() string

	// OpenCardForm opens a form on which a person enters a card for payouts. It moves nothing and may be repeated.
	OpenCardForm(ctx context.Context, customer string) (formURL string, err error)
	// Cards lists the cards of a person that are good for payouts, oldest first.
	Cards(ctx context.Context, customer string) ([]ProviderCard, error)

	// PreparePayout makes a payment known without moving money. A prepared payment that is never executed does nothing.
	PreparePayout(ctx context.Context, order PayoutOrder) (PayoutReport, error)
	// ExecutePayout sends a prepared payment. The provider must refuse to execute the same payment a second time.
	ExecutePayout(ctx context.Context, paymentID string) (PayoutReport, error)
	// PayoutState is what the provider says of a prepared payment. CREATED means that it was certainly not executed.
	PayoutState(ctx context.Context, paymentID string) (PayoutReport, error)

	// OpenCollection opens a page on which a person pays. Nothing can be paid without the address that it answers with.
	OpenCollection(ctx context.Context, order CollectionOrder) (CollectionReport, error)
	// CollectionState is what the provider says of a payment.
	CollectionState(ctx context.Context, paymentID string) (CollectionReport, error)
	// FindCollection is what the provider says of an order whose payment is not known; ErrNoSuchOrder when it knows none.
	FindCollection(ctx context.Context, orderID string) (CollectionReport, error)

	// ReadWebhook verifies and reads a notification: ErrWebhookForged or ErrWebhookMalformed otherwise.
	ReadWebhook(body []byte) (Webhook, error)
	// Acknowledgement is the answer that stops the provider's repetitions.
	Acknowledgement() (body []byte, contentType string)
}

// Errors of providers beside *kit.Error.
var (
	// ErrOrderTaken means that the provider knows the order id already: an attempt of which we have no record.
	ErrOrderTaken = errors.New("payments: the provider has had this order")
	// ErrNoSuchOrder means that the provider never heard of an order.
	ErrNoSuchOrder = errors.New("payments: the provider knows no such order")
	// ErrWebhookForged means that the provider did not sign a notification.
	ErrWebhookForged = errors.New("payments: the notification is not signed by the provider")
	// ErrWebhookMalformed means that a notification cannot be read.
	ErrWebhookMalformed = errors.New("payments: the notification cannot be read")
)

// errOtherAmount means that a provider tells another amount than ours. It proves nothing, so its outcome is unknown.
var errOtherAmount = errors.New("payments: the provider tells another amount")

// ProviderCard is a card as a provider knows it.
type ProviderCard struct {
	ID string
	// Masked is the number with all but the first six and last four digits hidden.
	Masked string
}

// PayoutOrder is a payout to be prepared.
type PayoutOrder struct {
	// OrderID is ours, different for every attempt.
	OrderID string
	CardID  string
	Amount  money.Money
}

// PayoutReport is what a provider says of a payout.
type PayoutReport struct {
	PaymentID string
	State     kit.PayoutState
	// Amount in minor units of the provider's currency; 0 when it was not told.
	Amount int64
}

// CollectionOrder is a collection to be opened.
type CollectionOrder struct {
	TenantID string
	// OrderID is ours, different for every attempt whose outcome is not known.
	OrderID string
	// Customer is our opaque name of the person.
	Customer string
	Amount   money.Money
	// Due is when the page closes.
	Due time.Time
}

// CollectionReport is what a provider says of a collection.
type CollectionReport struct {
	PaymentID string
	State     kit.PaymentState
	// Amount in minor units of the provider's currency. Without it nothing is believed.
	Amount int64
	// PageURL is where the person pays; only OpenCollection tells it.
	PageURL string
}

// Webhook is a verified notification.
type Webhook struct {
	Kind      PaymentKind
	OrderID   string
	PaymentID string
	// Status is the provider's own word, for people.
	Status string
	// Amount in minor units of the provider's currency.
	Amount int64
}

// PaymentKind tells payouts from collections, in rows and jobs.
type PaymentKind string

// The two kinds of payments.
const (
	PayoutKind     PaymentKind = "PAYOUT"
	CollectionKind PaymentKind = "COLLECTION"
)

// provider finds a provider by name; false when there is none.
func (s *Service) provider(name string) (Provider, bool) {
	for _, p := range s.providers {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

// mainProvider carries new payments: the first of the configuration.
func (s *Service) mainProvider() Provider { return s.providers[0] }
