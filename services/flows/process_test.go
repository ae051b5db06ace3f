package flows

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/testing/protocmp"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// trial is one process in a world of its own, in a test environment that skips the time in which nothing happens.
type trial struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	world *world
}

// envClock tells the environment's time.
type envClock struct {
	env *testsuite.TestWorkflowEnvironment
}

func (c envClock) Now() time.Time { return c.env.Now().UTC() }

func newTrial(t *testing.T) *trial {
	t.Helper()
	return newTrialThatLogs(t, discard())
}

func newTrialThatLogs(t *testing.T, log *slog.Logger) *trial {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(temporallog.NewStructuredLogger(log))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(testBegin())
	env.SetTestTimeout(time.Minute)
	data, failures, err := converters(testKey())
	if err != nil {
		t.Fatal(err)
	}
	env.SetDataConverter(data)
	env.SetFailureConverter(failures)
	w := newWorld(envClock{env})
	Register(env, w.deps(t))
	return &trial{t: t, env: env, world: w}
}

// at does something after some time of the process.
func (tr *trial) at(after time.Duration, f func()) { tr.env.RegisterDelayedCallback(f, after) }

// reply is what became of an update.
type reply struct {
	accepted, completed bool
	answer              Answer
	err                 error
}

// reason is what the update was refused with.
func (r *reply) reason() rpcerr.Reason {
	refusal, _ := asRefusal(r.err)
	return refusal.Reason
}

func (tr *trial) update(updateID, name string, argument any) *reply {
	r := &reply{}
	tr.env.UpdateWorkflow(name, updateID, &testsuite.TestUpdateCallback{
		OnAccept: func() { r.accepted = true },
		OnReject: func(err error) { r.err = err },
		OnComplete: func(success any, err error) {
			r.completed, r.err = true, err
			if answer, ok := success.(Answer); ok {
				r.answer = answer
			}
		},
	}, argument)
	return r
}

func (tr *trial) caller() Caller {
	return Caller{PersonID: tr.world.person.GetId(), DeviceID: "dev_demo", Request: []byte("request")}
}

func (tr *trial) choose(updateID string) *reply {
	return tr.update(updateID, updateChooseOffer, Choice{Caller: tr.caller(), OfferID: tr.world.offers[0].GetId()})
}

func (tr *trial) sign(updateID, code string) *reply {
	return tr.update(updateID, updateSignAgreement, Signature{
		Caller: tr.caller(), AgreementID: tr.world.application.GetAgreementId(), DocumentSHA256: make([]byte, 32),
		ChallengeID: id.Format(id.Challenge, id.New()), Code: code,
	})
}

func (tr *trial) withdraw(updateID string) *reply {
	return tr.update(updateID, updateWithdraw, Withdrawal{Caller: tr.caller()})
}

// agree chooses an offer and signs, as people do who want the money.
func (tr *trial) agree() {
	tr.at(time.Minute, func() { tr.choose("choose") })
	tr.at(2*time.Minute, func() { tr.sign("sign", rightCode) })
}

// run runs the process to its end.
func (tr *trial) run() Standing {
	tr.t.Helper()
	tr.env.ExecuteWorkflow(Application, tr.world.subject())
	if !tr.env.IsWorkflowCompleted() {
		tr.t.Fatal("the process has not ended")
	}
	if err := tr.env.GetWorkflowError(); err != nil {
		tr.t.Fatalf("the process failed: %v", err)
	}
	var standing Standing
	if err := tr.env.GetWorkflowResult(&standing); err != nil {
		tr.t.Fatal(err)
	}
	return standing
}

// end runs the process and compares how it ended.
func (tr *trial) end(want flowsv1.ApplicationFlow_Outcome) {
	tr.t.Helper()
	standing := tr.run()
	if standing.Outcome != want || standing.Step != flowsv1.ApplicationFlow_STEP_ENDED {
		tr.t.Errorf("ended %s at %s, want %s", standing.Outcome, standing.Step, want)
	}
	if got := outcomeOf(tr.world.application.GetState()); got != want {
		tr.t.Errorf("the application ended %s, want %s", got, want)
	}
}

