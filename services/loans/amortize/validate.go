package amortize

import (
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/internal/money"
)

// validate checks everything that can be checked field by field.
func (t Terms) validate() error {
	if err := t.Principal.Validate(); err != nil {
		return &TermsError{Field: "principal", Reason: err.Error(), Err: err}
	}
	if !t.Principal.IsPositive() {
		return refuse("principal", "must be more than zero, is %s", t.Principal.WithCode())
	}
	if t.Principal.MinorUnits > MaxPrincipal {
		return refuse("principal", "must not exceed %d minor units", int64(MaxPrincipal))
	}
	if err := t.validateDates(); err != nil {
		return err
	}
	if err := t.validateRules(); err != nil {
		return err
	}
	if err := t.validateCap(); err != nil {
		return err
	}
	return t.validateFee()
}

// validateDates holds the dates in order. The first due date may be the start: a
// payment on the day of the loan bears no interest.
func (t Terms) validateDates() error {
	if !t.Start.IsValid() {
		return refuse("start", "is no date")
	}
	if !t.PeriodStart.IsZero() && (!t.PeriodStart.IsValid() || t.PeriodStart.After(t.Start)) {
		return refuse("period_start", "is no date up to the start")
	}
	// The bounds keep every later sum within int64: see MaxInstalments, MaxDays and
	// MaxPrincipal.
	if n := len(t.Dues); n < 1 || n > MaxInstalments {
		return refuse("dues", "must be 1 to %d dates, are %d", MaxInstalments, n)
	}
	last := t.Start
	for i, due := range t.Dues {
		if !due.IsValid() {
			return refuse("dues", "number %d is no date", i+1)
		}
		// Two instalments on one day would make a period of no days, whose interest
		// nobody could check.
		if due.Before(last) || (i > 0 && due == last) {
			return refuse("dues", "number %d, %s, is not after %s", i+1, due, last)
		}
		last = due
	}
	if days := last.Sub(t.Start); days > MaxDays {
		return refuse("dues", "run for %d days; at most %d", days, MaxDays)
	}
	return nil
}

// validateRules refuses every rule that was left unset: one cent more or less is a
// breach of contract, so no rule has a default that nobody chose.
func (t Terms) validateRules() error {
	switch {
	case t.Rate.Per != PerYear && t.Rate.Per != PerDay:
		return refuse("rate", "does not say per year or per day")
	case t.Method != Declining && t.Method != Flat:
		return refuse("method", "is not set")
	case t.Amortization < EqualInstalment || t.Amortization > Bullet:
		return refuse("amortization", "is not set")
	case t.Amortization == EqualInstalment && (t.Final < FinalTakesRest || t.Final > FinalSmoothed):
		return refuse("final", "is not set")
	case t.MultipleOf < 0 || t.MultipleOf > t.Principal.MinorUnits:
		return refuse("multiple_of", "must be 0 to the principal, is %d", t.MultipleOf)
	// Grace of the principal must leave an instalment that repays; grace of
	// interest lies within it, since an instalment that repays principal pays its
	// interest, too.
	case t.Grace.Principal < 0 || t.Grace.Principal >= max(len(t.Dues), 1):
		return refuse("grace.principal", "must leave an instalment, is %d of %d", t.Grace.Principal, len(t.Dues))
	case t.Grace.Interest < 0 || t.Grace.Interest > t.Grace.Principal:
		return refuse("grace.interest", "must be 0 to %d, is %d", t.Grace.Principal, t.Grace.Interest)
	}
	for field, r := range map[string]money.Rounding{
		"rounding.payment": t.Rounding.Payment, "rounding.interest": t.Rounding.Interest,
	} {
		if err := r.Validate(); err != nil {
			return &TermsError{Field: field, Reason: "is not set", Err: err}
		}
	}
	// A rate per day counts days and needs no convention.
	if t.Rate.Per == PerDay {
		return nil
	}
	if t.EqualPeriods != (Frequency{}) {
		return t.EqualPeriods.validate("equal_periods")
	}
	if err := t.DayCount.Validate(); err != nil {
		return &TermsError{Field: "day_count", Reason: "is not set", Err: err}
	}
	return nil
}

// validateCap checks what the cap counts from; its percentages are read, and
// refused, where they are used.
func (t Terms) validateCap() error {
	for field, m := range map[string]money.Money{"cap.of": t.Cap.Of, "cap.used": t.Cap.Used} {
		switch {
		// The zero value means that no cap was asked for.
		case m == (money.Money{}):
		case m.Currency != t.Principal.Currency:
			return &TermsError{Field: field, Reason: "is in another currency", Err: money.ErrCurrencyMismatch}
		// noCap stands for "unlimited" in the computation, so a real amount must
		// stay below.
		case m.IsNegative() || m.MinorUnits > noCap:
			return refuse(field, "must be 0 to %d minor units", noCap)
		}
	}
	return nil
}

// validateFee bounds the fee like the principal, so that totals fit in int64.
func (t Terms) validateFee() error {
	switch {
	case t.Fee == (Fee{}):
		return nil
	case t.Fee.Timing < FeeEach || t.Fee.Timing > FeeSpread:
		return refuse("fee", "does not say when it is due")
	case t.Fee.Amount.Currency != t.Principal.Currency:
		return &TermsError{Field: "fee", Reason: "is in another currency", Err: money.ErrCurrencyMismatch}
	case t.Fee.Amount.IsNegative() || t.Fee.Amount.MinorUnits > MaxPrincipal:
		return refuse("fee", "must be 0 to %d minor units", int64(MaxPrincipal))
	}
	return nil
}

// overflows turns amounts that do not fit in int64 into a refusal of the rate:
// the principal and the term are bounded, so only the rate can make them.
func overflows(err error) error {
	if errors.Is(err, money.ErrOverflow) {
		return &TermsError{Field: "rate", Reason: "makes amounts beyond all bounds", Err: err}
	}
	return err
}

// refuse is the error of a field.
func refuse(field, format string, args ...any) error {
	return &TermsError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
