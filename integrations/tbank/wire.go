package tbank

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/integrations/kit"
)

// identifier is PaymentId and its kin: a string in some methods and a number in
// others, always digits.
type identifier string

// UnmarshalJSON accepts both spellings.
func (i *identifier) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	text := string(bytes.Trim(data, `"`))
	if len(text) > 20 {
		return errors.New("tbank: identifier is longer than 20 digits")
	}
	for _, r := range text {
		if r < '0' || r > '9' {
			return fmt.Errorf("tbank: identifier is not digits")
		}
	}
	*i = identifier(text)
	return nil
}

// answer is the envelope that every method returns, and the fields of all.
type answer struct {
	Success        *bool
	ErrorCode      string
	Message        string
	Details        string
	TerminalKey    string
	OrderID        string     `json:"OrderId"`
	PaymentID      identifier `json:"PaymentId"`
	Status         Status
	Amount         int64
	OriginalAmount int64
	NewAmount      int64
	PaymentURL     string
	CustomerKey    string
	RequestKey     string
	Payments       []answer
}

// read turns the vendor's answer into a value or an *kit.Error. moves as in
// outcomeOfCode; it also decides what an answer that we cannot read means.
func read(client *kit.Client, call kit.Call, body []byte, moves bool) (answer, error) {
	var got answer
	if err := json.Unmarshal(body, &got); err != nil {
		return answer{}, client.Garbled(call, err)
	}
	if got.Success == nil {
		return answer{}, client.Garbled(call, errors.New("answer has no Success"))
	}
	if *got.Success && (got.ErrorCode == "" || got.ErrorCode == CodeNone) {
		return got, nil
	}
	outcome := outcomeOfCode(got.ErrorCode, moves)
	if got.Status == StatusRejected || got.Status == StatusAuthFail {
		outcome = kit.OutcomeRefused // the status is the last word, whatever the code
	}
	message := got.Message
	if got.Details != "" {
		message += " (" + got.Details + ")"
	}
	return answer{}, client.Fail(call, outcome, got.ErrorCode, message)
}