// effects compares how often each verb had an effect.
func (tr *trial) effects(want map[string]int) {
	tr.t.Helper()
	got := map[string]int{}
	for verb, times := range tr.world.effects {
		if verb != "GetPayout" {
			got[verb] = times
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		tr.t.Errorf("effects (-want +got):\n%s", diff)
	}
}

// disbursed are the effects of a process that went well.
func disbursed() map[string]int {
	return map[string]int{
		"DecideApplication": 1, "OfferLoan": 1, "AcceptOffer": 1, "SignAgreement": 1, "CreatePayout": 1, "DisburseLoan": 1,
	}
}

func TestGoodApplicationIsDisbursed(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	var chosen, signed *reply
	tr.at(time.Minute, func() { chosen = tr.choose("choose") })
	tr.at(2*time.Minute, func() { signed = tr.sign("sign", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
	if chosen.answer.AgreementID != tr.world.application.GetAgreementId() || chosen.answer.Standing.Step != flowsv1.ApplicationFlow_STEP_SIGNATURE {
		t.Errorf("the choice was answered with %+v", chosen.answer)
	}
	if signed.answer.LoanID != tr.world.loan.GetId() || signed.answer.Standing.Step != flowsv1.ApplicationFlow_STEP_PAYOUT {
		t.Errorf("the signature was answered with %+v", signed.answer)
	}
	if got := tr.world.signer; got.DeviceID != "dev_demo" || got.PersonID != tr.world.person.GetId() || got.Service != serviceName {
		t.Errorf("signed as %+v", got)
	}
	want := &typev1.Date{Year: 2026, Month: 3, Day: 2}
	if diff := cmp.Diff(want, tr.world.loan.GetDisburseDate(), protocmp.Transform()); diff != "" {
		t.Errorf("value date (-want +got):\n%s", diff)
	}
}

func TestScoringIsToldWhatIsKnown(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.world.oldLoans = []*loansv1.Loan{{State: loansv1.Loan_STATE_ACTIVE, DaysPastDue: 3}, {State: loansv1.Loan_STATE_CLOSED}, {State: loansv1.Loan_STATE_CANCELLED}}
	tr.world.decision.Outcome = scoringv1.Decision_OUTCOME_DECLINE
	tr.end(flowsv1.ApplicationFlow_OUTCOME_REJECTED)
	want := map[string]string{
		"requested_principal_minor": "1000000", "requested_instalment_minor": "100000", "requested_instalments": "12",
		"age_years": "35", "monthly_income_minor": "2500000", "monthly_obligations_minor": "", "employment": "employed",
		"employment_months": "25", "existing_loans": "1", "max_days_past_due": "3",
	}
	if diff := cmp.Diff(want, tr.world.sums); diff != "" {
		t.Errorf("features (-want +got):\n%s", diff)
	}
}

func TestIncompleteIdentityIsWaitedFor(t *testing.T) {
	t.Parallel()
	complete := func(tr *trial) {
		tr.world.change(func() { tr.world.person.MissingFields = nil })
	}
	t.Run("and a signal ends the wait", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.person.MissingFields = []string{"tax_id"}
		consents := tr.world.consents
		tr.world.consents = consents[:1]
		tr.at(time.Hour, func() {
			standing := tr.ask()
			if diff := cmp.Diff([]string{"tax_id", "consent_credit_bureau"}, standing.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			complete(tr)
			tr.env.SignalWorkflow(signalIdentityChanged, nil) // Half done: the process waits on.
		})
		tr.at(2*time.Hour, func() {
			if standing := tr.ask(); !slices.Equal(standing.Missing, []string{"consent_credit_bureau"}) {
				t.Errorf("missing %v", standing.Missing)
			}
			tr.world.change(func() { tr.world.consents = consents })
			tr.env.SignalWorkflow(signalIdentityChanged, nil)
		})
		tr.at(2*time.Hour+time.Minute, func() { tr.choose("choose") })
		tr.at(2*time.Hour+2*time.Minute, func() { tr.sign("sign", rightCode) })
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	})
	t.Run("and a lost signal only costs time", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.person.MissingFields = []string{"tax_id"}
		tr.at(time.Hour, func() { complete(tr) })
		tr.at(identityRecheck+time.Hour, func() { tr.choose("choose") })
		tr.at(identityRecheck+2*time.Hour, func() { tr.sign("sign", rightCode) })
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	})
	t.Run("for thirty days", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.person.MissingFields = []string{"tax_id"}
		tr.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
		if waited := tr.env.Now().Sub(testBegin()); waited < identityPatience || waited > identityPatience+time.Hour {
			t.Errorf("waited %s", waited)
		}
	})
	t.Run("and a withdrawn consent does not hold", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.consents[0] = &identityv1.Consent{Purpose: tr.world.consents[0].GetPurpose(), WithdrawTime: tr.world.application.GetCreateTime()}
		tr.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
	})
}

func TestLongHistoryGoesOnAsANewRun(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.world.person.MissingFields = []string{"tax_id"}
	tr.env.SetContinueAsNewSuggested(true)
	tr.env.ExecuteWorkflow(Application, tr.world.subject())
	err := tr.env.GetWorkflowError()
	if !workflow.IsContinueAsNewError(err) {
		t.Errorf("ended with %v", err)
	}
}

func TestBadDecisionRejects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		decision scoringv1.Decision_Outcome
		reasons  []string
		want     []string
	}{
		{"with the reasons of a decline", scoringv1.Decision_OUTCOME_DECLINE, []string{"INCOME_INSUFFICIENT", "HISTORY_SHORT"}, []string{"INCOME_INSUFFICIENT", "HISTORY_SHORT"}},
		{"with a reason when the decline has none", scoringv1.Decision_OUTCOME_DECLINE, nil, []string{"DECLINED"}},
		{"with REVIEW_REQUIRED first when a person would have to look", scoringv1.Decision_OUTCOME_REFER, []string{"HISTORY_SHORT"}, []string{"REVIEW_REQUIRED", "HISTORY_SHORT"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tr.world.decision.Outcome, tr.world.decision.ReasonCodes = test.decision, test.reasons
			tr.end(flowsv1.ApplicationFlow_OUTCOME_REJECTED)
			if diff := cmp.Diff(test.want, tr.world.application.GetReasonCodes()); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("when no offer fits a good one", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.fits = false
		tr.end(flowsv1.ApplicationFlow_OUTCOME_REJECTED)
	})
}

func TestApplicationThatCannotBeDecidedExpires(t *testing.T) {
	t.Parallel()
	for verb, reason := range map[string]rpcerr.Reason{
		"QuoteLoan": typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND, "DecideApplication": typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID,
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tr.world.refuse[verb] = rpcerr.Precondition(reason, "no")
			tr.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
		})
	}
}

