package tenant

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Partner is a company whose server calls us in its own name, such as a shop that sells by instalments.
type Partner struct {
	// ID is the partner's code in logs and audit columns, such as "shop-demo".
	ID string `json:"id"`
	// Name is for people.
	Name string `json:"name"`
	// Keys are those that its requests are signed by. Two may be in force at once, so that a partner can change from one to the other. None
	// means that it cannot call.
	Keys []PartnerKey `json:"keys"`
	// AllowedNetworks are where it may call from, in CIDR notation. Empty means anywhere: the signature alone decides.
	AllowedNetworks []netip.Prefix `json:"allowed_networks"`
}

// PartnerKey is one key of a partner: the public half of its own, or a secret that it shares with us. Exactly one of JWK and SecretFile is
// set. What they hold is read by the edge, which is the only one to verify by them.
type PartnerKey struct {
	// ID is the keyid of signatures. It is unique in the installation: requests do not sign for their lender, so a key that two lenders knew by
	// one id would let a request to one be played again to the other.
	ID string `json:"id"`
	// JWK is a public Ed25519 or P-256 key (RFC 8037, RFC 7517).
	JWK json.RawMessage `json:"jwk"`
	// SecretFile holds a secret for HMAC-SHA256: 32 random bytes or more in base64. It is for partners that cannot sign by a key pair; with
	// it either side could have made a signature, and no third party can tell which.
	SecretFile string `json:"secret_file"`
	// NotBefore and NotAfter bound the time in which it is good. Zero means no bound.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Partner finds a partner of the lender.
func (t *Tenant) Partner(id string) (Partner, bool) {
	i := slices.IndexFunc(t.Partners, func(p Partner) bool { return p.ID == id })
	if i < 0 {
		return Partner{}, false
	}
	return t.Partners[i], true
}

// Allows tells whether the partner may call from an address. An address that is not known is none of its networks'.
func (p Partner) Allows(address netip.Addr) bool { return within(p.AllowedNetworks, address) }

// AllowsStaff tells whether the lender's staff may use the console from an address.
func (t *Tenant) AllowsStaff(address netip.Addr) bool { return within(t.StaffNetworks, address) }

// within tells whether an address is of one of the networks; of none at all it always is.
func within(networks []netip.Prefix, address netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// validNetwork tells whether a network can let somebody in. Callers' IPv4 addresses are never written as IPv6.
func validNetwork(network netip.Prefix) bool { return network.IsValid() && !network.Addr().Is4In6() }

// keyIDPattern keeps key ids printable in a header and in a log line.
var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// preparePartners checks the partners. Keys are looked at by their place only; their content is the edge's matter.
func (t *Tenant) preparePartners() error {
	var faults []error
	names := map[string]bool{}
	for _, p := range t.Partners {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("partner %q: %w", p.ID, fmt.Errorf(format, args...)))
		}
		if !idPattern.MatchString(p.ID) {
			fault("id: two to 32 of a-z, 0-9 and -, beginning with a letter")
		}
		if names[p.ID] {
			fault("stands twice")
		}
		names[p.ID] = true
		for _, key := range p.Keys {
			if err := key.check(); err != nil {
				fault("key %q: %w", key.ID, err)
			}
		}
		for _, network := range p.AllowedNetworks {
			if !validNetwork(network) {
				fault("allowed_networks: %q is no network in CIDR notation", network)
			}
		}
	}
	return errors.Join(faults...)
}

// checkKeyIDs refuses an id that two keys of the installation have.
func checkKeyIDs(tenants []*Tenant) error {
	var faults []error
	owners := map[string]string{}
	for _, t := range tenants {
		for _, p := range t.Partners {
			for _, key := range p.Keys {
				owner := t.ID + "/" + p.ID
				if other, taken := owners[key.ID]; taken {
					faults = append(faults, fmt.Errorf("partner key %q: both %s and %s have one of this id", key.ID, other, owner))
				}
				owners[key.ID] = owner
			}
		}
	}
	return errors.Join(faults...)
}

func (k PartnerKey) check() error {
	switch {
	case !keyIDPattern.MatchString(k.ID):
		return errors.New("id: one to 64 of letters, digits, '.', '_', ':' and '-'")
	case (len(k.JWK) == 0) == (k.SecretFile == ""):
		return errors.New("jwk or secret_file: one of them")
	case !k.NotBefore.IsZero() && !k.NotAfter.IsZero() && !k.NotBefore.Before(k.NotAfter):
		return errors.New("not_after: ends before it begins")
	default:
		return nil
	}
}
