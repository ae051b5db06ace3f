package policy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/limit"
	"github.com/lendgate/lendgate/services/scoring/rules"
	"github.com/lendgate/lendgate/services/scoring/scorecard"
)

// The features that every policy has, since the debt burden and the limits are computed from them. All are whole numbers.
const (
	Income     = "monthly_income_minor"
	Obligation = "monthly_obligations_minor"
	Principal  = "requested_principal_minor"
	Instalment = "requested_instalment_minor"
	// Burden is computed by the policy: it is the one derived feature.
	Burden = "debt_burden_bp"
)

// Policy is a document that has been found right.
type Policy struct {
	// Name is for people.
	Name string `json:"name"`
	// Currency is the ISO 4217 code of all its amounts.
	Currency string             `json:"currency"`
	Features feature.Dictionary `json:"features"`
	// AssumeNoObligations takes missing obligations for none. Otherwise the debt burden is missing with them and there are no limits.
	AssumeNoObligations bool           `json:"assume_no_obligations"`
	Rules               []rules.Rule   `json:"rules"`
	Scorecard           scorecard.Card `json:"scorecard"`
	// Bands cut the score into grades, best first. The last takes every score that is left.
	Bands  []Band `json:"bands"`
	Limits Limits `json:"limits"`
}

// Band is the grade of the scores from MinScore up to the band before.
type Band struct {
	Grade    string        `json:"grade"`
	MinScore int           `json:"min_score"`
	Outcome  rules.Outcome `json:"outcome"`
	// IncomeMultipleBP is how many monthly incomes the grade may borrow, in basis points.
	IncomeMultipleBP int64 `json:"income_multiple_bp"`
	// ReasonCode tells people why a band does not approve. Empty in one that does.
	ReasonCode string `json:"reason_code,omitempty"`
}

// Limits are the caps and the reason of a decline because nothing can be lent within them.
type Limits struct {
	limit.Caps

	ReasonCode string `json:"reason_code"`
}

//go:embed cash.json
var cash []byte

// Default is the document of the first policy of a product. The slice is the caller's own.
func Default() []byte { return bytes.Clone(cash) }

// Parse reads a document. Names that it does not know are faults: a misspelt setting must not be lost.
func Parse(document []byte) (*Policy, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	p := &Policy{}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("policy: something follows the document")
	}
	if err := errors.Join(p.validate()...); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}