func TestNobodyActsInTime(t *testing.T) {
	t.Parallel()
	t.Run("on the offer", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
		if waited := tr.env.Now().Sub(testBegin()); waited < offerLasts {
			t.Errorf("waited %s", waited)
		}
	})
	t.Run("on the agreement", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.at(time.Hour, func() { tr.choose("choose") })
		tr.end(flowsv1.ApplicationFlow_OUTCOME_EXPIRED)
		if waited := tr.env.Now().Sub(testBegin()); waited < time.Hour+signaturePatience {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestPayout(t *testing.T) {
	t.Parallel()
	t.Run("that is unknown for days is asked about and never sent again", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_UNKNOWN}
		tr.at(50*time.Hour, func() {
			tr.world.change(func() { tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_PAID} })
		})
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		tr.effects(disbursed())
		if asked := tr.world.effect("GetPayout"); asked < 2*pollsInRow {
			t.Errorf("asked %d times in 50 hours", asked)
		}
	})
	t.Run("is asked for at once when an event tells of it", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_UNKNOWN}
		at := time.Hour + 7*time.Second // Between two polls.
		tr.at(at, func() {
			tr.world.change(func() { tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_PAID} })
			tr.env.SignalWorkflow(signalPayoutChanged, nil)
		})
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		if late := tr.env.Now().Sub(testBegin()) - at; late > time.Second {
			t.Errorf("heard of it %s late", late)
		}
	})
	t.Run("leaves no news unheard at its end", func(t *testing.T) {
		t.Parallel()
		log := &strings.Builder{}
		tr := newTrialThatLogs(t, slog.New(slog.NewTextHandler(log, nil)))
		tr.at(time.Second, func() { tr.env.SignalWorkflow(signalIdentityChanged, nil) }) // It waits for a choice by then.
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		if strings.Contains(log.String(), "unhandled") {
			t.Errorf("the engine's log says:\n%s", log)
		}
	})
	t.Run("that the provider rejects cancels the loan", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_SENT, paymentsv1.Payout_STATE_UNKNOWN, paymentsv1.Payout_STATE_REJECTED}
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_FAILED)
		if tr.world.effect("CancelLoan") != 1 || tr.world.effect("DisburseLoan") != 0 {
			t.Errorf("effects %v", tr.world.effects)
		}
	})
	t.Run("to a card that does not exist cancels the loan", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.refuse["CreatePayout"] = rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND, "no such card")
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_FAILED)
	})
	t.Run("counts for the business date when the books stand earlier", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.world.refuse["DisburseLoan/dated"] = rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_DATE, "after the business date")
		tr.agree()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		tr.effects(disbursed())
	})
}

