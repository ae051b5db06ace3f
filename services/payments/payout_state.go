package payments

import (
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
)

// States of a payout, in rows as in the contract. They are the words in which providers report, too.
const (
	payoutUnknown  = kit.PayoutUnknown
	payoutCreated  = kit.PayoutCreated
	payoutSent     = kit.PayoutSent
	payoutPaid     = kit.PayoutPaid
	payoutRejected = kit.PayoutRejected
)

// payoutGiveUp is how long a payout is tried while it is certain that nothing was executed. Then it is rejected, so that the loan can end.
const payoutGiveUp = 24 * time.Hour

// codeUnreachable is the provider_code of a payout that was given up.
const codeUnreachable = "UNREACHABLE"

// payoutStep is what a payout needs next.
type payoutStep int

// The steps, in the order of a payout's life.
const (
	stepPrepare payoutStep = iota // Make it known to the provider; moves nothing.
	stepExecute                   // Send it. The only step that moves money.
	stepAsk                       // Ask the provider how it stands.
	stepGiveUp                    // Nothing was executed and will not be: reject it.
	stepDone                      // It is final.
)

// nextPayoutStep decides what a payout needs, once no call for it is under way. CREATED means that certainly nothing has been executed, so
// that only from there money may be sent; from SENT and UNKNOWN the provider is only ever asked.
func nextPayoutStep(state kit.PayoutState, prepared bool, age time.Duration) payoutStep {
	switch {
	case state.Final():
		return stepDone
	case state != payoutCreated:
		return stepAsk
	case age > payoutGiveUp:
		return stepGiveUp
	case prepared:
		return stepExecute
	default:
		return stepPrepare
	}
}

// movePayout is the state after the provider told one, by an answer to stepAsk; a word that tells nothing, and one that would go back, move
// nothing. The one way back is from UNKNOWN to CREATED: the provider itself says that it never executed the payout. That is believed only
// when it is quiet: a call that was lost a moment ago may still be on its way.
func movePayout(from, told kit.PayoutState, quiet bool) kit.PayoutState {
	switch {
	case from.Final() || told == payoutUnknown:
		return from
	case told == payoutCreated && (from != payoutUnknown || !quiet):
		return from
	default:
		return told
	}
}

// afterExecute is the state after stepExecute. Only a proof that nothing happened leaves it at CREATED or makes it REJECTED.
func afterExecute(outcome kit.Outcome, told kit.PayoutState) kit.PayoutState {
	switch outcome {
	case kit.OutcomeDone:
		if told == payoutCreated { // "Executed" and "not yet executed" at once: ask.
			return payoutUnknown
		}
		return told
	case kit.OutcomeRefused:
		return payoutRejected
	case kit.OutcomeRetryable:
		return payoutCreated
	default:
		return payoutUnknown
	}
}

// pollPause is how long to wait before a payment is looked at again: an eighth of its age, so that the answer is late by an eighth at most,
// within bounds.
func pollPause(age, least time.Duration) time.Duration {
	return min(max(age/8, least), 10*time.Minute)
}
