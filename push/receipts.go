package push

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/turbosms"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The providers' names in rows. They are part of the key of receipts and stay.
const (
	providerTurboSMS = "turbosms"
	providerFCM      = "fcm"
)

// ReceiveReceipt takes a provider's delivery report. A report about a message that is not known here is kept too: it may have overtaken our
// own note of the message's id. The answer stops the provider's repetitions, so it is given once the report is kept, also for one that came
// before or changes nothing.
func (s *Service) ReceiveReceipt(ctx context.Context, req *pushv1.ReceiveReceiptRequest) (*pushv1.ReceiveReceiptResponse, error) {
	// FCM reports no deliveries of single messages to servers; what it took stays SENT.
	if req.GetProvider() != providerTurboSMS || s.sms == nil {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN, "no such provider reports deliveries here")
	}
	receipt, err := s.sms.ParseReceipt(req.GetBody())
	switch {
	case errors.Is(err, turbosms.ErrBadSignature):
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_WEBHOOK_SIGNATURE_INVALID,
			"the report is not signed by the provider")
	case errors.Is(err, turbosms.ErrMalformed):
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, "the report is not what the provider documents")
	case err != nil:
		return nil, err
	}
	// The report belongs to the lender whose address was called; a message of another lender is not found by row-level security.
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		if err := lockMessage(ctx, tx, providerTurboSMS, receipt.MessageID); err != nil {
			return err
		}
		// The first report of an event counts: the provider signs the event's id and not what it says.
		rows, err := s.queries.InsertReceipt(ctx, tx, pushdb.InsertReceiptParams{
			TenantID: actor.Must(ctx).TenantID, Provider: providerTurboSMS, EventID: receipt.EventID, ProviderID: receipt.MessageID,
			State: string(receipt.State), CreateTime: s.clock.Now(),
		})
		if err != nil || rows == 0 {
			return err
		}
		return s.applyReceipt(ctx, tx, providerTurboSMS, receipt.MessageID, receipt.State)
	})
	if err != nil {
		return nil, err
	}
	return &pushv1.ReceiveReceiptResponse{Body: []byte("OK"), ContentType: "text/plain"}, nil
}

// applyEarlyReceipts applies what was reported before the message's id was noted; the transaction holds lockMessage. They are applied in
// the order in which they came, as if they came now.
func (s *Service) applyEarlyReceipts(ctx context.Context, tx pgx.Tx, provider, providerID string) error {
	states, err := s.queries.ListReceipts(ctx, tx, pushdb.ListReceiptsParams{
		TenantID: actor.Must(ctx).TenantID, Provider: provider, ProviderID: providerID,
	})
	if err != nil {
		return fmt.Errorf("look for early receipts: %w", err)
	}
	for _, state := range states {
		if err := s.applyReceipt(ctx, tx, provider, providerID, kit.ReceiptState(state)); err != nil {
			return err
		}
	}
	return nil
}

// applyReceipt moves what is SENT forward; what has ended stays, so the first final report wins in whatever order they come.
func (s *Service) applyReceipt(ctx context.Context, tx pgx.Tx, provider, providerID string, reported kit.ReceiptState) error {
	state, failure := "", ""
	switch reported {
	// A message that was read has arrived; more than that nobody here needs to know.
	case kit.ReceiptDelivered, kit.ReceiptRead:
		state = stateDelivered
	case kit.ReceiptUndelivered, kit.ReceiptRejected, kit.ReceiptExpired:
		state, failure = stateFailed, provider+":receipt:"+string(reported)
	default: // On its way, or a word that is new to us.
		return nil
	}
	_, err := s.queries.ApplyReceipt(ctx, tx, pushdb.ApplyReceiptParams{
		State: state, Failure: failure, Now: s.clock.Now(), TenantID: actor.Must(ctx).TenantID, Provider: provider, ProviderID: providerID,
	})
	if err != nil {
		return fmt.Errorf("apply a receipt: %w", err)
	}
	return nil
}

// lockMessage puts noting a message's id and taking its receipt one after the other: whichever is later sees the other. It is an advisory
// lock, because before the id is noted there is no row to lock.
func lockMessage(ctx context.Context, tx pgx.Tx, provider, providerID string) error {
	return lock(ctx, tx, "message|"+provider+"|"+providerID)
}
