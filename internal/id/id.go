// Package id makes and reads identifiers.
//
// In SQL an identifier is a UUID version 7, so that new rows lie together in an index. On the wire it bears a prefix that says what it
// names ("loan_01k9…"), so that a loan's id is never taken for a person's. The two forms are the same 128 bits; the wire form is
// Crockford's base 32 in lower case, 26 letters. Identifiers are no credentials: knowing one opens nothing.
package id

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The prefixes of the wire form. The contracts name them in their rules.
const (
	Person       = "per_"
	Device       = "dev_"
	Session      = "ses_"
	Challenge    = "otp_"
	Consent      = "con_"
	Product      = "prd_"
	Application  = "app_"
	Offer        = "off_"
	Agreement    = "agr_"
	Loan         = "loan_"
	Repayment    = "rep_"
	Disbursement = "dsb_"
	Payout       = "pout_"
	Collection   = "coll_"
	Card         = "card_"
	LedgerTx     = "ltx_"
	Decision     = "dec_"
	Notification = "ntf_"
	Event        = "evt_"
	Staff        = "stf_"
	PartnerKey   = "pky_"
)

// alphabet is Crockford's base 32: no i, l, o, u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New makes an identifier. Later ones sort after earlier ones within a process.
func New() uuid.UUID {
	v7, err := uuid.NewV7()
	if err != nil {
		// The system has no random numbers: nothing that needs secrets can go on.
		panic(fmt.Sprintf("id: no entropy: %v", err))
	}
	return v7
}

// Derive makes the identifier that belongs to a name within a space: the same for every retry (UUID version 5, RFC 9562).
func Derive(space uuid.UUID, name string) uuid.UUID { return uuid.NewSHA1(space, []byte(name)) }

// Format writes the wire form of u.
func Format(prefix string, u uuid.UUID) string {
	out := make([]byte, len(prefix)+26)
	copy(out, prefix)
	// 128 bits in 26 digits of 5 bits: the first digit holds the top 3.
	hi, lo := be64(u[:8]), be64(u[8:])
	for i := 25; i >= 0; i-- {
		out[len(prefix)+i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out)
}

// FormatPtr is Format for a column that may be null; null is the empty string.
func FormatPtr(prefix string, u *uuid.UUID) string {
	if u == nil {
		return ""
	}
	return Format(prefix, *u)
}

// Parse reads a wire form with the given prefix.
func Parse(prefix, s string) (uuid.UUID, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != 26 || rest[0] > '7' {
		return uuid.UUID{}, fmt.Errorf("not an identifier of the form %s…", prefix)
	}
	var hi, lo uint64
	for i := range len(rest) {
		digit := strings.IndexByte(alphabet, rest[i])
		if digit < 0 {
			return uuid.UUID{}, fmt.Errorf("not an identifier of the form %s…", prefix)
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(digit)
	}
	var u uuid.UUID
	put64(u[:8], hi)
	put64(u[8:], lo)
	return u, nil
}

func be64(b []byte) uint64 {
	var v uint64
	for _, x := range b[:8] {
		v = v<<8 | uint64(x)
	}
	return v
}

func put64(b []byte, v uint64) {
	for i := 7; i >= 0; i-- {
		b[i] = byte(v)
		v >>= 8
	}
}
