package tbank

import (
	"strconv"

	"github.com/lendgate/lendgate/integrations/kit"
)

// Codes that callers tell apart; the full table is the vendor's
// (developer.tbank.ru/eacq/intro/errors/error-codes).
const (
	CodeNone              = "0"
	CodeCannotChange      = "4"
	CodeCustomerState     = "7"
	CodeTransactionState  = "8"
	CodeDuplicateOrder    = "20"
	CodeForeignCardPayout = "78"
	CodeUnknownCard       = "107"
	CodeBadToken          = "204"
	CodeUnknownTerminal   = "205"
	CodePaymentNotFound   = "255"
	CodeNoFunds           = "1051"
	CodeRepeatForbidden   = "3037"
)

// outcomeOfCode says what Success=false with this code proves. moves is true
// for calls that move money: only for them is "an error at the bank" not a
// proof that nothing happened. An unlisted code proves nothing either.
func outcomeOfCode(code string, moves bool) kit.Outcome {
	switch code {
	case "55", "99", "120", "123", "125", "402", "903", "999",
		"1030", "1034", "1089", "9001": // "try again later"
		return kit.OutcomeRetryable
	case "3", "21", "96", "97", "98", "100", "401", "1018", "1096", "9999": // the bank's own trouble
		if moves {
			return kit.OutcomeUnknown
		}
		return kit.OutcomeRetryable
	case CodeCannotChange, CodeTransactionState, CodeRepeatForbidden:
		// The state forbids the call: perhaps because an earlier one of ours,
		// whose answer was lost, has worked. Only GetState can tell.
		if moves {
			return kit.OutcomeUnknown
		}
	}
	if refusal(code) || !moves {
		return kit.OutcomeRefused
	}
	return kit.OutcomeUnknown
}

// refusal lists the ranges whose codes are given before, or instead of, moving
// money: request checks, terminal and customer checks, limits, and the issuer's
// declines, which are 1000 + the ISO 8583 response code.
func refusal(code string) bool {
	n, err := strconv.Atoi(code)
	if err != nil {
		return false
	}
	switch {
	case n >= 1 && n <= 20, n == 50, n == 53, n == 54, // 50: our notification failed, not the money
		n >= 76 && n <= 79,
		n >= 101 && n <= 119, n == 191,
		n >= 201 && n <= 386,
		n >= 403 && n <= 417,
		n >= 500 && n <= 515,
		n >= 600 && n <= 699,
		n >= 1001 && n <= 1099,
		n >= 1202 && n <= 1235,
		n == 1502,
		n >= 5060 && n <= 5067:
		return true
	default:
		return false
	}
}
