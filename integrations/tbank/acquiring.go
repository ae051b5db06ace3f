package tbank

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
)

// Acquiring collects money on one terminal. It is safe for concurrent use.
type Acquiring struct {
	config Config
	client *kit.Client
}

// NewAcquiring checks the configuration; it does not call the vendor.
func NewAcquiring(config Config) (*Acquiring, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	client, err := config.client()
	if err != nil {
		return nil, err
	}
	return &Acquiring{config: config, client: client}, nil
}

// Stages says when authorised money becomes ours.
type Stages string

// OneStage captures at once; TwoStage holds the money until Confirm or Cancel.
const (
	OneStage Stages = "O"
	TwoStage Stages = "T"
)

// Order is a payment to be started.
type Order struct {
	// OrderID is ours, unique for the terminal for ever, at most 36 characters.
	OrderID string
	// Amount in kopecks, at least 100 (one rouble).
	Amount int64
	// Description is shown on the form, at most 140 characters.
	Description string
	// CustomerKey is our opaque name for the borrower; it must not be personal
	// data. Empty: the form does not remember cards.
	CustomerKey string
	Stages      Stages // empty: as the terminal is set up
	// The vendor posts notifications to NotificationURL and sends the browser to
	// the other two. Empty: as the terminal is set up.
	NotificationURL string
	SuccessURL      string
	FailURL         string
	// Due closes the form; zero means 24 hours.
	Due time.Time
	// Data travels back in notifications, outside the Token.
	Data map[string]string
}

// Payment is what the vendor knows about a collection.
type Payment struct {
	PaymentID string
	OrderID   string
	Status    Status
	State     kit.PaymentState
	// Amount in kopecks, as the method reports it.
	Amount int64
	// PaymentURL is the form for the borrower; only Init returns it.
	PaymentURL string
}

// Cancellation is the result of Cancel: what the payment held before and after,
// in kopecks.
type Cancellation struct {
	Payment
	Before int64
	After  int64
}

// limits of Init, from the OpenAPI document.
const (
	minAmount      = 100
	maxOrderID     = 36
	maxDescription = 140
)

// Init starts a payment and returns the address of its form. A repeated OrderID
// is refused with CodeDuplicateOrder.
func (a *Acquiring) Init(ctx context.Context, order Order) (Payment, error) {
	switch {
	case order.OrderID == "" || len(order.OrderID) > maxOrderID:
		return Payment{}, invalid(a.client, "Init", "OrderID must have 1 to 36 characters")
	case order.Amount < minAmount:
		return Payment{}, invalid(a.client, "Init", "Amount must be at least 100 kopecks")
	case len([]rune(order.Description)) > maxDescription:
		return Payment{}, invalid(a.client, "Init", "Description must have at most 140 characters")
	}
	root := fields{"OrderId": order.OrderID, "Amount": order.Amount}
	put(root, "Description", order.Description)
	put(root, "CustomerKey", order.CustomerKey)
	put(root, "PayType", string(order.Stages))
	put(root, "NotificationURL", order.NotificationURL)
	put(root, "SuccessURL", order.SuccessURL)
	put(root, "FailURL", order.FailURL)
	if !order.Due.IsZero() {
		root["RedirectDueDate"] = order.Due.Format(time.RFC3339)
	}
	if len(order.Data) > 0 {
		root["DATA"] = order.Data
	}
	got, err := a.call(ctx, "Init", kit.Moves, root)
	if err != nil {
		return Payment{}, err
	}
	return got.payment(), nil
}

// GetState asks for the present status. It is the only truth about a payment.
func (a *Acquiring) GetState(ctx context.Context, paymentID string) (Payment, error) {
	got, err := a.call(ctx, "GetState", kit.Reads, fields{"PaymentId": paymentID})
	if err != nil {
		return Payment{}, err
	}
	return got.payment(), nil
}

// CheckOrder lists the payments that were ever started for one of our orders,
// which finds a payment whose Init answer was lost.
func (a *Acquiring) CheckOrder(ctx context.Context, orderID string) ([]Payment, error) {
	got, err := a.call(ctx, "CheckOrder", kit.Reads, fields{"OrderId": orderID})
	if err != nil {
		return nil, err
	}
	payments := make([]Payment, 0, len(got.Payments))
	for _, p := range got.Payments {
		p.OrderID = got.OrderID
		payments = append(payments, p.payment())
	}
	return payments, nil
}

// Confirm captures held money; amount in kopecks may be less than was held, and
// 0 means all of it.
func (a *Acquiring) Confirm(ctx context.Context, paymentID string, amount int64) (Payment, error) {
	root := fields{"PaymentId": paymentID}
	if amount > 0 {
		root["Amount"] = amount
	}
	got, err := a.call(ctx, "Confirm", kit.Moves, root)
	if err != nil {
		return Payment{}, err
	}
	return got.payment(), nil
}

// Cancel gives money back: it cancels an unpaid form, releases held money, or
// refunds captured money. amount in kopecks may be a part; 0 means all. The
// vendor answers a repeated requestID with the first result instead of
// refunding twice, so a Cancel whose answer was lost may be sent again with it.
func (a *Acquiring) Cancel(ctx context.Context, paymentID string, amount int64, requestID string) (Cancellation, error) {
	root := fields{"PaymentId": paymentID}
	put(root, "ExternalRequestId", requestID)
	if amount > 0 {
		root["Amount"] = amount
	}
	got, err := a.call(ctx, "Cancel", kit.Moves, root)
	if err != nil {
		return Cancellation{}, err
	}
	return Cancellation{Payment: got.payment(), Before: got.OriginalAmount, After: got.NewAmount}, nil
}

// ParseNotification verifies and reads what the vendor posted about this
// terminal. Answer it with Acknowledge once it is stored.
func (a *Acquiring) ParseNotification(body []byte) (Notification, error) {
	return parseNotification(body, a.config.TerminalKey, a.config.Password)
}

func (a *Acquiring) call(ctx context.Context, method string, effect kit.Effect, root fields) (answer, error) {
	root["TerminalKey"] = a.config.TerminalKey
	root["Token"] = token(root, a.config.Password)
	body, err := json.Marshal(root)
	if err != nil {
		return answer{}, invalid(a.client, method, "request cannot be encoded")
	}
	call := kit.Call{Operation: method, Path: "/v2/" + method, Effect: effect, Body: body}
	response, err := a.client.Do(ctx, call)
	if err != nil {
		return answer{}, err
	}
	got, err := read(a.client, call, response.Body, effect == kit.Moves)
	if err != nil {
		return answer{}, err
	}
	if got.TerminalKey != a.config.TerminalKey {
		return answer{}, a.client.Garbled(call, errors.New("answer is about another terminal"))
	}
	return got, nil
}

func (a answer) payment() Payment {
	return Payment{
		PaymentID: string(a.PaymentID), OrderID: a.OrderID, Status: a.Status,
		State: a.Status.Payment(), Amount: a.Amount, PaymentURL: a.PaymentURL,
	}
}

// invalid refuses a request before it is sent.
func invalid(client *kit.Client, method, message string) error {
	return client.Fail(kit.Call{Operation: method}, kit.OutcomeRefused, "", message)
}

// put leaves absent what was not given: an empty value would enter the Token.
func put(root fields, name, value string) {
	if value != "" {
		root[name] = value
	}
}
