package tbank

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// payoutSuffix ends the name of every payout terminal.
const payoutSuffix = "E2C"

// PayoutConfig of one payout terminal.
type PayoutConfig struct {
	Link
	// TerminalKey ends in E2C.
	TerminalKey string
	// Password verifies notifications; requests are signed with the key instead.
	// Empty: the terminal sends no notifications.
	Password kit.Secret
	// PrivateKey signs requests; SerialNumber is its certificate's, in hex as
	// the vendor registered it.
	PrivateKey   *rsa.PrivateKey
	SerialNumber string
	// SignatureInput as the terminal is set up.
	SignatureInput SignatureInput
}

// String names the terminal only: a printed private key would be a payout.
func (c PayoutConfig) String() string { return "tbank payout terminal " + c.TerminalKey }

// GoString keeps %#v as quiet as String.
func (c PayoutConfig) GoString() string { return c.String() }

// LogValue prints what identifies the terminal and nothing secret.
func (c PayoutConfig) LogValue() slog.Value {
	return slog.GroupValue(slog.String("terminal", c.TerminalKey), slog.String("base_url", c.BaseURL),
		slog.String("certificate", c.SerialNumber))
}

// Payouts pays loans out from one terminal. It is safe for concurrent use.
type Payouts struct {
	config PayoutConfig
	client *kit.Client
}

// NewPayouts checks the configuration; it does not call the vendor.
func NewPayouts(config PayoutConfig) (*Payouts, error) {
	switch {
	case !strings.HasSuffix(config.TerminalKey, payoutSuffix):
		return nil, fmt.Errorf("tbank: a payout terminal ends in %s", payoutSuffix)
	case config.PrivateKey == nil || config.PrivateKey.N.BitLen() < 2048:
		return nil, errors.New("tbank: PrivateKey must be RSA with at least 2048 bits")
	case config.SerialNumber == "":
		return nil, errors.New("tbank: SerialNumber is empty")
	}
	client, err := config.client()
	if err != nil {
		return nil, err
	}
	return &Payouts{config: config, client: client}, nil
}

// CardBinding is a form on which the borrower enters the card for payouts.
type CardBinding struct {
	RequestKey string
	FormURL    string
}

// Card is a card that a borrower has bound.
type Card struct {
	CardID    string
	MaskedPAN string
	Expiry    string // MMYY
	Active    bool
}

// Disbursement is a payout to be prepared.
type Disbursement struct {
	// OrderID is ours, unique for the terminal for ever, at most 36 characters.
	OrderID string
	// CardID comes from Cards.
	CardID string
	// Amount in kopecks, more than zero.
	Amount int64
}

// Payout is what the vendor knows about a disbursement.
type Payout struct {
	PaymentID string
	OrderID   string
	Status    Status
	State     kit.PayoutState
	Amount    int64
}

// AddCustomer makes a borrower known under our opaque key. It is idempotent:
// a key that exists already is a success.
func (p *Payouts) AddCustomer(ctx context.Context, customerKey string) error {
	_, err := p.call(ctx, "AddCustomer", kit.Moves, fields{"CustomerKey": customerKey})
	if kit.CodeOf(err) == CodeCustomerState {
		return nil
	}
	return err
}

// AddCard opens the form on which the borrower binds a card. The card's number
// never passes through us.
func (p *Payouts) AddCard(ctx context.Context, customerKey string) (CardBinding, error) {
	got, err := p.call(ctx, "AddCard", kit.Moves, fields{"CustomerKey": customerKey, "CheckType": "NO"})
	if err != nil {
		return CardBinding{}, err
	}
	return CardBinding{RequestKey: got.RequestKey, FormURL: got.PaymentURL}, nil
}

