package flows

import (
	"slices"
	"strings"

	"connectrpc.com/connect"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The names by which running processes are asked and told. They are kept for as long as a process may run.
const (
	queryStanding         = "standing"
	updateChooseOffer     = "choose-offer"
	updateSignAgreement   = "sign-agreement"
	updateWithdraw        = "withdraw"
	signalIdentityChanged = "identity-changed"
	signalPayoutChanged   = "payout-changed"
)

// Caller is who sends an update, as far as the borrower's own verbs need it: evidence names the device.
type Caller struct {
	// PersonID must be the process's own. Empty stands for one of our services acting by itself, which may drive every process.
	PersonID  string `json:"person_id,omitempty"`
	DeviceID  string `json:"device_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	Locale    string `json:"locale,omitempty"`
	// Request is the fingerprint of the request, given back with the answer.
	Request []byte `json:"request,omitempty"`
}

// Choice is the argument of the update ChooseOffer. Arguments lie in histories, so fields are added and never renamed.
type Choice struct {
	Caller  Caller `json:"caller"`
	OfferID string `json:"offer_id"`
	// Locale is the language of the agreement. Empty means the person's.
	Locale string `json:"locale,omitempty"`
}

// Signature is the argument of the update SignAgreement. Its code is a secret: it is one more reason to seal payloads.
type Signature struct {
	Caller         Caller `json:"caller"`
	AgreementID    string `json:"agreement_id"`
	DocumentSHA256 []byte `json:"document_sha256"`
	ChallengeID    string `json:"challenge_id"`
	Code           string `json:"code"`
}

// Withdrawal is the argument of the update Withdraw.
type Withdrawal struct {
	Caller Caller `json:"caller"`
}

// Answer is what every update answers with.
type Answer struct {
	Standing    Standing `json:"standing"`
	AgreementID string   `json:"agreement_id,omitempty"`
	LoanID      string   `json:"loan_id,omitempty"`
	// Request is the fingerprint of the request that was answered.
	Request []byte `json:"request,omitempty"`
}

// listen makes the process answer queries and updates. A validator refuses what the present step does not allow without leaving a trace in
// the history; the handler looks again once it is its turn.
func (p *process) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, queryStanding, func() (Standing, error) { return p.standing, nil }); err != nil {
		return err
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, updateChooseOffer, p.chooseOffer, workflow.UpdateHandlerOptions{Validator: p.mayChoose})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, updateSignAgreement, p.signAgreement, workflow.UpdateHandlerOptions{Validator: p.maySign})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, updateWithdraw, p.withdraw, workflow.UpdateHandlerOptions{Validator: p.mayWithdraw})
}

// mayChoose is the validator of ChooseOffer. It runs before the update is accepted, and must not change anything nor wait.
func (p *process) mayChoose(c Choice) error {
	if err := p.open(c.Caller, flowsv1.ApplicationFlow_STEP_OFFER); err != nil {
		return err
	}
	// loans knows the person's offers only; that this one belongs to this application is checked here.
	if !slices.ContainsFunc(p.offers, func(o Offer) bool { return o.ID == c.OfferID }) {
		return refusal{Code: connect.CodeNotFound, Reason: typev1.ErrorReason_ERROR_REASON_OFFER_NOT_FOUND, Message: "there is no such offer"}.applicationError()
	}
	return nil
}

// chooseOffer takes the person's choice. The agreement is ready when it answers. The turn is held across the activity, so that the offer
// cannot expire in the middle of being accepted.
func (p *process) chooseOffer(ctx workflow.Context, c Choice) (Answer, error) {
	if err := p.turn.Lock(ctx); err != nil {
		return Answer{}, err
	}
	defer p.turn.Unlock()
	if err := p.mayChoose(c); err != nil {
		return Answer{}, c.Caller.refused(err)
	}
	var agreementID string
	if err := do(ctx, p.actions.AcceptOffer, p.subject, c, updateID(ctx)).Get(ctx, &agreementID); err != nil {
		return Answer{}, p.answerRefused(ctx, c.Caller, flowsv1.ApplicationFlow_STEP_OFFER, err)
	}
	// The wait for the signature begins when the document is there to be read, not when the offer was made.
	p.agreementID, p.signBy = agreementID, workflow.Now(ctx).Add(signaturePatience)
	p.advance(flowsv1.ApplicationFlow_STEP_SIGNATURE)
	return p.answer(c.Caller), nil
}

// maySign is the validator of SignAgreement. An agreement of another application is as absent as none.
func (p *process) maySign(s Signature) error {
	if err := p.open(s.Caller, flowsv1.ApplicationFlow_STEP_SIGNATURE); err != nil {
		return err
	}
	if s.AgreementID != p.agreementID {
		return refusal{Code: connect.CodeNotFound, Reason: typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND, Message: "there is no such agreement"}.applicationError()
	}
	return nil
}

// signAgreement takes the person's signature. A wrong code goes back to the person, and the process waits on. Tries are counted by
// identity, which ends the code; then a new one is asked for.
func (p *process) signAgreement(ctx workflow.Context, s Signature) (Answer, error) {
	if err := p.turn.Lock(ctx); err != nil {
		return Answer{}, err
	}
	defer p.turn.Unlock()
	if err := p.maySign(s); err != nil {
		return Answer{}, s.Caller.refused(err)
	}
	var loanID string
	if err := do(ctx, p.actions.SignAgreement, p.subject, s, updateID(ctx)).Get(ctx, &loanID); err != nil {
		return Answer{}, p.answerRefused(ctx, s.Caller, flowsv1.ApplicationFlow_STEP_SIGNATURE, err)
	}
	p.loanID = loanID
	p.advance(flowsv1.ApplicationFlow_STEP_PAYOUT)
	return p.answer(s.Caller), nil
}

// mayWithdraw is the validator of Withdraw: any step before the signature is given.
func (p *process) mayWithdraw(w Withdrawal) error {
	return p.open(w.Caller, flowsv1.ApplicationFlow_STEP_IDENTITY, flowsv1.ApplicationFlow_STEP_SCORING,
		flowsv1.ApplicationFlow_STEP_OFFER, flowsv1.ApplicationFlow_STEP_SIGNATURE)
}

// withdraw ends the application by the person's wish, and stops whatever the process is doing for it.
func (p *process) withdraw(ctx workflow.Context, w Withdrawal) (Answer, error) {
	if err := p.turn.Lock(ctx); err != nil {
		return Answer{}, err
	}
	defer p.turn.Unlock()
	if err := p.mayWithdraw(w); err != nil {
		return Answer{}, w.Caller.refused(err)
	}
	step := p.standing.Step
	if err := do(ctx, p.actions.WithdrawApplication, p.subject, w, updateID(ctx)).Get(ctx, nil); err != nil {
		return Answer{}, p.answerRefused(ctx, w.Caller, step, err)
	}
	// End before stop: what is stopped finds a process that has ended, and takes its own cancellation for no failure.
	p.end(flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN)
	p.stop()
	return p.answer(w.Caller), nil
}

// open refuses an update that is not the caller's or not for the present step. A stranger is told that there is no process, before anything
// about its step.
func (p *process) open(caller Caller, steps ...flowsv1.ApplicationFlow_Step) error {
	switch {
	case caller.PersonID != "" && caller.PersonID != p.subject.PersonID:
		return newRefusal(flowNotFound()).applicationError()
	case p.ended():
		return newRefusal(flowEnded(p.standing.Outcome)).applicationError()
	case !slices.Contains(steps, p.standing.Step):
		return refusal{
			Code: connect.CodeFailedPrecondition, Reason: typev1.ErrorReason_ERROR_REASON_FLOW_STEP_NOT_OPEN,
			Message: "the process does not wait for this step now", Metadata: map[string]string{"step": stepName(p.standing.Step)},
		}.applicationError()
	default:
		return nil
	}
}

// answerRefused passes a service's refusal to the caller. When the application is in another state than the process believed, the process
// goes on from there and the caller is told so.
func (p *process) answerRefused(ctx workflow.Context, caller Caller, step flowsv1.ApplicationFlow_Step, err error) error {
	r, ok := asRefusal(err)
	if !ok {
		return err
	}
	if r.Reason == typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID || r.Reason == typev1.ErrorReason_ERROR_REASON_AGREEMENT_STATE_INVALID {
		if err := p.reload(ctx); err != nil {
			return err
		}
		if p.ended() {
			p.stop()
		}
		if err := p.open(caller, step); err != nil {
			return caller.refused(err)
		}
	}
	return caller.refused(err)
}

// refused marks a refusal with the request that it answers.
func (c Caller) refused(err error) error {
	r, ok := asRefusal(err)
	if !ok {
		return err
	}
	r.Request = c.Request
	return r.applicationError()
}

// answer is where the process stands once an update has been carried out.
func (p *process) answer(caller Caller) Answer {
	return Answer{Standing: p.standing, AgreementID: p.agreementID, LoanID: p.loanID, Request: caller.Request}
}

// updateID is the request_id of the update at hand. It is what the person's app chose, so that the calls derived from it are the same on
// every try.
func updateID(ctx workflow.Context) string { return workflow.GetCurrentUpdateInfo(ctx).ID }

// drain forgets signals: what they tell is looked up afterwards.
func drain(channel workflow.ReceiveChannel) {
	for channel.ReceiveAsync(nil) {
	}
}

// do runs an activity until it has an answer. There is no limit to the tries: only a refusal, which is not retryable, ends one. The wait
// doubles to retryPauseMax.
func do(ctx workflow.Context, activity any, args ...any) workflow.Future {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: activityTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: retryPause, BackoffCoefficient: 2, MaximumInterval: retryPauseMax},
	})
	return workflow.ExecuteActivity(ctx, activity, args...)
}

// flowEnded refuses what comes too late, and says how the process ended.
func flowEnded(outcome flowsv1.ApplicationFlow_Outcome) *connect.Error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_FLOW_ENDED, "the process has ended", rpcerr.Meta("outcome", outcomeName(outcome)))
}

// stepName and outcomeName are the enums' names as an error's facts hold them, "SIGNATURE" and "EXPIRED".
func stepName(step flowsv1.ApplicationFlow_Step) string {
	return strings.TrimPrefix(step.String(), "STEP_")
}

func outcomeName(outcome flowsv1.ApplicationFlow_Outcome) string {
	return strings.TrimPrefix(outcome.String(), "OUTCOME_")
}

// caller is who makes the call at hand; false when the call is nobody's that a process could belong to.
func caller(who actor.Actor, request []byte) (Caller, bool) {
	c := Caller{
		PersonID: who.PersonID, DeviceID: who.DeviceID, SessionID: who.SessionID, RequestID: who.RequestID, Locale: who.Locale, Request: request,
	}
	return c, who.PersonID != "" || who.Kind == actor.KindService
}
