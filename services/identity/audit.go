package identity

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
)

// verifyAtOnce is how many records one call of VerifyAuditRecords looks at, as its contract says.
const verifyAtOnce = 5_000

// RecordCall adds a record to the end of the lender's chain. Calls of one lender follow one another here; staff are few, and each waits for
// one insert.
func (s *Service) RecordCall(ctx context.Context, req *identityv1.RecordCallRequest) (*identityv1.RecordCallResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.AuditServiceRecordCallProcedure, req, &identityv1.RecordCallResponse{},
		func(tx pgx.Tx) (*identityv1.RecordCallResponse, error) {
			tenantID := actor.Must(ctx).TenantID
			if err := s.queries.LockAudit(ctx, tx, "identity.audit|"+tenantID); err != nil {
				return nil, fmt.Errorf("lock the audit chain: %w", err)
			}
			last, err := s.queries.LastAuditRecord(ctx, tx, tenantID)
			if err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return nil, fmt.Errorf("read the end of the audit chain: %w", err)
			}
			row := identitydb.AuditRecord{
				TenantID: tenantID, Sequence: last.Sequence + 1, Actor: req.GetActor(), Procedure: req.GetProcedure(),
				Subjects: append([]string{}, req.GetSubjects()...), Outcome: req.GetOutcome(), Reason: req.GetReason(), RequestID: req.GetEdgeRequestId(),
				CreateTime: s.deps.Clock.Now().Truncate(time.Microsecond), PreviousHash: append([]byte{}, last.Hash...),
			}
			row.Hash = s.secrets.auditHash(row)
			if err := s.queries.InsertAuditRecord(ctx, tx, identitydb.InsertAuditRecordParams(row)); err != nil {
				return nil, fmt.Errorf("add an audit record: %w", err)
			}
			return &identityv1.RecordCallResponse{Sequence: row.Sequence}, nil
		})
}

// ListAuditRecords answers with records, newest first. The number of a record is the key of the page.
func (s *Service) ListAuditRecords(ctx context.Context, req *identityv1.ListAuditRecordsRequest) (*identityv1.ListAuditRecordsResponse, error) {
	who := actor.Must(ctx)
	list := fmt.Sprintf("identity.audit/%q/%q/%q/%d/%d", req.GetActor(), req.GetSubject(), req.GetProcedure(),
		req.GetFromTime().GetSeconds(), req.GetToTime().GetSeconds())
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListAuditRecordsResponse{}
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListAuditRecords(ctx, tx, identitydb.ListAuditRecordsParams{
			TenantID: who.TenantID, Before: sequenceOf(page.After), By: req.GetActor(), Subject: req.GetSubject(), Called: req.GetProcedure(),
			FromTime: timePtr(req.GetFromTime()), ToTime: timePtr(req.GetToTime()), PageSize: page.Limit(),
		})
		if err != nil {
			return fmt.Errorf("list audit records: %w", err)
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(row identitydb.AuditRecord) uuid.UUID { return keyOf(row.Sequence) })
		for _, row := range rows {
			res.Records = append(res.Records, auditRecordToProto(row))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// VerifyAuditRecords computes the chain again. Records cut off at its end leave a chain that holds: for that the answer names the head,
// which operators note elsewhere.
func (s *Service) VerifyAuditRecords(ctx context.Context, req *identityv1.VerifyAuditRecordsRequest) (*identityv1.VerifyAuditRecordsResponse, error) {
	res := &identityv1.VerifyAuditRecordsResponse{}
	from := max(req.GetFromSequence(), 1)
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		// The record before the first is taken as true: it is where the chain is picked up.
		rows, err := s.queries.ReadAuditChain(ctx, tx, identitydb.ReadAuditChainParams{
			TenantID: actor.Must(ctx).TenantID, FromSequence: from - 1, PageSize: verifyAtOnce + 2,
		})
		if err != nil {
			return fmt.Errorf("read the audit chain: %w", err)
		}
		previous := []byte{}
		if len(rows) > 0 && rows[0].Sequence == from-1 {
			previous, rows = rows[0].Hash, rows[1:]
		}
		s.verifyChain(res, from, previous, rows)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// verifyChain walks records that should be numbered from first on.
func (s *Service) verifyChain(res *identityv1.VerifyAuditRecordsResponse, first int64, previous []byte, rows []identitydb.AuditRecord) {
	for i, row := range rows {
		want := first + int64(i)
		if res.Verified == verifyAtOnce {
			res.NextSequence = want
			return
		}
		if row.Sequence != want || !hmac.Equal(row.PreviousHash, previous) || !hmac.Equal(row.Hash, s.secrets.auditHash(row)) {
			res.BrokenSequence = want
			return
		}
		previous = row.Hash
		res.Verified++
		res.HeadSequence, res.HeadHash = row.Sequence, hex.EncodeToString(row.Hash)
	}
}

// auditHash is the hash of a record: over everything in it but the hash itself, with the key that the database does not hold, so that who
// can write the table cannot write a chain.
func (s secrets) auditHash(row identitydb.AuditRecord) []byte {
	number := func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	parts := [][]byte{
		row.PreviousHash, []byte(row.TenantID), number(row.Sequence), []byte(row.Actor), []byte(row.Procedure), []byte(row.Outcome),
		[]byte(row.Reason), []byte(row.RequestID), number(row.CreateTime.UnixMicro()), number(int64(len(row.Subjects))),
	}
	for _, subject := range row.Subjects {
		parts = append(parts, []byte(subject))
	}
	return mac(s.auditKey, parts...)
}

// keyOf and sequenceOf put the number of a record into the form that page tokens have.
func keyOf(sequence int64) (key uuid.UUID) {
	binary.BigEndian.PutUint64(key[8:], uint64(sequence))
	return key
}

func sequenceOf(key uuid.UUID) int64 { return int64(binary.BigEndian.Uint64(key[8:])) }

func auditRecordToProto(row identitydb.AuditRecord) *identityv1.AuditRecord {
	return &identityv1.AuditRecord{
		Sequence: row.Sequence, Actor: row.Actor, Procedure: row.Procedure, Subjects: row.Subjects, Outcome: row.Outcome, Reason: row.Reason,
		EdgeRequestId: row.RequestID, CreateTime: timestamppb.New(row.CreateTime), Hash: hex.EncodeToString(row.Hash),
	}
}

// timePtr is a time that may be unset.
func timePtr(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}
