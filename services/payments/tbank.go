package payments

import (
	"context"
	"errors"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/tbank"
)

// tbankUnknownOrder is what CheckOrder answers for an order that it never heard of.
const tbankUnknownOrder = "335"

// TBankConfig is how we use T-Bank: one terminal that collects, one that pays out.
type TBankConfig struct {
	Acquiring *tbank.Acquiring
	Payouts   *tbank.Payouts
	// CurrencyCode is the ISO 4217 code of the terminals' contract; the vendor's messages carry none. Empty means RUB.
	CurrencyCode string
	// Description is shown on the pay page, at most 140 characters.
	Description string
	// NotificationURL is our webhook address for a tenant. Nil means as the terminal is set up.
	NotificationURL func(tenantID string) string
	// The browser goes to SuccessURL or FailURL afterwards. Empty means as the terminal is set up.
	SuccessURL string
	FailURL    string
}

// TBank makes T-Bank a Provider.
type TBank struct {
	config TBankConfig
}

var _ Provider = (*TBank)(nil)

// NewTBank uses the two terminals of config.
func NewTBank(config TBankConfig) *TBank {
	if config.CurrencyCode == "" {
		config.CurrencyCode = "RUB"
	}
	return &TBank{config: config}
}

// Name implements Provider.
func (t *TBank) Name() string { return "tbank" }

// Currency implements Provider.
func (t *TBank) Currency() string { return t.config.CurrencyCode }

// OpenCardForm implements Provider: AddCustomer, which is idempotent, and AddCard.
func (t *TBank) OpenCardForm(ctx context.Context, customer string) (string, error) {
	if err := t.config.Payouts.AddCustomer(ctx, customer); err != nil {
		return "", err
	}
	binding, err := t.config.Payouts.AddCard(ctx, customer)
	return binding.FormURL, err
}

// Cards implements Provider by GetCardList.
func (t *TBank) Cards(ctx context.Context, customer string) ([]ProviderCard, error) {
	list, err := t.config.Payouts.Cards(ctx, customer)
	if err != nil {
		return nil, err
	}
	var cards []ProviderCard
	for _, card := range list {
		if card.Active {
			cards = append(cards, ProviderCard{ID: card.CardID, Masked: card.MaskedPAN})
		}
	}
	return cards, nil
}

// PreparePayout implements Provider by the payout terminal's Init.
func (t *TBank) PreparePayout(ctx context.Context, order PayoutOrder) (PayoutReport, error) {
	p, err := t.config.Payouts.Init(ctx, tbank.Disbursement{OrderID: order.OrderID, CardID: order.CardID, Amount: order.Amount.MinorUnits})
	return payoutReport(p), orderTaken(err)
}

// orderTaken marks the refusal of a repeated order id.
func orderTaken(err error) error {
	if kit.CodeOf(err) == tbank.CodeDuplicateOrder {
		return errors.Join(ErrOrderTaken, err)
	}
	return err
}

// ExecutePayout implements Provider by Payment, which the vendor refuses for a payment that is not CHECKED any more.
func (t *TBank) ExecutePayout(ctx context.Context, paymentID string) (PayoutReport, error) {
	p, err := t.config.Payouts.Payment(ctx, paymentID)
	return payoutReport(p), err
}

// PayoutState implements Provider by the payout terminal's GetState.
func (t *TBank) PayoutState(ctx context.Context, paymentID string) (PayoutReport, error) {
	p, err := t.config.Payouts.GetState(ctx, paymentID)
	return payoutReport(p), err
}

func payoutReport(p tbank.Payout) PayoutReport {
	return PayoutReport{PaymentID: p.PaymentID, State: p.State, Amount: p.Amount}
}

// OpenCollection implements Provider by Init in one stage: what is authorised is captured at once.
func (t *TBank) OpenCollection(ctx context.Context, order CollectionOrder) (CollectionReport, error) {
	wish := tbank.Order{
		OrderID: order.OrderID, Amount: order.Amount.MinorUnits, Description: t.config.Description, CustomerKey: order.Customer,
		Stages: tbank.OneStage, SuccessURL: t.config.SuccessURL, FailURL: t.config.FailURL, Due: order.Due.Truncate(time.Second),
	}
	if t.config.NotificationURL != nil {
		wish.NotificationURL = t.config.NotificationURL(order.TenantID)
	}
	p, err := t.config.Acquiring.Init(ctx, wish)
	return collectionReport(p), orderTaken(err)
}

// CollectionState implements Provider by GetState.
func (t *TBank) CollectionState(ctx context.Context, paymentID string) (CollectionReport, error) {
	p, err := t.config.Acquiring.GetState(ctx, paymentID)
	return collectionReport(p), err
}

// FindCollection implements Provider by CheckOrder. An order has one payment here: every attempt has an order of its own.
func (t *TBank) FindCollection(ctx context.Context, orderID string) (CollectionReport, error) {
	list, err := t.config.Acquiring.CheckOrder(ctx, orderID)
	switch {
	case kit.CodeOf(err) == tbankUnknownOrder || err == nil && len(list) == 0:
		return CollectionReport{}, ErrNoSuchOrder
	case err != nil:
		return CollectionReport{}, err
	}
	return collectionReport(list[len(list)-1]), nil
}

func collectionReport(p tbank.Payment) CollectionReport {
	return CollectionReport{PaymentID: p.PaymentID, State: p.State, Amount: p.Amount, PageURL: p.PaymentURL}
}

// ReadWebhook implements Provider: both terminals post to one address, and each knows its own notifications.
func (t *TBank) ReadWebhook(body []byte) (Webhook, error) {
	kind := CollectionKind
	n, err := t.config.Acquiring.ParseNotification(body)
	if errors.Is(err, tbank.ErrOtherTerminal) {
		kind = PayoutKind
		n, err = t.config.Payouts.ParseNotification(body)
	}
	switch {
	case errors.Is(err, tbank.ErrMalformed):
		return Webhook{}, errors.Join(ErrWebhookMalformed, err)
	case err != nil: // A wrong Token, or a terminal that is not ours.
		return Webhook{}, errors.Join(ErrWebhookForged, err)
	}
	return Webhook{Kind: kind, OrderID: n.OrderID, PaymentID: n.PaymentID, Status: string(n.Status), Amount: n.Amount}, nil
}

// Acknowledgement implements Provider: the vendor reads status 200 with the body OK and nothing else.
func (t *TBank) Acknowledgement() (body []byte, contentType string) {
	return []byte("OK"), "text/plain; charset=utf-8"
}
