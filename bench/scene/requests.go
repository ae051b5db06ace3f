package scene

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
)

// HomePath is where a home screen is asked for, by a phone as by a peer's client.
const HomePath = mobilev1connect.HomeServiceGetHomeProcedure

// The headers of the naive scheme, and the secret of its tokens, which the peer of that name knows.
const (
	NaiveDevice    = "X-Device"
	NaiveTime      = "X-Timestamp"
	NaiveNonce     = "X-Nonce"
	NaiveSignature = "X-Signature"
	NaiveJWTSecret = "a demo secret of the naive peer, 32"
)

// Call is a request that a phone or a server makes again and again, each time signed anew.
type Call struct {
	// Host is the authority, host:port.
	Host string
	// Path is the RPC; Body its message in JSON.
	Path string
	Body func() []byte
	// Header is added to each request.
	Header http.Header
	// Series, when it is not 0, gives each request an app version of its own: "2.<series>.<n>".
	Series uint32
	// Get asks by GET, with the message in the query.
	Get bool
}

// Home asks for the home screen. unlike gives each request an app version of its own, so that no two are equal and none can be answered by
// what was made for another.
func Home(host string, unlike bool) Call {
	c := Call{Host: host, Path: HomePath, Body: func() []byte { return []byte("{}") }, Header: http.Header{"X-App-Platform": {"ios"}}}
	if unlike {
		c.Series = 1 + rand.Uint32N(1_000_000)
	} else {
		c.Header.Set("X-App-Version", "2.4.0")
	}
	return c
}

// PushToken tells a push token: the call of lowest priority that a phone makes.
func PushToken(host string) Call {
	return Call{Host: host, Path: mobilev1connect.ProfileServiceRegisterPushTokenProcedure, Body: func() []byte {
		return fmt.Appendf(nil, `{"requestId":%q,"token":"demo-token-of-a-phone"}`, uuid.NewString())
	}}
}

// Plain is the request without any signature, as the peers without checks get it.
func (c Call) Plain() ([]byte, error) {
	r, err := c.request(0)
	if err != nil {
		return nil, err
	}
	return wire(r)
}

// ByDevice makes n requests with the sessions of the people in turn, under profile lendgate-1, signed by the keys of their hardware.
func (c Call) ByDevice(people []Person, n int, now func() time.Time) ([][]byte, error) {
	return c.byPhone(people, n, now, func(p Person) signature.Key { return p.Key })
}

// BySession makes the same requests signed by the keys of the sessions, as phones sign what is neither money nor a login.
func (c Call) BySession(people []Person, n int, now func() time.Time) ([][]byte, error) {
	return c.byPhone(people, n, now, func(p Person) signature.Key { return p.SessionKey })
}

func (c Call) byPhone(people []Person, n int, now func() time.Time, key func(Person) signature.Key) ([][]byte, error) {
	return c.signed(n, func(i int, r *http.Request) error {
		p := people[i%len(people)]
		r.Header.Set("Authorization", "Bearer "+p.Token)
		return signature.Signer{Key: key(p), Policy: signature.ProfileLendgate1(), Now: now}.Sign(r)
	})
}

// ByServer makes n requests, signed by the servers of the shops in turn.
func (c Call) ByServer(n int, now func() time.Time) ([][]byte, error) {
	return c.signed(n, func(i int, r *http.Request) error {
		return signature.Signer{Key: shopKey(i % Shops), Policy: signature.ProfileLendgate1(), Now: now}.Sign(r)
	})
}

// Naively makes n requests for the naive peer: an HMAC over method, path, content, device, time and nonce, and a JSON Web Token.
func (c Call) Naively(people []Person, n int, now func() time.Time) ([][]byte, error) {
	return c.signed(n, func(i int, r *http.Request) error {
		p := people[i%len(people)]
		stamp, nonce := strconv.FormatInt(now().Unix(), 10), signature.NewNonce()
		r.Header.Set(NaiveDevice, p.DeviceID)
		r.Header.Set(NaiveTime, stamp)
		r.Header.Set(NaiveNonce, nonce)
		r.Header.Set(NaiveSignature, NaiveMAC(p.Secret, r.Method, r.URL.Path, c.Body(), p.DeviceID, stamp, nonce))
		token, err := naiveJWT(p, now())
		r.Header.Set("Authorization", "Bearer "+token)
		return err
	})
}

// NaiveMAC is the signature of the naive scheme.
func NaiveMAC(secret []byte, method, path string, body []byte, device, stamp, nonce string) string {
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s\n%s\n%x\n%s\n%s\n%s", method, path, digest, device, stamp, nonce)
	return hex.EncodeToString(mac.Sum(nil))
}

// naiveJWT is a token by HS256 (RFC 7519) that ends in an hour.
func naiveJWT(p Person, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"sub": p.ID, "device": p.DeviceID, "exp": now.Add(time.Hour).Unix()})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(NaiveJWTSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func (c Call) signed(n int, sign func(i int, r *http.Request) error) ([][]byte, error) {
	requests := make([][]byte, n)
	for i := range requests {
		r, err := c.request(i)
		if err != nil {
			return nil, err
		}
		if err := sign(i, r); err != nil {
			return nil, err
		}
		if requests[i], err = wire(r); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

func (c Call) request(i int) (*http.Request, error) {
	body := c.Body()
	r, err := http.NewRequest(http.MethodPost, "http://"+c.Host+c.Path, bytes.NewReader(body))
	if c.Get {
		query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {string(body)}}
		r, err = http.NewRequest(http.MethodGet, "http://"+c.Host+c.Path+"?"+query.Encode(), http.NoBody)
	}
	if err != nil {
		return nil, err
	}
	if c.Header != nil {
		r.Header = c.Header.Clone()
	}
	if !c.Get {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "bench")
	if c.Series > 0 {
		r.Header.Set("X-App-Version", fmt.Sprintf("2.%d.%d", c.Series, i))
	}
	// A mutation repeats its request_id in the header.
	var message struct {
		RequestID string `json:"requestId"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, fmt.Errorf("body of %s: %w", c.Path, err)
	}
	if message.RequestID != "" {
		r.Header.Set("Idempotency-Key", message.RequestID)
	}
	return r, nil
}

// wire is a request as it goes over a connection.
func wire(r *http.Request) ([]byte, error) {
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// ProductList asks for the products on offer, as the server of a shop does: an answer about as long as a home screen.
func ProductList(host string) Call {
	return Call{Host: host, Path: partnerv1connect.CatalogServiceListProductsProcedure, Body: func() []byte { return []byte("{}") }}
}
