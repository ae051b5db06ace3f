package scene

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/sessionkey"
)

// Tenant is the lender of every scene.
const Tenant = "demo"

// Person is a borrower with one device and one session.
type Person struct {
	ID, DeviceID, SessionID string
	// Token is the access token of the session.
	Token string
	// Key signs; its id is its thumbprint, as for any device.
	Key signature.Key
	// Public is what identity knows of the key.
	Public *identityv1.PublicKey
	// SessionKey is what the person's login was answered with: it signs everyday requests.
	SessionKey signature.Key
	// Secret is a shared secret of 32 bytes, for contestants that sign by HMAC.
	Secret []byte
}

// Cast makes n people. The same name gives the same people in every process.
func Cast(name string, n int) ([]Person, error) {
	people := make([]Person, n)
	for i := range people {
		seed := func(what string) [32]byte {
			return sha256.Sum256(fmt.Appendf(nil, "bench|%s|%d|%s", name, i, what))
		}
		p, err := newPerson(seed)
		if err != nil {
			return nil, fmt.Errorf("person %d: %w", i, err)
		}
		people[i] = p
	}
	return people, nil
}

func newPerson(seed func(what string) [32]byte) (Person, error) {
	scalar := seed("key")
	scalar[0] &= 0x7f // Below the order of the curve, and hardly zero.
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		return Person{}, err
	}
	key, err := signature.NewKey("", private)
	if err != nil {
		return Person{}, err
	}
	if key.ID, err = key.Thumbprint(); err != nil {
		return Person{}, err
	}
	jwk, err := key.JWK()
	if err != nil {
		return Person{}, err
	}
	name := func(prefix, what string) string {
		sum := seed(what)
		return id.Format(prefix, uuid.UUID(sum[:16]))
	}
	token, secret := seed("token"), seed("secret")
	p := Person{
		ID: name(id.Person, "person"), DeviceID: name(id.Device, "device"), SessionID: name(id.Session, "session"),
		Token: base64.RawURLEncoding.EncodeToString(token[:]), Key: key,
		Public: &identityv1.PublicKey{X: jwk.X, Y: jwk.Y}, Secret: secret[:],
	}
	return p, p.logIn()
}

// logIn gives the person the key of their session, as an answered login does.
func (p *Person) logIn() error {
	maker, err := SessionKeys()
	if err != nil {
		return err
	}
	derived, err := maker.Make(Tenant, p.SessionID, p.DeviceID, p.Token)
	p.SessionKey = signature.Key{ID: p.SessionID, Algorithm: sessionkey.Algorithm, Secret: derived}
	return err
}

// SessionKeys derives the keys of sessions. Both sides know what from.
func SessionKeys() (*sessionkey.Maker, error) {
	sum := sha256.Sum256([]byte("bench|session keys"))
	return sessionkey.NewMaker(sum[:])
}
