package loans

import (
	"fmt"
	"strings"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The states as the contract names them, shortened.
const (
	applicationSubmitted = loansv1.Application_STATE_SUBMITTED
	applicationOffered   = loansv1.Application_STATE_OFFERED
	applicationAccepted  = loansv1.Application_STATE_ACCEPTED
	applicationSigned    = loansv1.Application_STATE_SIGNED
	applicationDisbursed = loansv1.Application_STATE_DISBURSED
	applicationRejected  = loansv1.Application_STATE_REJECTED
	applicationWithdrawn = loansv1.Application_STATE_WITHDRAWN
	applicationExpired   = loansv1.Application_STATE_EXPIRED
	applicationFailed    = loansv1.Application_STATE_FAILED

	agreementPrepared = loansv1.Agreement_STATE_PREPARED
	agreementSigned   = loansv1.Agreement_STATE_SIGNED
	agreementVoided   = loansv1.Agreement_STATE_VOIDED

	loanApproved  = loansv1.Loan_STATE_APPROVED
	loanActive    = loansv1.Loan_STATE_ACTIVE
	loanClosed    = loansv1.Loan_STATE_CLOSED
	loanCancelled = loansv1.Loan_STATE_CANCELLED
)

// statePrefix is what the enums' names bear and the columns do not.
const statePrefix = "STATE_"

// stateName is a state as a column and an error's metadata hold it, "OFFERED".
func stateName(state fmt.Stringer) string { return strings.TrimPrefix(state.String(), statePrefix) }

// applicationState, agreementState and loanState read a column that a CHECK holds to the contract's names.
func applicationState(name string) loansv1.Application_State {
	return loansv1.Application_State(loansv1.Application_State_value[statePrefix+name])
}

func agreementState(name string) loansv1.Agreement_State {
	return loansv1.Agreement_State(loansv1.Agreement_State_value[statePrefix+name])
}

func loanState(name string) loansv1.Loan_State {
	return loansv1.Loan_State(loansv1.Loan_State_value[statePrefix+name])
}

// moveApplication refuses a step that the state machine does not have:
//
//	SUBMITTED → OFFERED → ACCEPTED → SIGNED → DISBURSED
//	    │           └──────────┤        └→ FAILED
//	    └→ REJECTED            └→ WITHDRAWN, EXPIRED (from all states before SIGNED)
func moveApplication(from string, to loansv1.Application_State) error {
	state, allowed := applicationState(from), false
	switch to {
	case applicationOffered, applicationRejected:
		allowed = state == applicationSubmitted
	case applicationAccepted:
		allowed = state == applicationOffered
	case applicationSigned:
		allowed = state == applicationAccepted
	case applicationDisbursed, applicationFailed:
		allowed = state == applicationSigned
	case applicationWithdrawn, applicationExpired:
		allowed = state == applicationSubmitted || state == applicationOffered || state == applicationAccepted
	}
	if allowed {
		return nil
	}
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID,
		"the application's state forbids this step", rpcerr.Meta("state", from))
}

// needAgreement refuses an agreement in another state than the step needs.
func needAgreement(state string, need loansv1.Agreement_State) error {
	if agreementState(state) == need {
		return nil
	}
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_AGREEMENT_STATE_INVALID,
		"the agreement's state forbids this step", rpcerr.Meta("state", state))
}

// loanStateInvalid is the refusal of a step that a loan's state forbids.
func loanStateInvalid(state string) error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID,
		"the loan's state forbids this step", rpcerr.Meta("state", state))
}
