package fcm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/lendgate/lendgate/integrations/kit"
)

// scope is all that sending needs.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// defaultTimeout of one Send, the OAuth token included.
const defaultTimeout = 10 * time.Second

// ErrTokenDead: the app was removed from the phone, or the token was replaced.
// Forget the token.
var ErrTokenDead = errors.New("fcm: the registration token is dead")

// Config of one Firebase project.
type Config struct {
	// ProjectID as in the Firebase console.
	ProjectID string
	// Credentials is the service account's JSON file; its token_uri is where
	// OAuth tokens come from.
	Credentials kit.Secret
	// BaseURL before /v1; empty means Google's.
	BaseURL string
	// Timeout of one Send; 0 means 10 seconds.
	Timeout time.Duration
	// Transport replaces the default one, which records OpenTelemetry spans.
	Transport http.RoundTripper
	// Logger receives one line per Send; nil means slog.Default().
	Logger *slog.Logger
}

// LogValue prints what identifies the project and nothing secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("project", c.ProjectID), slog.String("base_url", c.BaseURL))
}

// Client sends for one project. It is safe for concurrent use.
type Client struct {
	config    Config
	messaging *messaging.Client
}

// New reads the credentials; it does not call Google.
func New(ctx context.Context, config Config) (*Client, error) {
	if config.ProjectID == "" || config.Credentials == "" {
		return nil, errors.New("fcm: ProjectID and Credentials are required")
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Transport == nil {
		config.Transport = otelhttp.NewTransport(http.DefaultTransport)
	}
	authorised, err := htransport.NewTransport(ctx, below{config.Transport},
		option.WithAuthCredentialsJSON(option.ServiceAccount, []byte(config.Credentials.Reveal())),
		option.WithScopes(scope))
	if err != nil {
		return nil, fmt.Errorf("fcm: credentials: %w", err)
	}
	options := []option.ClientOption{option.WithHTTPClient(&http.Client{
		Transport: single{authorised},
		// The bearer token must not follow a redirect to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})}
	if config.BaseURL != "" {
		options = append(options, option.WithEndpoint(strings.TrimSuffix(config.BaseURL, "/")+"/v1"))
	}
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: config.ProjectID}, options...)
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	client, err := app.Messaging(ctx)
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	return &Client{config: config, messaging: client}, nil
}

// Message is one push to one phone. Everything together must stay under 4096
// bytes.
type Message struct {
	// Token is the phone's registration token. It is never logged.
	Token string
	// Title and Body are shown by the phone; both empty makes a silent message.
	Title string
	Body  string
	// Data is handed to the app. Keys must not begin with "google." or "gcm.".
	Data map[string]string
	// CollapseKey: a later message with the same key replaces an earlier one. At
	// most 64 bytes.
	CollapseKey string
	// TTL is how long Android messages wait for a phone that is off; 0 means
	// Google's four weeks.
	TTL time.Duration
	// Urgent wakes a sleeping phone; use it for codes and money only.
	Urgent bool
}

// Send hands one message over and returns Google's name of it. The error, if
// any, is a *kit.Error; it wraps ErrTokenDead when the token must be forgotten.
func (c *Client) Send(ctx context.Context, m Message) (providerID string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	made := &attempt{}
	providerID, err = c.messaging.Send(withAttempt(ctx, made), wire(m))
	if err == nil {
		c.config.Logger.DebugContext(ctx, "push handed over", "vendor", "fcm")
		return providerID, nil
	}
	failure := classify(made, err)
	c.config.Logger.WarnContext(ctx, "push not handed over", "failure", failure)
	return "", failure
}

// wire is the message in the SDK's form, with what makes Android and iOS behave
// alike.
func wire(m Message) *messaging.Message {
	priority := map[bool]string{true: "high", false: "normal"}[m.Urgent]
	apns := map[string]string{"apns-priority": map[bool]string{true: "10", false: "5"}[m.Urgent]}
	android := &messaging.AndroidConfig{CollapseKey: m.CollapseKey, Priority: priority}
	if m.TTL > 0 {
		android.TTL = &m.TTL
	}
	if m.CollapseKey != "" {
		apns["apns-collapse-id"] = m.CollapseKey
	}
	out := &messaging.Message{
		Token: m.Token, Data: m.Data, Android: android, APNS: &messaging.APNSConfig{Headers: apns},
	}
	if m.Title != "" || m.Body != "" {
		out.Notification = &messaging.Notification{Title: m.Title, Body: m.Body}
	}
	return out
}
