package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestBox(t *testing.T) {
	t.Parallel()
	k := servicetest.New(t, "identity")
	ctx := servicetest.AsService(t.Context(), "identity")
	subject, other := id.New(), id.New()
	secret := []byte("a value that nobody else may read")
	inTx := func(fn func(tx pgx.Tx) error) {
		t.Helper()
		if err := k.DB.InTx(ctx, fn); err != nil {
			t.Fatal(err)
		}
	}
	var sealed []byte
	inTx(func(tx pgx.Tx) error {
		box, err := k.Sealer.Make(ctx, tx, subject)
		if err != nil {
			return err
		}
		sealed = box.Seal("persons.profile/1", secret)
		_, err = k.Sealer.Make(ctx, tx, other)
		return err
	})
	if bytes.Contains(sealed, secret[:8]) {
		t.Fatal("the sealed value shows the secret")
	}
	open := func(subjectBox func(tx pgx.Tx) (*seal.Box, error), place string) ([]byte, error) {
		var value []byte
		var openErr error
		inTx(func(tx pgx.Tx) error {
			box, err := subjectBox(tx)
			if err != nil {
				return err
			}
			value, openErr = box.Unseal(place, sealed)
			return nil
		})
		return value, openErr
	}
	own := func(tx pgx.Tx) (*seal.Box, error) { return k.Sealer.Open(ctx, tx, subject) }
	foreign := func(tx pgx.Tx) (*seal.Box, error) { return k.Sealer.Open(ctx, tx, other) }

	if value, err := open(own, "persons.profile/1"); err != nil || !bytes.Equal(value, secret) {
		t.Errorf("own key, own place: %q, %v", value, err)
	}
	if _, err := open(own, "persons.profile/2"); err == nil {
		t.Error("it opens at another place")
	}
	if _, err := open(foreign, "persons.profile/1"); err == nil {
		t.Error("it opens with another person's key")
	}

	inTx(func(tx pgx.Tx) error {
		_, err := platformdb.New().DeleteSubjectKey(ctx, tx, platformdb.DeleteSubjectKeyParams{TenantID: servicetest.Tenant, SubjectID: subject})
		return err
	})
	inTx(func(tx pgx.Tx) error {
		if _, err := k.Sealer.Open(ctx, tx, subject); !errors.Is(err, seal.ErrErased) {
			t.Errorf("after erasure: %v", err)
		}
		return nil
	})
}

func TestIndexTellsValuesTenantsAndFieldsApart(t *testing.T) {
	t.Parallel()
	k := servicetest.New(t, "identity")
	base := k.Sealer.Index("demo", "phone", "+380500000000")
	if !bytes.Equal(base, k.Sealer.Index("demo", "phone", "+380500000000")) {
		t.Error("the same value has another hash")
	}
	for name, other := range map[string][]byte{
		"value":  k.Sealer.Index("demo", "phone", "+380500000001"),
		"tenant": k.Sealer.Index("other", "phone", "+380500000000"),
		"field":  k.Sealer.Index("demo", "tax_id", "+380500000000"),
	} {
		if bytes.Equal(base, other) {
			t.Errorf("another %s has the same hash", name)
		}
	}
}
