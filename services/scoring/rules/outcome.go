package rules

import "fmt"

// Outcome is what is decided. A greater one is worse for the applicant, so the worse of two is their max.
type Outcome int

// The outcomes.
const (
	// Approve lends within the limits.
	Approve Outcome = iota
	// Refer asks a person to look.
	Refer
	// Decline does not lend.
	Decline
)

// String is the name in policies and events, such as "DECLINE".
func (o Outcome) String() string {
	switch o {
	case Approve:
		return "APPROVE"
	case Refer:
		return "REFER"
	case Decline:
		return "DECLINE"
	default:
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
}

// MarshalText writes the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name.
func (o *Outcome) UnmarshalText(text []byte) error {
	for _, known := range []Outcome{Approve, Refer, Decline} {
		if known.String() == string(text) {
			*o = known
			return nil
		}
	}
	return fmt.Errorf("outcome %q is none of APPROVE, REFER, DECLINE", text)
}
