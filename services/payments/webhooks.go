package payments

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Verdicts on a notification whose signature holds, in webhooks.verdict. A MISMATCH names a payment of ours and tells another amount or
// number of it; an UNMATCHED one names none. Both are kept for people, and never acted upon.
const (
	// Even a hint moves nothing by itself: it makes us ask.
	verdictHint      = "HINT"
	verdictMismatch  = "MISMATCH"
	verdictUnmatched = "UNMATCHED"
)

// ReceiveWebhook implements PaymentService. A notification is kept and answered at once; a job asks the provider what is true. A repeated one
// gets the same answer and does nothing. One that is not signed by the provider leaves no trace but a line in the log.
func (s *Service) ReceiveWebhook(ctx context.Context, req *paymentsv1.ReceiveWebhookRequest) (*paymentsv1.ReceiveWebhookResponse, error) {
	carrier, ok := s.provider(req.GetProvider())
	if !ok {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN, "no such payment provider")
	}
	hook, err := carrier.ReadWebhook(req.GetBody())
	switch {
	case errors.Is(err, ErrWebhookMalformed):
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, "the notification cannot be read")
	case err != nil:
		// Without the body: whoever sent it could write anything into our log.
		s.log.WarnContext(ctx, "notification refused", "provider", carrier.Name(), "reason", "WEBHOOK_SIGNATURE_INVALID")
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_WEBHOOK_SIGNATURE_INVALID,
			"the notification is not signed by the provider")
	}
	// The provider waits for seconds only, so nobody is called from here. It repeats until it reads our answer: answer once it is kept.
	err = s.db.InTx(ctx, func(tx pgx.Tx) error { return s.keepWebhook(ctx, tx, carrier, hook, req) })
	if err != nil {
		return nil, err
	}
	body, contentType := carrier.Acknowledgement()
	return &paymentsv1.ReceiveWebhookResponse{Body: body, ContentType: contentType}, nil
}

// keepWebhook writes a notification down with a verdict, once, and enqueues a look at the payment when it is a hint.
func (s *Service) keepWebhook(ctx context.Context, tx pgx.Tx, carrier Provider, hook Webhook, req *paymentsv1.ReceiveWebhookRequest) error {
	who := actor.Must(ctx)
	about, err := s.matchWebhook(ctx, tx, carrier, hook)
	if err != nil {
		return err
	}
	// The body may name card and phone. It is sealed for the person it is about; for nobody's, with the key of the lender.
	box, err := s.sealer.Make(ctx, tx, about.person)
	if err != nil {
		return err
	}
	// The hash of the body is the key of a repetition: a repeat in other bytes would only be one more hint.
	webhookID, hash := id.New(), sha256.Sum256(req.GetBody())
	kind := string(hook.Kind)
	rows, err := s.q.InsertWebhook(ctx, tx, paymentsdb.InsertWebhookParams{
		TenantID: who.TenantID, ID: webhookID, Provider: carrier.Name(), BodyHash: hash[:], SubjectID: about.person,
		Body:        box.Seal("webhooks.body/"+webhookID.String(), req.GetBody()),
		ContentType: req.GetContentType(), PaymentKind: &kind, PaymentID: about.payment, ProviderStatus: hook.Status, Verdict: about.verdict,
		Actor: who.String(), CreateTime: s.clock.Now(),
	})
	if err != nil || rows == 0 {
		return err // No row: the same body came before.
	}
	if about.verdict == verdictHint {
		return s.enqueue(ctx, tx, webhookArgs{TenantID: who.TenantID, WebhookID: webhookID})
	}
	s.log.WarnContext(ctx, "notification kept and not used", "provider", carrier.Name(), "verdict", about.verdict, "status", hook.Status)
	return nil
}

// match is what a notification is about.
type match struct {
	verdict string
	payment *uuid.UUID
	person  uuid.UUID // The nil UUID when it matches no payment.
}

// matchWebhook finds the payment of a notification by our own order id, and compares provider, amount and the provider's number of it. Row-level
// security keeps it within the lender whose address was called, so that one lender's notification finds nothing at another's.
func (s *Service) matchWebhook(ctx context.Context, tx pgx.Tx, carrier Provider, hook Webhook) (match, error) {
	none := match{verdict: verdictUnmatched}
	// The order id alone is ours. The provider's number of the payment may not have reached us yet, when its notification overtakes its
	// answer.
	paymentID, ok := paymentOfOrder(hook.Kind, hook.OrderID)
	if !ok {
		return none, nil
	}
	tenantID := actor.Must(ctx).TenantID
	var person uuid.UUID
	var amount int64
	var provider, theirs string
	var err error
	if hook.Kind == PayoutKind {
		var row paymentsdb.Payout
		row, err = s.q.GetPayout(ctx, tx, paymentsdb.GetPayoutParams{TenantID: tenantID, ID: paymentID})
		person, amount, provider, theirs = row.PersonID, row.AmountMinor, row.Provider, text(row.ProviderPaymentID)
	} else {
		var row paymentsdb.Collection
		row, err = s.q.GetCollection(ctx, tx, paymentsdb.GetCollectionParams{TenantID: tenantID, ID: paymentID})
		person, amount, provider, theirs = row.PersonID, row.AmountMinor, row.Provider, text(row.ProviderPaymentID)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && provider != carrier.Name():
		return none, nil
	case err != nil:
		return none, fmt.Errorf("match notification: %w", err)
	// A notification about an earlier attempt bears our order and another payment than the row's: it is no hint about the present one.
	case hook.Amount != amount || theirs != "" && theirs != hook.PaymentID:
		return match{verdict: verdictMismatch, payment: &paymentID, person: person}, nil
	default:
		return match{verdict: verdictHint, payment: &paymentID, person: person}, nil
	}
}

// processWebhook asks the provider how the payment of a notification stands, and notes that it has.
func (s *Service) processWebhook(ctx context.Context, webhookID uuid.UUID) error {
	tenantID := actor.Must(ctx).TenantID
	var row paymentsdb.GetWebhookRow
	err := s.db.Read(ctx, func(tx pgx.Tx) (err error) {
		row, err = s.q.GetWebhook(ctx, tx, paymentsdb.GetWebhookParams{TenantID: tenantID, ID: webhookID})
		return err
	})
	// A job may run again after it was done: then there is nothing to ask.
	if err != nil || row.ProcessTime != nil || row.Verdict != verdictHint || row.PaymentID == nil {
		return err
	}
	// Whether the provider answered or not, the payment's own job goes on asking; the hint has done what it could.
	if _, err := s.drive(ctx, PaymentKind(text(row.PaymentKind)), *row.PaymentID); err != nil {
		return err
	}
	now := s.clock.Now()
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		_, err := s.q.MarkWebhookProcessed(ctx, tx, paymentsdb.MarkWebhookProcessedParams{TenantID: tenantID, ID: webhookID, ProcessTime: &now})
		return err
	})
}