func TestTroubleIsWaitedOutAndNothingHappensTwice(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.world.trouble = 5 // Each verb fails five times, before and after its effect.
	tr.at(10*time.Minute, func() { tr.choose("choose") })
	tr.at(20*time.Minute, func() { tr.sign("sign", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
}

func TestProcessContinuesFromTheStateInLoans(t *testing.T) {
	t.Parallel()
	t.Run("when it is started again after the loss of the engine", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		w := tr.world
		w.application.State, w.application.LoanId = loansv1.Application_STATE_SIGNED, id.Format(id.Loan, id.New())
		w.loan = &loansv1.Loan{Id: w.application.GetLoanId(), Principal: uah(1_000_000)}
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		tr.effects(map[string]int{"CreatePayout": 1, "DisburseLoan": 1})
	})
	t.Run("when the application has ended elsewhere", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var chosen *reply
		tr.at(time.Hour, func() {
			tr.world.change(func() { tr.world.application.State = loansv1.Application_STATE_WITHDRAWN })
			chosen = tr.choose("choose")
		})
		tr.end(flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN)
		refusal, _ := asRefusal(chosen.err)
		if refusal.Reason != typev1.ErrorReason_ERROR_REASON_FLOW_ENDED || refusal.Metadata["outcome"] != "WITHDRAWN" || refusal.Code != connect.CodeFailedPrecondition {
			t.Errorf("the choice was refused with %+v", refusal)
		}
	})
	t.Run("when it expires what has ended elsewhere", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		tr.at(time.Hour, func() { tr.world.change(func() { tr.world.application.State = loansv1.Application_STATE_REJECTED }) })
		tr.end(flowsv1.ApplicationFlow_OUTCOME_REJECTED)
	})
}

// ask queries the process.
func (tr *trial) ask() Standing {
	tr.t.Helper()
	value, err := tr.env.QueryWorkflow(queryStanding)
	if err != nil {
		tr.t.Fatal(err)
	}
	var standing Standing
	if err := value.Get(&standing); err != nil {
		tr.t.Fatal(err)
	}
	return standing
}
