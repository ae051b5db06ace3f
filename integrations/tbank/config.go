package tbank

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
)

// The vendor's addresses. The test one answers only to registered networks.
const (
	ProductionURL = "https://securepay.tinkoff.ru"
	TestURL       = "https://rest-api-test.tinkoff.ru"
)

// Link is how to reach the vendor; its zero value is production with defaults.
type Link struct {
	// BaseURL is scheme, host and prefix before /v2; empty means ProductionURL.
	BaseURL string
	// Timeout of one attempt; 0 means kit.DefaultTimeout.
	Timeout   time.Duration
	Transport http.RoundTripper
	Logger    *slog.Logger
	// Wait replaces the timer between attempts of reading calls, for tests.
	Wait func(ctx context.Context, pause time.Duration) error
}

func (l Link) client() (*kit.Client, error) {
	if l.BaseURL == "" {
		l.BaseURL = ProductionURL
	}
	return kit.NewClient(kit.Config{
		Vendor: "tbank", BaseURL: l.BaseURL, Timeout: l.Timeout,
		Transport: l.Transport, Logger: l.Logger, Wait: l.Wait,
	})
}

// Config of one acquiring terminal.
type Config struct {
	Link
	// TerminalKey names the terminal; the vendor gives it out.
	TerminalKey string
	// Password signs requests and notifications.
	Password kit.Secret
}

// LogValue prints what identifies the terminal and nothing secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("terminal", c.TerminalKey), slog.String("base_url", c.BaseURL))
}

func (c Config) validate() error {
	switch {
	case c.TerminalKey == "" || len(c.TerminalKey) > 20:
		return errors.New("tbank: TerminalKey must have 1 to 20 characters")
	case c.Password == "":
		return errors.New("tbank: Password is empty")
	case strings.HasSuffix(c.TerminalKey, payoutSuffix):
		return errors.New("tbank: this is a payout terminal; acquiring needs another one")
	}
	return nil
}
