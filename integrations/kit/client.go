package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

// Defaults of Config. A provider that needs more than 20 s for one answer is
// down for our purposes, and no documented answer is near 1 MiB.
const (
	DefaultTimeout     = 20 * time.Second
	DefaultMaxResponse = 1 << 20
	DefaultAttempts    = 3
)

// Effect says what a call does at the provider, and with that what a lost
// answer means and whether this package may repeat the call.
type Effect int

const (
	// Moves is a call that moves money or sends a message. It is tried once; a
	// lost answer is OutcomeUnknown. It is the zero value: forgetting to choose
	// is safe.
	Moves Effect = iota
	// Reads is a call that changes nothing. It is repeated up to
	// Config.Attempts; a lost answer is OutcomeRetryable.
	Reads
)

// Config of a Client. Only Vendor and BaseURL are required.
type Config struct {
	// Vendor is the name in logs and errors, e.g. "tbank".
	Vendor string
	// BaseURL is scheme, host and optional prefix, without a trailing slash.
	BaseURL string
	// Timeout bounds one attempt, from dialling to the last byte of the answer.
	Timeout time.Duration
	// MaxResponse is the largest answer in bytes that is read.
	MaxResponse int64
	// Attempts bounds the tries of a Reads call, the first one included.
	Attempts int
	// Transport replaces the default one, which records OpenTelemetry spans.
	Transport http.RoundTripper
	// Logger receives one line per attempt; nil means slog.Default().
	Logger *slog.Logger
	// Wait sleeps between attempts; nil means a real timer. Tests inject it.
	Wait func(ctx context.Context, pause time.Duration) error
}

// Client talks HTTP to one vendor. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
}

// NewClient checks the configuration and fills in the defaults.
func NewClient(config Config) (*Client, error) {
	if config.Vendor == "" {
		return nil, errors.New("kit: Config.Vendor is empty")
	}
	base, err := url.Parse(strings.TrimSuffix(config.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fmt.Errorf("kit: %s: base URL must be http(s)://host[/prefix]", config.Vendor)
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.MaxResponse <= 0 {
		config.MaxResponse = DefaultMaxResponse
	}
	if config.Attempts <= 0 {
		config.Attempts = DefaultAttempts
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Wait == nil {
		config.Wait = wait
	}
	if config.Transport == nil {
		config.Transport = otelhttp.NewTransport(http.DefaultTransport)
	}
	return &Client{config: config, base: base, http: &http.Client{
		Transport: config.Transport,
		// A redirect would replay a signed request, with its secrets, to a host
		// that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Call is one request to the vendor.
type Call struct {
	// Operation is the vendor's name for the call, for logs and errors.
	Operation string
	// Path is appended to the base URL; it carries no secret.
	Path   string
	Effect Effect
	Header http.Header
	// Body is sent as it is, by POST with the content type application/json.
	Body []byte
}

// Response is an answer with a 2xx status. What it means is the adapter's
// business: many vendors say no with 200.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the call. The error, if any, is an *Error; on a Moves call it says
// OutcomeRetryable only when nothing can have reached the vendor's logic.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) {
	for attempt := 1; ; attempt++ {
		response, failure := c.attempt(ctx, call)
		c.log(ctx, call, attempt, response, failure)
		if failure == nil {
			return response, nil
		}
		last := attempt >= c.config.Attempts
		if call.Effect != Reads || failure.Outcome != OutcomeRetryable || last || ctx.Err() != nil {
			return nil, failure
		}
		pause := backoff(attempt, failure.RetryAfter)
		if pause > maxPause {
			return nil, failure // The caller's queue waits better than a goroutine does.
		}
		if err := c.config.Wait(ctx, pause); err != nil {
			return nil, failure
		}
	}
}

// Fail builds the *Error of an answer that the adapter has understood.
func (c *Client) Fail(call Call, outcome Outcome, code, message string) *Error {
	return &Error{
		Vendor: c.config.Vendor, Operation: call.Operation, Outcome: outcome, Code: code, Message: message,
	}
}

// Garbled builds the *Error of a 2xx answer that cannot be understood. The
// vendor did something, we do not know what.
func (c *Client) Garbled(call Call, err error) *Error {
	return &Error{Vendor: c.config.Vendor, Operation: call.Operation, Outcome: lost(call.Effect), Err: err}
}

func (c *Client) attempt(ctx context.Context, call Call) (*Response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()

	// connected is the point of no return: before it nothing was sent and the
	// vendor cannot know of the call; after it we cannot tell how far it came.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	failed := func(outcome Outcome, status int, err error) *Error {
		return &Error{
			Vendor: c.config.Vendor, Operation: call.Operation,
			Outcome: outcome, HTTPStatus: status, Err: err,
		}
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.base.JoinPath(call.Path).String(), bytes.NewReader(call.Body))
	if err != nil {
		return nil, failed(OutcomeRefused, 0, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	for name, values := range call.Header {
		request.Header[name] = values
	}

	response, err := c.http.Do(request)
	if err != nil {
		outcome := OutcomeRetryable
		if connected.Load() {
			outcome = lost(call.Effect)
		}
		return nil, failed(outcome, 0, err)
	}
	defer func() { _ = response.Body.Close() }()

	body, err := io.ReadAll(io.LimitReader(response.Body, c.config.MaxResponse+1))
	if err == nil && int64(len(body)) > c.config.MaxResponse {
		err = fmt.Errorf("answer is longer than %d bytes", c.config.MaxResponse)
	}
	if err != nil {
		return nil, failed(lost(call.Effect), response.StatusCode, err)
	}
	if outcome := outcomeOfStatus(response.StatusCode, call.Effect); outcome != OutcomeDone {
		failure := failed(outcome, response.StatusCode, nil)
		failure.RetryAfter = retryAfter(response.Header)
		return nil, failure
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// outcomeOfStatus reads an HTTP status for vendors that answer 2xx whenever
// their own logic ran. 429 is refused before that logic. A 5xx may come from a
// gateway in front of a vendor that did the work, so it proves nothing.
func outcomeOfStatus(status int, effect Effect) Outcome {
	switch {
	case status >= 200 && status < 300:
		return OutcomeDone
	case status == http.StatusTooManyRequests:
		return OutcomeRetryable
	case status >= 500, status == http.StatusRequestTimeout:
		return lost(effect)
	case status >= 400:
		return OutcomeRefused
	default: // 1xx and 3xx: not an answer of the API.
		if effect == Moves {
			return OutcomeUnknown
		}
		return OutcomeRefused
	}
}

// lost is the outcome of a call whose answer did not arrive.
func lost(effect Effect) Outcome {
	if effect == Reads {
		return OutcomeRetryable
	}
	return OutcomeUnknown
}

// log writes one line per attempt, without bodies, headers or the cause's text:
// any of them can hold personal data or a signature.
func (c *Client) log(ctx context.Context, call Call, attempt int, response *Response, failure *Error) {
	attrs := []slog.Attr{
		slog.String("vendor", c.config.Vendor),
		slog.String("operation", call.Operation),
		slog.Int("attempt", attempt),
	}
	if failure != nil {
		attrs = append(attrs, slog.String("outcome", failure.Outcome.String()),
			slog.Int("http_status", failure.HTTPStatus))
		c.config.Logger.LogAttrs(ctx, slog.LevelWarn, "third party did not answer as hoped", attrs...)
		return
	}
	attrs = append(attrs, slog.Int("http_status", response.Status), slog.Int("bytes", len(response.Body)))
	c.config.Logger.LogAttrs(ctx, slog.LevelDebug, "third party answered", attrs...)
}
