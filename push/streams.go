package push

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// defaultPublications is how many publications are read when the caller names no limit.
const defaultPublications = 100

// GetStreamPosition answers with the top of the caller's stream. A client that subscribes afresh begins here: screens have told it
// everything up to this point.
func (s *Service) GetStreamPosition(ctx context.Context, _ *pushv1.GetStreamPositionRequest) (*pushv1.GetStreamPositionResponse, error) {
	person, err := ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	res := &pushv1.GetStreamPositionResponse{}
	err = s.readStream(ctx, person, func(_ pgx.Tx, top *pushv1.StreamPosition) error {
		res.Position = top
		return nil
	})
	return res, err
}

// ListPublications answers with what follows an offset in the caller's stream. Offsets rise by one and begin at 1, so a client that hears n
// and then n+1 has missed nothing.
func (s *Service) ListPublications(ctx context.Context, req *pushv1.ListPublicationsRequest) (*pushv1.ListPublicationsResponse, error) {
	person, err := ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	limit := req.GetLimit()
	if limit == 0 {
		limit = defaultPublications
	}
	// Rows and top are read in one view, so a reader who gets fewer rows than asked for has reached the top that comes with them.
	res := &pushv1.ListPublicationsResponse{}
	err = s.readStream(ctx, person, func(tx pgx.Tx, top *pushv1.StreamPosition) error {
		// An offset beyond the top is of another database, such as one that was restored from a backup: the client has to begin anew.
		if req.GetAfterOffset() > top.GetOffset() {
			return rpcerr.New(connect.CodeOutOfRange, typev1.ErrorReason_ERROR_REASON_STREAM_POSITION_INVALID,
				"the position is not one of this stream")
		}
		rows, err := s.queries.ListPublications(ctx, tx, pushdb.ListPublicationsParams{
			TenantID: actor.Must(ctx).TenantID, PersonID: person, AfterOffset: int64(req.GetAfterOffset()), PageSize: limit,
		})
		res.Position = top
		for _, row := range rows {
			res.Publications = append(res.Publications, &pushv1.Publication{
				Offset: uint64(row.OffsetNo), Payload: row.Payload, PublishTime: timestamppb.New(row.CreateTime),
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// readStream reads a stream in one view with its top. The first look at a stream makes it: a position needs an epoch, and an epoch that the
// caller has heard must be the stream's for good.
func (s *Service) readStream(ctx context.Context, person uuid.UUID, read func(tx pgx.Tx, top *pushv1.StreamPosition) error) error {
	look := func(tx pgx.Tx) error {
		// Epoch and offset are read together: a position is both or nothing.
		row, err := s.queries.GetStream(ctx, tx, pushdb.GetStreamParams{TenantID: actor.Must(ctx).TenantID, PersonID: person})
		if err != nil {
			return err
		}
		return read(tx, &pushv1.StreamPosition{Offset: uint64(row.TopOffset), Epoch: row.Epoch})
	}
	// Most streams exist: the common case is one read-only transaction.
	err := s.db.Read(ctx, look)
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err := s.db.InTx(ctx, func(tx pgx.Tx) error { return s.makeStream(ctx, tx, person) }); err != nil {
		return err
	}
	return s.db.Read(ctx, look)
}

// makeStream makes a stream where there is none. Its epoch is random: offsets of a stream that was lost and begun again are told apart by
// it.
func (s *Service) makeStream(ctx context.Context, tx pgx.Tx, person uuid.UUID) error {
	err := s.queries.MakeStream(ctx, tx, pushdb.MakeStreamParams{
		TenantID: actor.Must(ctx).TenantID, PersonID: person, Epoch: strings.ToLower(rand.Text()), Now: s.clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("make a stream: %w", err)
	}
	return nil
}

// publish appends an event to a person's stream and answers with its offset, 0 when it is there already. The stream's row stays locked
// until the transaction ends, so that offsets become visible in order and without holes.
func (s *Service) publish(ctx context.Context, tx pgx.Tx, person, eventID uuid.UUID, event *realtimev1.StatusEvent) (uint64, error) {
	payload, err := proto.Marshal(event)
	if err != nil {
		return 0, fmt.Errorf("write a status event: %w", err)
	}
	if err := s.makeStream(ctx, tx, person); err != nil {
		return 0, err
	}
	tenantID, now := actor.Must(ctx).TenantID, s.clock.Now()
	stream, err := s.queries.LockStream(ctx, tx, pushdb.LockStreamParams{TenantID: tenantID, PersonID: person})
	if err != nil {
		return 0, fmt.Errorf("lock a stream: %w", err)
	}
	// Nobody else can give out this offset before we end, and nobody reads it before we commit. A rollback gives it back.
	next := stream.TopOffset + 1
	// The event's id is unique in the stream, so an event that comes again takes no offset.
	rows, err := s.queries.InsertPublication(ctx, tx, pushdb.InsertPublicationParams{
		TenantID: tenantID, PersonID: person, OffsetNo: next, EventID: eventID, Payload: payload, CreateTime: now,
	})
	if err != nil || rows == 0 {
		return 0, err
	}
	err = s.queries.SetStreamTop(ctx, tx, pushdb.SetStreamTopParams{TenantID: tenantID, PersonID: person, TopOffset: next, Now: now})
	if err != nil {
		return 0, fmt.Errorf("move a stream's top: %w", err)
	}
	return uint64(next), nil
}
