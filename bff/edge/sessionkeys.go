package edge

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/sessionkey"
)

// maxTokenBytes bounds an access token; ours have 43.
const maxTokenBytes = 64

// errSessionEnded says that a request is signed by the key of a session, and that its access token opens none. What is to be done is a refresh
// and not another signature, so the caller is told.
var errSessionEnded = fmt.Errorf("edge: the access token of the session key is not valid: %w", signature.ErrUnknownKey)

// sessionKeys finds the keys of sessions. Nobody keeps them: a key follows from the access token that a request bears, when that opens a
// session. Keys live in this process as long as what it knows of the session does, so the end of a session or of its device ends them too.
type sessionKeys struct {
	maker    *sessionkey.Maker
	sessions *sessionCache
	finder   keyFinder
}

// newSessionKeys makes the store. Without a maker there are no session keys, and it is nil.
func newSessionKeys(maker *sessionkey.Maker, sessions *sessionCache, clk clock.Clock, lifetime time.Duration) *sessionKeys {
	if maker == nil {
		return nil
	}
	return &sessionKeys{maker: maker, sessions: sessions, finder: newKeyFinder(clk, lifetime)}
}

// find answers with the key of the session that a token opens, and with errSessionEnded when it opens none. It is asked before anything of a
// request is proved, so made-up tokens have the budget of made-up keys.
func (s *sessionKeys) find(ctx context.Context, token string) (signature.Key, error) {
	lender, sum := callOf(ctx).tenant.ID, sha256.Sum256([]byte(token))
	key, err := s.finder.find(ctx, lender, string(sum[:]), func(ctx context.Context) (signature.Key, error) {
		found, err := s.sessions.look(ctx, lender, token)
		if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED {
			return signature.Key{}, signature.ErrUnknownKey
		}
		if err != nil {
			return signature.Key{}, err
		}
		session := found.GetSession()
		secret, err := s.maker.Make(lender, session.GetId(), session.GetDeviceId(), token)
		return signature.Key{ID: session.GetId(), Owner: session.GetDeviceId(), Algorithm: signature.HMACSHA256, Secret: secret}, err
	})
	if err == signature.ErrUnknownKey { //nolint:errorlint // The finder's own word; what wraps it is another error.
		return key, errSessionEnded
	}
	return key, err
}

// takesSessionKeys tells whether a session's key may sign requests to an RPC. What moves money and what opens a session take the key that
// never leaves the device, so that whoever has read a phone's memory has neither, and no session begets another.
func takesSessionKeys(method inproc.Method) bool {
	return method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_DEVICE &&
		method.Permission != typev1.Permission_PERMISSION_OPEN && method.Permission != typev1.Permission_PERMISSION_STAFF_LOGIN
}

// phoneKeys are the keys that one request may be signed by: a device's, or that of the session whose access token it bears.
type phoneKeys struct {
	devices       signature.KeyStore
	sessions      *sessionKeys
	authorization string
}

// Key finds a key by its id. A session's is found by the token and must have the id that the signature names.
func (p phoneKeys) Key(ctx context.Context, keyID string) (signature.Key, error) {
	if !strings.HasPrefix(keyID, id.Session) {
		return p.devices.Key(ctx, keyID)
	}
	token, ok := strings.CutPrefix(p.authorization, "Bearer ")
	if !ok || len(token) > maxTokenBytes {
		return signature.Key{}, signature.ErrUnknownKey
	}
	key, err := p.sessions.find(ctx, token)
	if err == nil && key.ID != keyID {
		return signature.Key{}, signature.ErrUnknownKey
	}
	return key, err
}
