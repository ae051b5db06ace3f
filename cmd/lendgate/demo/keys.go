package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

// sessionSigner signs with the key of a session, which goes with one access token. It lives in memory alone: a journey that is resumed signs
// by the device's key until the next login or refresh.
type sessionSigner struct {
	token  string
	signer signature.Signer
}

// keepSessionKey takes the key out of the answer that carried this access token.
func (p *phone) keepSessionKey(token string, key *identityv1.SessionKey) {
	p.session.Store(&sessionSigner{token: token, signer: signature.Signer{
		Key: signature.Key{ID: key.GetKeyId(), Algorithm: key.GetAlgorithm(), Secret: key.GetSecret()}, Policy: signature.ProfileLendgate1(), Now: time.Now,
	}})
}

// signerFor chooses the key for a request: that of the session for what its holder does every day, the device's own for money and for
// whatever needs no session.
func (p *phone) signerFor(method inproc.Method, token string) signature.Signer {
	session := p.session.Load()
	everyday := method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_DEVICE && method.Permission != typev1.Permission_PERMISSION_OPEN
	if session != nil && session.token == token && token != "" && everyday {
		return session.signer
	}
	return p.signer
}

// serverKeys are the keys by which the server signs answers, as it publishes them. They are asked for when an answer names one that is not
// known yet. What vouches for them is the connection: a real app comes with the keys of its lender.
type serverKeys struct {
	url  string
	link http.RoundTripper

	mu   sync.Mutex
	ring signature.KeyRing
}

// maxServerKeys bounds what is read of the published keys, in bytes.
const maxServerKeys = 64 << 10

// Key finds a key by its id.
func (k *serverKeys) Key(ctx context.Context, keyID string) (signature.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, err := k.ring.Key(ctx, keyID); err == nil {
		return key, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+signature.JWKSPath, nil)
	if err != nil {
		return signature.Key{}, err
	}
	res, err := k.link.RoundTrip(req)
	if err != nil {
		return signature.Key{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxServerKeys))
	if err != nil {
		return signature.Key{}, err
	}
	if res.StatusCode != http.StatusOK {
		return signature.Key{}, fmt.Errorf("the server's keys: %s", res.Status)
	}
	if k.ring, err = signature.ParseJWKSet(raw); err != nil {
		return signature.Key{}, err
	}
	return k.ring.Key(ctx, keyID)
}
