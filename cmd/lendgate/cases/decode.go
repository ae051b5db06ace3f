package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// number is a figure that a file writes as decimal text or as a plain number.
// The text is kept, so that it can be read as a decimal or as a float. A float in the
// decoder would turn 0.1 into something else before anybody asked for it.
type number string

// UnmarshalJSON takes "1.5", 1.5 and null alike; null becomes empty. A flag such
// as true keeps its text, which the functions of spreadsheets have as arguments.
func (n *number) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		*n = ""
		return nil
	}
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		*n = number(text)
		return nil
	}
	// A structure in a number's place is a wrong file and must not become an odd
	// number.
	if raw[0] == '[' || raw[0] == '{' {
		return fmt.Errorf("json: cannot unmarshal %.20s into a number", raw)
	}
	*n = number(raw)
	return nil
}

// float reads the number as floating point, which is how rates are compared. Rates are
// solved by iteration in floating point; amounts are read as decimals instead.
func (n number) float() (float64, error) {
	value, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return 0, fmt.Errorf("number %q: %w", string(n), err)
	}
	return value, nil
}

// whole reads a number without a fraction, however it is written: 4, "4" or 4.0.
func (n number) whole() (int, error) {
	value, err := n.float()
	if err != nil {
		return 0, err
	}
	// Beyond the bound it is no count of days or periods.
	if value != math.Trunc(value) || math.Abs(value) > 1e9 {
		return 0, fmt.Errorf("number %q is not whole", string(n))
	}
	return int(value), nil
}

// floats reads many numbers.
func floats(numbers []number) ([]float64, error) {
	values := make([]float64, len(numbers))
	for i, n := range numbers {
		value, err := n.float()
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

// records reads a JSON array, JSON lines, or an object that holds the array
// under "cases". JSON lines are tried last, since one line alone is an object, too.
func records(raw []byte) ([]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	if trimmed[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(trimmed, &list); err != nil {
			return nil, err
		}
		return list, nil
	}
	var wrapped struct {
		Cases []json.RawMessage `json:"cases"`
	}
	if err := json.Unmarshal(trimmed, &wrapped); err == nil && wrapped.Cases != nil {
		return wrapped.Cases, nil
	}
	var list []json.RawMessage
	for line := range bytes.Lines(trimmed) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if !json.Valid(line) {
			return nil, fmt.Errorf("record %d is not JSON", len(list)+1)
		}
		list = append(list, json.RawMessage(line))
	}
	return list, nil
}

// each runs one check per record. A record that does not decode fails alone. Order is
// kept, so failures stand in the order of the file.
func each[T any](raw []byte, check func(T) error) ([]outcome, error) {
	list, err := records(raw)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, 0, len(list))
	for i, record := range list {
		var named struct {
			ID string `json:"id"`
		}
		var value T
		err := json.Unmarshal(record, &value)
		// The name is read apart, so that a bad record can still be named.
		if json.Unmarshal(record, &named) != nil || named.ID == "" {
			named.ID = fmt.Sprintf("record %d", i+1)
		}
		if err == nil {
			err = check(value)
		}
		outcomes = append(outcomes, outcome{ID: named.ID, Err: err})
	}
	return outcomes, nil
}
