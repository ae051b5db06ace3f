package tbank

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// caseRecord is a record of an outside case file about payment providers, in
// the file's own shape. Only records whose id begins with "tbank-" are ours.
type caseRecord struct {
	ID         string            `json:"id"`
	Params     fields            `json:"params"`
	Password   string            `json:"password"`
	Expected   string            `json:"expected"`
	OneStage   string            `json:"one_stage"`
	TwoStage   string            `json:"two_stage"`
	Failures   string            `json:"failures"`
	ErrorCodes map[string]string `json:"error_codes"`
}

// RunCases checks this vendor's records of a psp case file: Token vectors,
// status words and error codes. failures names what did not pass. It is pure,
// so that tests and the contracts command share it.
func RunCases(data []byte) (passed, total int, failures []string, err error) {
	var records []caseRecord
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // signatures are over the digits as they stand
	if err := decoder.Decode(&records); err != nil {
		return 0, 0, nil, fmt.Errorf("tbank: case file: %w", err)
	}
	for _, record := range records {
		if !strings.HasPrefix(record.ID, "tbank-") {
			continue
		}
		total++
		if problem := record.check(); problem != "" {
			failures = append(failures, record.ID+": "+problem)
			continue
		}
		passed++
	}
	return passed, total, failures, nil
}

// statusWord finds the vendor's upper-case words inside the prose of a record.
var statusWord = regexp.MustCompile(`\b(?:3DS_)?[A-Z]{3,}(?:_[A-Z]+)*\b`)

func (r caseRecord) check() string {
	if len(r.Params) > 0 {
		if got := token(r.Params, kit.Secret(r.Password)); got != r.Expected {
			return "Token is " + got
		}
		return ""
	}
	words := statusWord.FindAllString(r.OneStage+" "+r.TwoStage+" "+r.Failures, -1)
	if len(words) == 0 && len(r.ErrorCodes) == 0 {
		return "record is of an unknown kind"
	}
	for _, word := range words {
		if Status(word).Payment() == kit.PaymentUnknown {
			return "status " + word + " is not known"
		}
	}
	for code, text := range r.ErrorCodes {
		want := kit.OutcomeRefused
		if code == CodeNone {
			continue // success is not an error
		} else if strings.Contains(text, "later") {
			want = kit.OutcomeRetryable
		}
		if got := outcomeOfCode(code, false); got != want {
			return fmt.Sprintf("code %s is %s, want %s", code, got, want)
		}
	}
	return ""
}
