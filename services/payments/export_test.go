package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/integrations/kit"
)

// What jobs do, for tests that do it step by step.

func (s *Service) Drive(ctx context.Context, kind PaymentKind, paymentID uuid.UUID) (time.Duration, error) {
	return s.drive(ctx, kind, paymentID)
}

func (s *Service) ProcessWebhook(ctx context.Context, webhookID uuid.UUID) error {
	return s.processWebhook(ctx, webhookID)
}

// The pure decisions.

type PayoutStep = payoutStep

const (
	StepPrepare = stepPrepare
	StepExecute = stepExecute
	StepAsk     = stepAsk
	StepGiveUp  = stepGiveUp
	StepDone    = stepDone

	PayoutGiveUp = payoutGiveUp
	AttemptLease = attemptLease
	PageLife     = pageLife
)

func NextPayoutStep(state kit.PayoutState, prepared bool, age time.Duration) PayoutStep {
	return nextPayoutStep(state, prepared, age)
}

func MovePayout(from, told kit.PayoutState, quiet bool) kit.PayoutState {
	return movePayout(from, told, quiet)
}

func AfterExecute(outcome kit.Outcome, told kit.PayoutState) kit.PayoutState {
	return afterExecute(outcome, told)
}

func MoveCollection(from string, told kit.PaymentState, hasPage bool) string {
	return string(moveCollection(collectionState(from), told, hasPage))
}

func PollPause(age, least time.Duration) time.Duration { return pollPause(age, least) }
