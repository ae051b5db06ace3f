package turbosms

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
)

// ProductionURL is the vendor's address.
const ProductionURL = "https://api.turbosms.ua"

// Config of one account. Token and Sender are required.
type Config struct {
	// BaseURL before /message; empty means ProductionURL.
	BaseURL string
	// Token authenticates requests.
	Token kit.Secret
	// Sender is the registered alphanumeric name that phones show.
	Sender string
	// WebhookSecret verifies delivery reports; empty refuses all of them.
	WebhookSecret kit.Secret
	// Timeout of one attempt; 0 means kit.DefaultTimeout.
	Timeout   time.Duration
	Transport http.RoundTripper
	Logger    *slog.Logger
	// Wait replaces the timer between attempts of reading calls, for tests.
	Wait func(ctx context.Context, pause time.Duration) error
}

// LogValue prints what identifies the account and nothing secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("sender", c.Sender), slog.String("base_url", c.BaseURL))
}

// Client sends by one account. It is safe for concurrent use.
type Client struct {
	config Config
	client *kit.Client
}

// New checks the configuration; it does not call the vendor.
func New(config Config) (*Client, error) {
	if config.BaseURL == "" {
		config.BaseURL = ProductionURL
	}
	if config.Token == "" || config.Sender == "" {
		return nil, errors.New("turbosms: Token and Sender are required")
	}
	client, err := kit.NewClient(kit.Config{
		Vendor: "turbosms", BaseURL: config.BaseURL, Timeout: config.Timeout,
		Transport: config.Transport, Logger: config.Logger, Wait: config.Wait,
	})
	if err != nil {
		return nil, err
	}
	return &Client{config: config, client: client}, nil
}

// Message is one SMS to one phone.
type Message struct {
	// Phone in E.164, with or without the plus.
	Phone string
	Text  string
}

// envelope is every answer; Result is an array, an object or null.
type envelope struct {
	Code   *int            `json:"response_code"`
	Status string          `json:"response_status"`
	Result json.RawMessage `json:"response_result"`
}

// sent is what became of one recipient.
type sent struct {
	MessageID string `json:"message_id"`
	Code      int    `json:"response_code"`
	Status    string `json:"response_status"`
}

// Send hands one message over and returns the vendor's id of it. An error with
// kit.OutcomeUnknown means that the phone may receive it all the same.
func (c *Client) Send(ctx context.Context, m Message) (messageID string, err error) {
	call := kit.Call{Operation: "message/send", Path: "/message/send.json", Effect: kit.Moves}
	phone := strings.TrimPrefix(m.Phone, "+")
	if !digits(phone) || m.Text == "" {
		return "", c.client.Fail(call, kit.OutcomeRefused, "", "phone must be E.164 and text must not be empty")
	}
	got, err := c.exchange(ctx, call, map[string]any{
		"recipients": []string{phone},
		"sms":        map[string]string{"sender": c.config.Sender, "text": m.Text},
	})
	if err != nil {
		return "", err
	}
	if !accepted(*got.Code) && *got.Code != codeDuplicate {
		return "", c.fail(call, *got.Code, got.Status)
	}
	var result []sent
	if err := json.Unmarshal(got.Result, &result); err != nil || len(result) != 1 {
		return "", c.client.Garbled(call, errors.New("answer is not about one recipient"))
	}
	first := result[0]
	if first.MessageID == "" {
		return "", c.fail(call, first.Code, first.Status)
	}
	return first.MessageID, nil
}

// Status asks what became of messages, at most 100 at a time. Messages that the
// vendor does not know come back with kit.ReceiptUnknown.
func (c *Client) Status(ctx context.Context, messageIDs ...string) ([]Receipt, error) {
	call := kit.Call{Operation: "message/status", Path: "/message/status.json", Effect: kit.Reads}
	got, err := c.exchange(ctx, call, map[string]any{"messages": messageIDs})
	if err != nil {
		return nil, err
	}
	if !accepted(*got.Code) {
		return nil, c.fail(call, *got.Code, got.Status)
	}
	var result []struct {
		MessageID string `json:"message_id"`
		Code      int    `json:"response_code"`
		Status    string `json:"status"`
	}
	if err := json.Unmarshal(got.Result, &result); err != nil {
		return nil, c.client.Garbled(call, err)
	}
	receipts := make([]Receipt, 0, len(result))
	for _, r := range result {
		receipts = append(receipts, Receipt{MessageID: r.MessageID, Status: r.Status, State: stateOf(r.Status)})
	}
	return receipts, nil
}

func (c *Client) exchange(ctx context.Context, call kit.Call, body any) (envelope, error) {
	var err error
	if call.Body, err = json.Marshal(body); err != nil {
		return envelope{}, c.client.Fail(call, kit.OutcomeRefused, "", "request cannot be encoded")
	}
	call.Header = http.Header{"Authorization": {"Bearer " + c.config.Token.Reveal()}}
	response, err := c.client.Do(ctx, call)
	if err != nil {
		return envelope{}, err
	}
	var got envelope
	if err := json.Unmarshal(response.Body, &got); err != nil {
		return envelope{}, c.client.Garbled(call, err)
	}
	if got.Code == nil {
		return envelope{}, c.client.Garbled(call, errors.New("answer has no response_code"))
	}
	return got, nil
}

func (c *Client) fail(call kit.Call, code int, status string) error {
	return c.client.Fail(call, outcomeOfCode(code, call.Effect), strconv.Itoa(code), status)
}

// digits reports an E.164 number without its plus: 7 to 15 digits.
func digits(phone string) bool {
	if len(phone) < 7 || len(phone) > 15 {
		return false
	}
	for _, r := range phone {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
