// Package idempotency answers a repeated mutation with its first answer.
//
// The answer is kept in the service's own database, in the transaction of the mutation itself, under (tenant, actor, procedure,
// request_id), with a fingerprint of the request. A repeat with another content is refused; it never runs twice, whatever died in between.
// Only successes are kept: a refused request has changed nothing and may be tried again with the same id. Answers hold personal data, so
// they are sealed with the key of the caller (package seal).
package idempotency

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
)

// Request is a mutation: a message with the id that its caller chose.
type Request interface {
	proto.Message
	GetRequestId() string
}

// Keeper is what keeping answers takes. All three are the service's own: the answer lies in the schema of what it answers for.
type Keeper struct {
	DB     *pgdb.DB
	Sealer *seal.Sealer
	Clock  clock.Clock
}

// Do runs mutate in a transaction of the context's tenant, once for each request_id: a repeat is answered with the first answer and does
// not run it. procedure is the RPC's path. mutate may be run again when the database gave the transaction up, so it must have no effect but
// through tx. res is an empty message for an earlier answer to be read into. Refusals are not kept: with the transaction everything that
// led to them is undone.
func Do[Res proto.Message](ctx context.Context, keeper Keeper, procedure string, req Request, res Res, mutate func(tx pgx.Tx) (Res, error)) (Res, error) {
	var out Res
	err := keeper.DB.InTx(ctx, func(tx pgx.Tx) error {
		key, err := newKey(ctx, keeper.Sealer, procedure, req)
		if err != nil {
			return err
		}
		if found, err := key.replay(ctx, tx, keeper.Sealer, res); err != nil || found {
			// The first answer to the byte, though what it tells of may have changed since: that is what a repeat asks for.
			out = res
			return err
		}
		if out, err = mutate(tx); err != nil {
			return err
		}
		// In the same transaction: an answer without its effect, or an effect without its answer, cannot be.
		return key.save(ctx, tx, keeper, out)
	})
	if err != nil {
		var none Res
		return none, err
	}
	return out, nil
}

// Find gives the caller's own earlier answer under a request_id, whatever the request was; false when there is none. It is for a caller who
// cannot say the request again, because what it said depended on a state that has changed since.
func Find(ctx context.Context, keeper Keeper, procedure, requestID string, res proto.Message) (bool, error) {
	request, err := uuid.Parse(requestID)
	if err != nil {
		return false, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "request_id is no UUID", rpcerr.Field("request_id", "is no UUID"))
	}
	who := actor.Must(ctx)
	subject, _ := who.Person()
	k := key{tenant: who.TenantID, actor: who.String(), procedure: procedure, request: request, subject: subject}
	found := false
	err = keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := k.row(ctx, tx)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		return k.open(ctx, tx, keeper.Sealer, row.Response, res)
	})
	return found, err
}

// key names a request. The actor is part of it, so nobody gets the answer to another's request by trying ids.
type key struct {
	tenant, actor, procedure string
	request                  uuid.UUID
	// fingerprint is of the whole request, the id included; it is empty for Find, which compares nothing.
	fingerprint []byte
	subject     uuid.UUID // Whose key seals the answer; the nil UUID stands for the tenant itself.
}

// place binds a sealed answer to its row.
func (k key) place() string { return "requests.response/" + k.procedure + "/" + k.request.String() }

// newKey reads the key off a request. Marshalling is deterministic for messages of one binary; a release that changes a message's encoding
// would refuse repeats from before it, and changes nothing twice.
func newKey(ctx context.Context, sealer *seal.Sealer, procedure string, req Request) (key, error) {
	request, err := uuid.Parse(req.GetRequestId())
	if err != nil {
		return key{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "request_id is no UUID", rpcerr.Field("request_id", "is no UUID"))
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return key{}, fmt.Errorf("fingerprint: %w", err)
	}
	who := actor.Must(ctx)
	subject, _ := who.Person()
	return key{subject: subject, tenant: who.TenantID, actor: who.String(), procedure: procedure, request: request,
		// Keyed, so that nobody who has the table alone can try out what a request may have held.
		fingerprint: sealer.Index(who.TenantID, "requests.fingerprint", string(body)),
	}, nil
}

// replay looks for the first answer. It first takes a lock on the key, so that two repeats at the same time are one after the other.
func (k key) replay(ctx context.Context, tx pgx.Tx, sealer *seal.Sealer, res proto.Message) (bool, error) {
	// A hash collision makes two requests wait for each other and does no other harm.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", k.tenant+"|"+k.actor+"|"+k.procedure+"|"+k.request.String()); err != nil {
		return false, fmt.Errorf("lock request: %w", err)
	}
	row, err := k.row(ctx, tx)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for an earlier request: %w", err)
	// Constant time costs nothing here.
	case !hmac.Equal(row.Fingerprint, k.fingerprint):
		return false, rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
			"the same request_id came before with another content")
	}
	return true, k.open(ctx, tx, sealer, row.Response, res)
}

// row reads the earlier request.
func (k key) row(ctx context.Context, tx pgx.Tx) (platformdb.GetRequestRow, error) {
	return platformdb.New().GetRequest(ctx, tx, platformdb.GetRequestParams{
		TenantID: k.tenant, Actor: k.actor, Procedure: k.procedure, RequestID: k.request,
	})
}

// open reads an earlier answer into res.
func (k key) open(ctx context.Context, tx pgx.Tx, sealer *seal.Sealer, sealed []byte, res proto.Message) error {
	box, err := sealer.Open(ctx, tx, k.subject)
	if err != nil {
		return err
	}
	body, err := box.Unseal(k.place(), sealed)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(body, res); err != nil {
		return fmt.Errorf("read an earlier answer: %w", err)
	}
	return nil
}

// save keeps the answer, sealed for the person it is given to.
func (k key) save(ctx context.Context, tx pgx.Tx, keeper Keeper, res proto.Message) error {
	body, err := proto.Marshal(res)
	if err != nil {
		return fmt.Errorf("keep the answer: %w", err)
	}
	box, err := keeper.Sealer.Make(ctx, tx, k.subject)
	if err != nil {
		return err
	}
	err = platformdb.New().InsertRequest(ctx, tx, platformdb.InsertRequestParams{
		TenantID: k.tenant, Actor: k.actor, Procedure: k.procedure, RequestID: k.request,
		Fingerprint: k.fingerprint, Response: box.Seal(k.place(), body), CreateTime: keeper.Clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("keep the answer: %w", err)
	}
	return nil
}
