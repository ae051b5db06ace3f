// Package seal encrypts what must not lie in a database in clear.
//
// Every person has a data key of their own (AES-256), wrapped by the installation's master key and kept in the subject_keys table of the
// service's schema. What is sealed for a person is bound to the place that it lies in (tenant, table, column, row), so a value moved to
// another row does not open. Deleting the key's row erases everything sealed with it. Values that must be found again have a keyed hash
// beside them (Index), which cannot be tried out without the master key.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
)

// ErrErased is returned when a person's key is gone: what was sealed for them cannot be read any more, by anybody.
var ErrErased = errors.New("seal: the subject's key has been erased")

// errSealed is returned when bytes do not open: they were changed, or moved from another place.
var errSealed = errors.New("seal: the value does not open here")

// keySize is the size of all keys, in bytes: AES-256.
const keySize = 32

// Sealer wraps and unwraps the data keys of one installation.
type Sealer struct {
	keyID    string
	wrap     cipher.AEAD
	indexKey []byte
	clock    clock.Clock
}

// New makes a sealer from the installation's master key of at least 32 bytes.
func New(masterKey []byte, clk clock.Clock) (*Sealer, error) {
	if len(masterKey) < keySize {
		return nil, fmt.Errorf("seal: the master key has %d bytes, %d are needed", len(masterKey), keySize)
	}
	wrapKey, err := hkdf.Key(sha256.New, masterKey, nil, "lendgate subject keys", keySize)
	if err != nil {
		return nil, err
	}
	indexKey, err := hkdf.Key(sha256.New, masterKey, nil, "lendgate blind index", keySize)
	if err != nil {
		return nil, err
	}
	wrap, err := newAEAD(wrapKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(wrapKey)
	return &Sealer{keyID: hex.EncodeToString(sum[:4]), wrap: wrap, indexKey: indexKey, clock: clk}, nil
}

// Index is the keyed hash under which a value is found again, such as a phone: equal values of one tenant and field have equal hashes.
func (s *Sealer) Index(tenantID, field, value string) []byte {
	h := hmac.New(sha256.New, s.indexKey)
	fmt.Fprintf(h, "%s|%s|%s", tenantID, field, value)
	return h.Sum(nil)
}

// Box holds the key of one person for the length of a transaction.
type Box struct {
	tenant string
	aead   cipher.AEAD
}

// Open gives the box of a person, ErrErased when there is none.
func (s *Sealer) Open(ctx context.Context, tx pgx.Tx, subject uuid.UUID) (*Box, error) {
	tenant := actor.Must(ctx).TenantID
	row, err := platformdb.New().GetSubjectKey(ctx, tx, platformdb.GetSubjectKeyParams{TenantID: tenant, SubjectID: subject})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrErased
	}
	if err != nil {
		return nil, fmt.Errorf("read subject key: %w", err)
	}
	if row.MasterKeyID != s.keyID {
		return nil, fmt.Errorf("seal: the subject key is wrapped by master key %s, ours is %s", row.MasterKeyID, s.keyID)
	}
	key, err := s.wrap.Open(nil, nil, row.WrappedKey, wrapContext(tenant, subject))
	if err != nil {
		return nil, errSealed
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return &Box{tenant: tenant, aead: aead}, nil
}

// Make gives the box of a person and makes the key when there is none yet.
func (s *Sealer) Make(ctx context.Context, tx pgx.Tx, subject uuid.UUID) (*Box, error) {
	box, err := s.Open(ctx, tx, subject)
	if !errors.Is(err, ErrErased) {
		return box, err
	}
	key := make([]byte, keySize)
	rand.Read(key)
	tenant := actor.Must(ctx).TenantID
	err = platformdb.New().InsertSubjectKey(ctx, tx, platformdb.InsertSubjectKeyParams{
		TenantID: tenant, SubjectID: subject, MasterKeyID: s.keyID,
		WrappedKey: s.wrap.Seal(nil, nil, key, wrapContext(tenant, subject)), CreateTime: s.clock.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("keep subject key: %w", err)
	}
	return s.Open(ctx, tx, subject) // Somebody else's key when they were first.
}

// Seal encrypts a value for its place, such as "persons.profile/<row id>".
func (b *Box) Seal(place string, value []byte) []byte {
	return b.aead.Seal(nil, nil, value, []byte(b.tenant+"|"+place))
}

// Unseal decrypts what Seal made for the same place.
func (b *Box) Unseal(place string, sealed []byte) ([]byte, error) {
	value, err := b.aead.Open(nil, nil, sealed, []byte(b.tenant+"|"+place))
	if err != nil {
		return nil, errSealed
	}
	return value, nil
}

func wrapContext(tenant string, subject uuid.UUID) []byte {
	return []byte(tenant + "|subject_keys|" + subject.String())
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