// Cards lists what the borrower has bound, also what was removed since.
func (p *Payouts) Cards(ctx context.Context, customerKey string) ([]Card, error) {
	call, body, err := p.exchange(ctx, "GetCardList", kit.Reads, fields{"CustomerKey": customerKey})
	if err != nil {
		return nil, err
	}
	var list []struct {
		CardID  identifier `json:"CardId"`
		Pan     string
		ExpDate string
		Status  string // A active, I inactive, D deleted
	}
	if json.Unmarshal(body, &list) != nil {
		// The method answers a bare array, but the usual envelope when it refuses.
		if _, err := read(p.client, call, body, false); err != nil {
			return nil, err
		}
		return nil, p.client.Garbled(call, errors.New("answer is not a list of cards"))
	}
	cards := make([]Card, 0, len(list))
	for _, c := range list {
		cards = append(cards, Card{
			CardID: string(c.CardID), MaskedPAN: c.Pan, Expiry: c.ExpDate, Active: c.Status == "A",
		})
	}
	return cards, nil
}

// Init prepares a payout: the vendor checks card and limits and answers
// CHECKED. No money moves, and none will unless Payment is called.
func (p *Payouts) Init(ctx context.Context, d Disbursement) (Payout, error) {
	switch {
	case d.OrderID == "" || len(d.OrderID) > maxOrderID:
		return Payout{}, invalid(p.client, "e2c.Init", "OrderID must have 1 to 36 characters")
	case d.Amount <= 0:
		return Payout{}, invalid(p.client, "e2c.Init", "Amount must be more than zero")
	}
	got, err := p.call(ctx, "Init", kit.Moves,
		fields{"OrderId": d.OrderID, "CardId": d.CardID, "Amount": d.Amount})
	if err != nil {
		return Payout{}, err
	}
	return got.payout(), nil
}

// Payment executes a prepared payout. The money cannot be called back. State
// SENT means ask GetState later; so does an error with kit.OutcomeUnknown.
func (p *Payouts) Payment(ctx context.Context, paymentID string) (Payout, error) {
	got, err := p.call(ctx, "Payment", kit.Moves, fields{"PaymentId": paymentID})
	if err != nil {
		return Payout{}, err
	}
	return got.payout(), nil
}

// GetState asks for the present status. It is the only truth about a payout.
func (p *Payouts) GetState(ctx context.Context, paymentID string) (Payout, error) {
	got, err := p.call(ctx, "GetState", kit.Reads, fields{"PaymentId": paymentID})
	if err != nil {
		return Payout{}, err
	}
	return got.payout(), nil
}

// ParseNotification verifies and reads what the vendor posted about this
// terminal.
func (p *Payouts) ParseNotification(body []byte) (Notification, error) {
	if p.config.Password == "" {
		return Notification{}, ErrBadToken // nothing can be verified without it
	}
	return parseNotification(body, p.config.TerminalKey, p.config.Password)
}

func (p *Payouts) call(ctx context.Context, method string, effect kit.Effect, root fields) (answer, error) {
	call, body, err := p.exchange(ctx, method, effect, root)
	if err != nil {
		return answer{}, err
	}
	got, err := read(p.client, call, body, effect == kit.Moves)
	if err != nil {
		return answer{}, err
	}
	if got.TerminalKey != p.config.TerminalKey {
		return answer{}, p.client.Garbled(call, errors.New("answer is about another terminal"))
	}
	return got, nil
}

func (p *Payouts) exchange(ctx context.Context, method string, effect kit.Effect, root fields) (kit.Call, []byte, error) {
	call := kit.Call{Operation: "e2c." + method, Path: "/e2c/v2/" + method, Effect: effect}
	root["TerminalKey"] = p.config.TerminalKey
	if err := sign(root, p.config.PrivateKey, p.config.SerialNumber, p.config.SignatureInput); err != nil {
		return call, nil, invalid(p.client, call.Operation, "request cannot be signed")
	}
	var err error
	if call.Body, err = json.Marshal(root); err != nil {
		return call, nil, invalid(p.client, call.Operation, "request cannot be encoded")
	}
	response, err := p.client.Do(ctx, call)
	if err != nil {
		return call, nil, err
	}
	return call, response.Body, nil
}

func (a answer) payout() Payout {
	return Payout{
		PaymentID: string(a.PaymentID), OrderID: a.OrderID, Status: a.Status,
		State: a.Status.Payout(), Amount: a.Amount,
	}
}
