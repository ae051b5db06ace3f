package loans

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
)

// BusinessDate is the day that the tenant's books stand at: the date that was set, else today in the tenant's zone. Everything that counts
// days asks here, and nobody asks the clock: a lender whose day ends late, or a demonstration that lets a year pass, sets the date once for
// all. It is read in the caller's transaction, so that one request is of one day.
func (s *Service) BusinessDate(ctx context.Context, tx pgx.Tx) (civil.Date, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return civil.Date{}, err
	}
	set, err := s.queries.GetBusinessDate(ctx, tx, lender.ID)
	switch {
	case err == nil && set != nil:
		return *set, nil
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return civil.Date{}, fmt.Errorf("read business date: %w", err)
	}
	return civil.Of(s.keeper.Clock.Now().In(lender.Zone())), nil
}

// SetBusinessDate sets the tenant's business date by hand, or lets it follow the clock again with the zero date. It is for operators and
// demonstrations, and no RPC: nobody moves a lender's calendar over the network.
func (s *Service) SetBusinessDate(ctx context.Context, date civil.Date) error {
	who := actor.Must(ctx)
	params := loansdb.SetBusinessDateParams{TenantID: who.TenantID, Actor: who.String(), UpdateTime: s.keeper.Clock.Now()}
	// A null column means "follow the clock"; a row is kept, so that who changed it last and when is known.
	if !date.IsZero() {
		params.BusinessDate = &date
	}
	return s.keeper.DB.InTx(ctx, func(tx pgx.Tx) error { return s.queries.SetBusinessDate(ctx, tx, params) })
}
