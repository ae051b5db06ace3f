package edge

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

// partnerAlgorithms are what a server may sign by: Ed25519 is preferred; P-256 and a shared secret are for those who have no Ed25519.
func partnerAlgorithms() []string {
	return []string{signature.Ed25519, signature.ECDSAP256SHA256, signature.HMACSHA256}
}

// partnerKeys finds the keys of partners: those of the configuration and those that staff issue, which identity
// keeps and which are asked for every few seconds. A device key is never among them, nor one of these among the devices', so that neither
// opens the other's RPCs.
type partnerKeys struct {
	issued identityv1connect.PartnerKeyServiceClient
	finder keyFinder
}

// newPartnerKeys makes a finder of keys. Without issued there are only those of the configuration.
func newPartnerKeys(issued identityv1connect.PartnerKeyServiceClient, clk clock.Clock, lifetime time.Duration) *partnerKeys {
	return &partnerKeys{issued: issued, finder: newKeyFinder(clk, lifetime)}
}

// readPartnerRings reads the keys of the directory, by lender. All faults are reported at once, before anything is served.
func readPartnerRings(lenders *tenant.Directory) (map[string]signature.KeyRing, error) {
	rings := map[string]signature.KeyRing{}
	var faults []error
	for _, lender := range lenders.All() {
		ring := signature.KeyRing{}
		for _, partner := range lender.Partners {
			for _, record := range partner.Keys {
				key, err := readPartnerKey(record)
				if err != nil {
					faults = append(faults, fmt.Errorf("tenant %q: partner %q: key %q: %w", lender.ID, partner.ID, record.ID, err))
				}
				key.Owner = partner.ID
				ring[record.ID] = key
			}
		}
		rings[lender.ID] = ring
	}
	return rings, errors.Join(faults...)
}

// Key finds a partner's key by its id in the lender of the call.
func (p *partnerKeys) Key(ctx context.Context, keyID string) (signature.Key, error) {
	c := callOf(ctx)
	lender := c.tenant.ID
	key, err := c.plan.ring(lender).Key(ctx, keyID)
	if !errors.Is(err, signature.ErrUnknownKey) || p.issued == nil {
		return key, err
	}
	if _, err := id.Parse(id.PartnerKey, keyID); err != nil {
		return signature.Key{}, signature.ErrUnknownKey
	}
	return p.finder.find(ctx, lender, keyID, func(ctx context.Context) (signature.Key, error) {
		return p.look(actor.AsService(ctx, lender, service), keyID)
	})
}

// look asks identity for a key that staff issued.
func (p *partnerKeys) look(ctx context.Context, keyID string) (signature.Key, error) {
	res, err := p.issued.GetPartnerKey(ctx, &identityv1.GetPartnerKeyRequest{PartnerKeyId: keyID})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN {
		return signature.Key{}, signature.ErrUnknownKey
	}
	if err != nil {
		return signature.Key{}, err
	}
	record := res.GetPartnerKey()
	var key signature.Key
	switch public := record.GetPublicKey(); record.GetAlgorithm() {
	case identityv1.PartnerKey_ALGORITHM_ED25519:
		key = signature.Key{Algorithm: signature.Ed25519, Public: ed25519.PublicKey(public)}
	case identityv1.PartnerKey_ALGORITHM_ECDSA_P256:
		encode := base64.RawURLEncoding.EncodeToString
		if key, err = publicKey(&identityv1.PublicKey{X: encode(public[:len(public)/2]), Y: encode(public[len(public)/2:])}); err != nil {
			return signature.Key{}, err
		}
	case identityv1.PartnerKey_ALGORITHM_HMAC_SHA256:
		key = signature.Key{Algorithm: signature.HMACSHA256, Secret: res.GetSecret()}
	default:
		return signature.Key{}, fmt.Errorf("edge: partner key %s signs by an algorithm that is not known here", keyID)
	}
	key.ID, key.Owner, key.NotBefore = keyID, record.GetPartnerId(), record.GetNotBefore().AsTime()
	if record.GetNotAfter() != nil {
		key.NotAfter = record.GetNotAfter().AsTime()
	}
	if record.GetRevokeTime() != nil {
		key.RevokedAt = record.GetRevokeTime().AsTime()
	}
	return key, nil
}

// readPartnerKey reads a key that verifies and does nothing else: a private key has no business here, and a secret stands in no
// configuration.
func readPartnerKey(record tenant.PartnerKey) (signature.Key, error) {
	var key signature.Key
	var err error
	if record.SecretFile != "" {
		key, err = readPartnerSecret(record.SecretFile)
	} else {
		key, err = signature.ParseJWK(record.JWK)
	}
	switch {
	case err != nil:
		return key, err
	case key.Private != nil:
		return key, errors.New("jwk: holds the private half, which is the partner's alone; have a new one made")
	case len(key.Secret) > 0 && record.SecretFile == "":
		return key, errors.New("jwk: holds a shared secret, which belongs in a secret_file")
	case !slices.Contains(partnerAlgorithms(), key.Algorithm):
		return key, fmt.Errorf("jwk: partners do not sign by %s", key.Algorithm)
	}
	key.ID, key.NotBefore, key.NotAfter = record.ID, record.NotBefore, record.NotAfter
	return key, nil
}

// minPartnerSecret is the least length of a shared secret in bytes: that of the hash (RFC 2104 section 3).
const minPartnerSecret = 32

func readPartnerSecret(path string) (signature.Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return signature.Key{}, err
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < minPartnerSecret {
		return signature.Key{}, fmt.Errorf("%s: at least %d bytes in base64 are needed", path, minPartnerSecret)
	}
	return signature.Key{Algorithm: signature.HMACSHA256, Secret: secret}, nil
}

// admitPartner makes the partner whose key has signed the caller, if it calls from where it said it would. No session is looked at: a
// partner acts in its own name.
func (e *Edge) admitPartner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		partner, ok := c.tenant.Partner(c.actor.PartnerID)
		if !ok || !partner.Allows(c.address) {
			e.deps.Log.WarnContext(r.Context(), "partner refused by its network", "request_id", c.requestID, "partner", c.actor.PartnerID,
				"address", c.address.String())
			e.refuse(w, r, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
				"the partner does not call from this network", rpcerr.Meta("address", c.address.String())))
			return
		}
		c.actor.Kind, c.actor.Permissions = actor.KindPartner, actor.PartnerPermissions()
		next.ServeHTTP(w, r)
	})
}
