package flows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
)

// How long the process waits for people.
const (
	// identityPatience is for the profile and the consents.
	identityPatience = 30 * 24 * time.Hour
	// identityRecheck is after how long the process looks by itself, in case nobody told it of a change.
	identityRecheck = 6 * time.Hour
	// signaturePatience is from the ready agreement to the signature.
	signaturePatience = 24 * time.Hour
)

// Subject says which application a process is about. It is the argument of the process and of every activity.
type Subject struct {
	TenantID      string `json:"tenant_id"`
	ApplicationID string `json:"application_id"`
	PersonID      string `json:"person_id"`
	// RequestID is the edge's id of the request that started the process, for logs and support.
	RequestID string `json:"request_id,omitempty"`
	// BeginTime is when the first run of a process began that has gone on as a new run.
	BeginTime time.Time `json:"begin_time,omitzero"`
}

// Standing is where a process stands: what the query answers and what the process returns at its end.
type Standing struct {
	PersonID  string                          `json:"person_id"`
	Step      flowsv1.ApplicationFlow_Step    `json:"step"`
	Outcome   flowsv1.ApplicationFlow_Outcome `json:"outcome"`
	Missing   []string                        `json:"missing,omitempty"`
	BeginTime time.Time                       `json:"begin_time"`
}

// process is one run of Application. Its coroutines take turns, so its fields need no locks; turn only keeps what takes several activities
// in one piece. It is rebuilt from the history on every replay, so nothing in it may come from a clock, a random number or a map's order.
type process struct {
	subject  Subject
	standing Standing
	// turn is held by whoever moves the application in loans: a step of the process or an update.
	turn workflow.Mutex
	// stop ends what the process waits for or does, when the person withdraws in the middle of it.
	stop workflow.CancelFunc
	// actions stays nil: the engine takes no more than the names of its methods.
	actions *activities

	// offers may be chosen in STEP_OFFER.
	offers []Offer
	// agreementID may be signed in STEP_SIGNATURE, until signBy.
	agreementID string
	signBy      time.Time
	// loanID is set from STEP_PAYOUT on.
	loanID string
}

// Application is the workflow that carries an application from submission to payout.
func Application(ctx workflow.Context, subject Subject) (Standing, error) {
	work, stop := workflow.WithCancel(ctx)
	p := &process{subject: subject, turn: workflow.NewMutex(ctx), stop: stop}
	if p.subject.BeginTime.IsZero() {
		p.subject.BeginTime = workflow.Now(ctx)
	}
	p.standing = Standing{PersonID: subject.PersonID, Step: flowsv1.ApplicationFlow_STEP_IDENTITY, BeginTime: p.subject.BeginTime}
	if err := p.listen(ctx); err != nil {
		return Standing{}, err
	}
	if err := p.run(work); err != nil && !p.ended() {
		return p.standing, err
	}
	// Whoever still waits for an answer gets it before the process closes.
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return p.standing, err
	}
	// The news that a step did not wait for tells nothing any more. To drain is no command, so older histories replay.
	for _, signal := range []string{signalIdentityChanged, signalPayoutChanged} {
		drain(workflow.GetSignalChannel(ctx, signal))
	}
	return p.standing, nil
}

