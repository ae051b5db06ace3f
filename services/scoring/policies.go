package scoring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/scoringdb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

// livePolicy is a policy in force, with the number of its version.
type livePolicy struct {
	*policy.Policy

	productCode string
	number      int32
}

// version names the policy in decisions, such as "cash/3".
func (p livePolicy) version() string { return policyVersion(p.productCode, p.number) }

// policyVersion is what decisions are told and looked up by, so its form stays.
func policyVersion(productCode string, number int32) string {
	return fmt.Sprintf("%s/%d", productCode, number)
}

// SeedPolicy gives a product its first policy, the embedded one, in the tenant of the context. It does nothing when the product has a
// policy already, so it may run at every start. Of two processes that start at once the loser's row conflicts and is left out.
func (s *Service) SeedPolicy(ctx context.Context, productCode string) error {
	return s.keeper.DB.InTx(ctx, func(tx pgx.Tx) error {
		newest, err := s.queries.GetNewestVersion(ctx, tx, productCode)
		if err != nil || newest > 0 {
			return err
		}
		_, err = s.insertPolicy(ctx, tx, productCode, 1, policy.Default(), s.keeper.Clock.Now())
		return err
	})
}

// AddPolicy keeps a new version of a product's policy, in force from effectiveTime on, and answers with its name, such as "cash/3". A document
// that is not right is refused with all its faults. It is not idempotent: each call makes a version. A time ahead lets a policy wait for
// its day; one in the past rules at once and changes no decision that was taken.
func (s *Service) AddPolicy(ctx context.Context, productCode string, document []byte, effectiveTime time.Time) (version string, err error) {
	err = s.keeper.DB.InTx(ctx, func(tx pgx.Tx) error {
		// Each turn is lost to somebody who added a version meanwhile, so there is an end.
		for {
			newest, err := s.queries.GetNewestVersion(ctx, tx, productCode)
			if err != nil {
				return err
			}
			added, err := s.insertPolicy(ctx, tx, productCode, newest+1, document, effectiveTime)
			if err != nil {
				return err
			}
			if added {
				version = policyVersion(productCode, newest+1)
				return nil
			}
		}
	})
	return version, err
}

// insertPolicy keeps a version; false when there is one of that number. The document is kept whole, as JSON, and parsed when it is used.
func (s *Service) insertPolicy(ctx context.Context, tx pgx.Tx, productCode string, number int32, document []byte, effectiveTime time.Time) (bool, error) {
	if _, err := policy.Parse(document); err != nil {
		return false, err
	}
	who := actor.Must(ctx)
	rows, err := s.queries.InsertPolicy(ctx, tx, scoringdb.InsertPolicyParams{
		TenantID: who.TenantID, ProductCode: productCode, Version: number, Body: document, EffectiveTime: effectiveTime,
		Actor: who.String(), CreateTime: s.keeper.Clock.Now(),
	})
	if err != nil {
		return false, fmt.Errorf("insert policy: %w", err)
	}
	return rows == 1, nil
}

// policyInForce finds the policy that decides on a product now.
func (s *Service) policyInForce(ctx context.Context, tx pgx.Tx, productCode string) (livePolicy, error) {
	row, err := s.queries.GetLivePolicy(ctx, tx, scoringdb.GetLivePolicyParams{ProductCode: productCode, Now: s.keeper.Clock.Now()})
	if errors.Is(err, pgx.ErrNoRows) {
		return livePolicy{}, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_POLICY_NOT_FOUND, "no scoring policy is in force for this product")
	}
	if err != nil {
		return livePolicy{}, fmt.Errorf("read policy: %w", err)
	}
	// It was valid when it was kept. That it no longer is means that a release has become stricter, which is our fault and becomes
	// INTERNAL.
	parsed, err := policy.Parse(row.Body)
	if err != nil {
		return livePolicy{}, fmt.Errorf("policy %s: %w", policyVersion(row.ProductCode, row.Version), err)
	}
	return livePolicy{Policy: parsed, productCode: row.ProductCode, number: row.Version}, nil
}
