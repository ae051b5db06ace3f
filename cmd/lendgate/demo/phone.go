package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// phone is an app's client side: a device key, a session and the generated clients over a transport that signs every request. What it sends
// is what the SDKs send: nothing of it goes past the edge.
type phone struct {
	url    string
	link   http.RoundTripper
	tenant string
	key    *ecdsa.PrivateKey
	signer signature.Signer
	locale string
	// bearer is the access token of the session; empty before login.
	bearer func() string
	// session signs what does not move money after a login; nil before.
	session atomic.Pointer[sessionSigner]
	methods *inproc.Methods
	// money sends what moves money: signed by the device's key, and believed only when the server signed the answer.
	money signature.Transport

	app     mobilev1connect.AppServiceClient
	auth    mobilev1connect.AuthServiceClient
	home    mobilev1connect.HomeServiceClient
	profile mobilev1connect.ProfileServiceClient
	apply   mobilev1connect.ApplyServiceClient
	loan    mobilev1connect.LoanServiceClient
	pay     mobilev1connect.PayServiceClient
}

// callTimeout bounds one request.
const callTimeout = 20 * time.Second

// newDeviceKey makes the P-256 key that a real phone would make in its hardware, in PKCS #8.
func newDeviceKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// newPhone makes a phone from its key. link carries its requests to the edge.
func newPhone(url string, link http.RoundTripper, tenant, locale string, pkcs8 []byte, bearer func() string) (*phone, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("device key is a %T, not P-256", parsed)
	}
	key, err := signature.NewKey("", private)
	if err != nil {
		return nil, err
	}
	// The edge knows a device by the thumbprint of its key (RFC 7638), so key and id cannot be at odds.
	if key.ID, err = key.Thumbprint(); err != nil {
		return nil, err
	}
	methods, err := inproc.LoadMethods()
	if err != nil {
		return nil, err
	}
	p := &phone{url: url, link: link, tenant: tenant, key: private, locale: locale, bearer: bearer, methods: methods}
	p.signer = signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: time.Now}
	p.money = signature.Transport{
		Next: link, Signer: p.signer, ResponsePolicy: signature.ProfileLendgate1Response(),
		Verifier: &signature.Verifier{Keys: &serverKeys{url: url, link: link}, Now: time.Now},
	}
	client := &http.Client{Timeout: callTimeout, Transport: roundTripper(p.roundTrip)}
	// Reads go by GET, which caches and signatures treat as HTTP means it; the retry lies above the transport, so each try is signed anew
	// with a nonce of its own.
	options := connect.WithClientOptions(connect.WithProtoJSON(), connect.WithHTTPGet(), connect.WithInterceptors(retry()))
	p.app = mobilev1connect.NewAppServiceClient(client, url, options)
	p.auth = mobilev1connect.NewAuthServiceClient(client, url, options)
	p.home = mobilev1connect.NewHomeServiceClient(client, url, options)
	p.profile = mobilev1connect.NewProfileServiceClient(client, url, options)
	p.apply = mobilev1connect.NewApplyServiceClient(client, url, options)
	p.loan = mobilev1connect.NewLoanServiceClient(client, url, options)
	p.pay = mobilev1connect.NewPayServiceClient(client, url, options)
	return p, nil
}

// publicKey is the public half as the contract wants it.
func (p *phone) publicKey() (*identityv1.PublicKey, error) {
	jwk, err := p.signer.Key.JWK()
	if err != nil {
		return nil, err
	}
	return &identityv1.PublicKey{X: jwk.X, Y: jwk.Y}, nil
}

// roundTripper makes a function an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// requestIDKey is the key of the request_id in a context.
type requestIDKey struct{}

// withRequestID gives a mutation its Idempotency-Key: the request_id in its message.
func withRequestID(ctx context.Context, requestID string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, requestID)
}

// roundTrip adds what an app adds to every request, and signs it last. The signature covers headers, so whatever is set after it would not
// be trusted or would break it.
func (p *phone) roundTrip(original *http.Request) (*http.Response, error) {
	r := original.Clone(original.Context())
	r.Header.Set(edge.TenantHeader, p.tenant)
	r.Header.Set(edge.AppVersionHeader, "1.0.0")
	r.Header.Set(edge.AppPlatformHeader, "web")
	r.Header.Set("Accept-Language", p.locale)
	if key, ok := r.Context().Value(requestIDKey{}).(string); ok {
		r.Header.Set(edge.IdempotencyKeyHeader, key)
	}
	token := p.bearer()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	} else {
		public, err := p.publicKey()
		if err != nil {
			return nil, err
		}
		// Before there is a session the edge has no key of this device on file, so the request brings it along.
		header, err := edge.PresentKey(public)
		if err != nil {
			return nil, err
		}
		r.Header.Set(edge.DeviceKeyHeader, header)
	}
	method, _ := p.methods.Get(r.URL.Path)
	if method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY {
		return p.money.RoundTrip(r)
	}
	if err := p.signerFor(method, token).Sign(r); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return p.link.RoundTrip(r)
}

const (
	// maxTries is how often a call is sent that the server asks to be sent again.
	maxTries = 8
	// firstPause is the wait before the second try when the server names none; it doubles.
	firstPause = 200 * time.Millisecond
)

// retry sends a call again, with its own request_id and a new signature, when the server says that a repeat may help. A server that does not
// answer at all is not asked again: the next --resume will. IN_PROGRESS is waited out as long as the step may take: when the edge was killed
// with the request in hand, its mark outlives it by up to 40 s.
func retry() connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			pause := firstPause
			for try := 1; ; try++ {
				res, err := next(ctx, req)
				if err == nil || !connect.IsWireError(err) || !transient(connect.CodeOf(err)) {
					return res, err
				}
				if rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_IN_PROGRESS {
					try, pause = 1, firstPause // Asked again after what the server hints at, until ctx ends.
				} else if try == maxTries {
					return res, err
				}
				timer := time.NewTimer(max(pause, rpcerr.RetryAfterOf(err)))
				select {
				case <-timer.C:
				case <-ctx.Done():
					timer.Stop()
					return nil, err
				}
				pause *= 2
			}
		}
	}
}

// transient tells whether a repeat of the same request may succeed.
func transient(code connect.Code) bool {
	return code == connect.CodeUnavailable || code == connect.CodeAborted || code == connect.CodeDeadlineExceeded
}

// encodeKey and decodeKey move the key to and from the journey's file.
func encodeKey(pkcs8 []byte) string { return base64.StdEncoding.EncodeToString(pkcs8) }

func decodeKey(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }
