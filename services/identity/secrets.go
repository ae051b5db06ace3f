package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/gen/db/identitydb"
)

// secretSize is the size of keys and tokens in bytes: 256 bits.
const secretSize = 32

// The two tokens of a pair.
const (
	accessToken  = "access"
	refreshToken = "refresh"
)

// secrets derives what opens something. Nothing of it is ever stored: a code that was committed but not sent when the process died, and
// tokens whose answer was lost, are simply derived again. Who reads the database learns nothing; who changes the key ends all codes and
// tokens in hand.
type secrets struct {
	codeKey, tokenKey, staffKey, auditKey []byte
}

// newSecrets derives one key for each purpose from the master key (HKDF, RFC 5869).
func newSecrets(master []byte) (secrets, error) {
	if len(master) < secretSize {
		return secrets{}, fmt.Errorf("identity: the secret key has %d bytes, %d are needed", len(master), secretSize)
	}
	var out secrets
	for purpose, key := range map[string]*[]byte{
		"one-time codes": &out.codeKey, "session tokens": &out.tokenKey, "staff credentials": &out.staffKey, "audit chain": &out.auditKey,
	} {
		derived, err := hkdf.Key(sha256.New, master, nil, "lendgate identity "+purpose, secretSize)
		if err != nil {
			return secrets{}, err
		}
		*key = derived
	}
	return out, nil
}

// code is the one-time code of a challenge: an HMAC over the challenge and all that it is bound to (lender, purpose, phone, person, device,
// digest), cut to decimal digits as in RFC 4226 section 5.3. A challenge is sent once and never again with another code, so its id takes
// the place of the counter.
func (s secrets) code(c identitydb.Challenge) string {
	sum := mac(s.codeKey, []byte(c.TenantID), c.ID[:], []byte(c.Purpose), c.PhoneIndex, optional(c.PersonID), optional(c.DeviceID), c.BoundDigest)
	offset := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	modulus := uint32(1)
	for range c.Digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", int(c.Digits), number%modulus)
}

// token is the access or refresh token of one generation of a session: 256 bits, base64url.
func (s secrets) token(tenantID string, session uuid.UUID, generation int64, kind string) string {
	number := binary.BigEndian.AppendUint64(nil, uint64(generation))
	return base64.RawURLEncoding.EncodeToString(mac(s.tokenKey, []byte(tenantID), session[:], number, []byte(kind)))
}

// hashToken is the form in which a token is stored. A token is random to everybody else, so a plain hash is enough.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// mac is HMAC-SHA256 over parts, each with its length before it, so that no two lists of parts look alike.
func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

func optional(u *uuid.UUID) []byte {
	if u == nil {
		return nil
	}
	return u[:]
}

// ofStaff is a secret of an account of staff: of a kind, and of the version that the account had when the secret was made.
func (s secrets) ofStaff(tenantID string, staff uuid.UUID, version int64, kind string) []byte {
	return mac(s.staffKey, []byte(tenantID), staff[:], binary.BigEndian.AppendUint64(nil, uint64(version)), []byte(kind))
}
