package edge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/bff/signature"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

// partnerAlgorithms are what a server may sign by: Ed25519 is preferred; P-256 and a shared secret are for those who have no Ed25519.
func partnerAlgorithms() []string {
	return []string{signature.Ed25519, signature.ECDSAP256SHA256, signature.HMACSHA256}
}

// partnerKeys are the keys of all partners, by lender. They are configuration: finding one asks nobody, and a change is a restart. A device
// key is never among them, nor one of these among the devices', so that neither opens the other's RPCs.
type partnerKeys map[string]signature.KeyRing

// newPartnerKeys reads the keys of the directory. All faults are reported at once, before anything is served.
func newPartnerKeys(lenders *tenant.Directory) (partnerKeys, error) {
	keys := partnerKeys{}
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
		keys[lender.ID] = ring
	}
	return keys, errors.Join(faults...)
}

// Key finds a partner's key by its id in the lender of the call.
func (p partnerKeys) Key(ctx context.Context, keyID string) (signature.Key, error) {
	return p[callOf(ctx).tenant.ID].Key(ctx, keyID)
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