// run takes one step after the other until the process has ended.
func (p *process) run(ctx workflow.Context) error {
	if err := p.reload(ctx); err != nil {
		return err
	}
	for !p.ended() {
		if err := p.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step does what the present step asks for, and returns when the process has moved, or is to look again.
func (p *process) step(ctx workflow.Context) error {
	switch p.standing.Step {
	case flowsv1.ApplicationFlow_STEP_SCORING:
		return p.decide(ctx)
	case flowsv1.ApplicationFlow_STEP_OFFER:
		return p.awaitChoice(ctx)
	case flowsv1.ApplicationFlow_STEP_SIGNATURE:
		return p.awaitSignature(ctx)
	case flowsv1.ApplicationFlow_STEP_PAYOUT:
		return p.payOut(ctx)
	default:
		return p.awaitIdentity(ctx)
	}
}

// awaitIdentity looks whether anything is missing, and waits for changes until nothing is. A signal only cuts the wait short; the look
// decides.
func (p *process) awaitIdentity(ctx workflow.Context) error {
	changed := workflow.GetSignalChannel(ctx, signalIdentityChanged)
	until := p.subject.BeginTime.Add(identityPatience)
	for {
		drain(changed)
		var missing []string
		if err := do(ctx, p.actions.MissingIdentity, p.subject).Get(ctx, &missing); err != nil {
			return err
		}
		if len(missing) == 0 {
			p.advance(flowsv1.ApplicationFlow_STEP_SCORING)
			return nil
		}
		p.standing.Missing = missing
		left := until.Sub(workflow.Now(ctx))
		if left <= 0 {
			return p.expire(ctx)
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() && changed.Len() == 0 && workflow.AllHandlersFinished(ctx) {
			// Somebody told of a great many changes. A new run begins where this one stands.
			return workflow.NewContinueAsNewError(ctx, Application, p.subject)
		}
		_, err := workflow.AwaitWithTimeout(ctx, min(left, identityRecheck), func() bool { return changed.Len() > 0 })
		if err != nil {
			return err
		}
	}
}

// decide gathers what is known, has scoring decide, and makes offers or rejects. The turn is taken once the decision is there: until then a
// withdrawal need not wait.
func (p *process) decide(ctx workflow.Context) error {
	var question Question
	if err := do(ctx, p.actions.GatherFeatures, p.subject).Get(ctx, &question); err != nil {
		return p.expireIfRefused(ctx, err)
	}
	var verdict Verdict
	if err := do(ctx, p.actions.Decide, p.subject, question).Get(ctx, &verdict); err != nil {
		return p.expireIfRefused(ctx, err)
	}
	if err := p.turn.Lock(ctx); err != nil {
		return err
	}
	defer p.turn.Unlock()
	if p.ended() {
		return nil // Withdrawn while the decision was made.
	}
	move := p.actions.RejectApplication
	if verdict.Approved {
		move = p.actions.OfferLoan
	}
	var snapshot Snapshot
	if err := do(ctx, move, p.subject, verdict).Get(ctx, &snapshot); err != nil {
		return p.settle(ctx, err)
	}
	p.adopt(ctx, snapshot)
	return nil
}

// awaitChoice waits for the update ChooseOffer as long as one of the offers holds.
func (p *process) awaitChoice(ctx workflow.Context) error {
	var until time.Time
	for _, offer := range p.offers {
		if offer.ExpireTime.After(until) {
			until = offer.ExpireTime
		}
	}
	return p.awaitMove(ctx, flowsv1.ApplicationFlow_STEP_OFFER, until)
}

// awaitSignature waits for the update SignAgreement.
func (p *process) awaitSignature(ctx workflow.Context) error {
	return p.awaitMove(ctx, flowsv1.ApplicationFlow_STEP_SIGNATURE, p.signBy)
}

// awaitMove waits until an update has taken the process beyond a step, and expires the application when the time is over.
func (p *process) awaitMove(ctx workflow.Context, step flowsv1.ApplicationFlow_Step, until time.Time) error {
	if left := until.Sub(workflow.Now(ctx)); left > 0 {
		moved, err := workflow.AwaitWithTimeout(ctx, left, func() bool { return p.standing.Step != step })
		if err != nil || moved {
			return err
		}
	}
	return p.expire(ctx)
}

// expire ends the application, unless an update that is under way moves it first. Loans decides in the end: if it refuses, the process goes
// on from the state that loans has.
func (p *process) expire(ctx workflow.Context) error {
	step := p.standing.Step
	if err := p.turn.Lock(ctx); err != nil {
		return err
	}
	defer p.turn.Unlock()
	if p.standing.Step != step {
		return nil
	}
	if err := do(ctx, p.actions.ExpireApplication, p.subject).Get(ctx, nil); err != nil {
		return p.settle(ctx, err)
	}
	p.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
	return nil
}

// expireIfRefused ends an application that cannot be decided any more.
func (p *process) expireIfRefused(ctx workflow.Context, err error) error {
	r, ok := asRefusal(err)
	if !ok {
		return err
	}
	workflow.GetLogger(ctx).Warn("application cannot be decided", "application_id", p.subject.ApplicationID, "reason", r.Reason.String())
	return p.expire(ctx)
}

// settle continues from the application's state in loans after loans has refused a step. A refusal that the state does not explain fails
// the process, for a person to look at.
func (p *process) settle(ctx workflow.Context, refusal error) error {
	if _, ok := asRefusal(refusal); !ok {
		return refusal
	}
	before := p.standing.Step
	if err := p.reload(ctx); err != nil {
		return err
	}
	if p.standing.Step == before {
		return refusal
	}
	return nil
}

// reload continues from the application's state in loans.
func (p *process) reload(ctx workflow.Context) error {
	var snapshot Snapshot
	if err := do(ctx, p.actions.ReadApplication, p.subject).Get(ctx, &snapshot); err != nil {
		return err
	}
	p.adopt(ctx, snapshot)
	return nil
}

// adopt takes the step that belongs to the application's state. A submitted application keeps its step: loans does not tell identity from
// scoring. A signature is waited for anew from now, since the process cannot know how long the document has been there.
func (p *process) adopt(ctx workflow.Context, s Snapshot) {
	p.offers, p.agreementID, p.loanID = s.Offers, s.AgreementID, s.LoanID
	switch s.State {
	case loansv1.Application_STATE_SUBMITTED:
	case loansv1.Application_STATE_OFFERED:
		p.advance(flowsv1.ApplicationFlow_STEP_OFFER)
	case loansv1.Application_STATE_ACCEPTED:
		p.signBy = workflow.Now(ctx).Add(signaturePatience)
		p.advance(flowsv1.ApplicationFlow_STEP_SIGNATURE)
	case loansv1.Application_STATE_SIGNED:
		p.advance(flowsv1.ApplicationFlow_STEP_PAYOUT)
	default:
		p.end(outcomeOf(s.State))
	}
}

// advance takes the next step, unless the process has ended in between.
func (p *process) advance(step flowsv1.ApplicationFlow_Step) {
	if !p.ended() {
		p.standing.Step, p.standing.Missing = step, nil
	}
}

// end closes the process with an outcome, once: the first outcome stays.
func (p *process) end(outcome flowsv1.ApplicationFlow_Outcome) {
	if !p.ended() {
		p.standing.Step, p.standing.Outcome, p.standing.Missing = flowsv1.ApplicationFlow_STEP_ENDED, outcome, nil
	}
}

func (p *process) ended() bool { return p.standing.Step == flowsv1.ApplicationFlow_STEP_ENDED }

// outcomeOf is how a process has ended whose application is in a final state; UNSPECIFIED when the state is not final.
func outcomeOf(state loansv1.Application_State) flowsv1.ApplicationFlow_Outcome {
	switch state {
	case loansv1.Application_STATE_DISBURSED:
		return flowsv1.ApplicationFlow_OUTCOME_DISBURSED
	case loansv1.Application_STATE_REJECTED:
		return flowsv1.ApplicationFlow_OUTCOME_REJECTED
	case loansv1.Application_STATE_WITHDRAWN:
		return flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN
	case loansv1.Application_STATE_EXPIRED:
		return flowsv1.ApplicationFlow_OUTCOME_EXPIRED
	case loansv1.Application_STATE_FAILED:
		return flowsv1.ApplicationFlow_OUTCOME_FAILED
	default:
		return flowsv1.ApplicationFlow_OUTCOME_UNSPECIFIED
	}
}
