package sim

import "strings"

// Card numbers that decide what happens. The first three are test cards that
// the vendor or its SDKs publish; the meaning of the others is ours.
const (
	// CardGood pays at once and receives payouts at once.
	CardGood = "4300000000000777"
	// CardNoFunds is declined with 1051; a payout to it is REJECTED with 1014.
	CardNoFunds = "5000000000000009"
	// Card3DS asks for the password "password"; a payout to it stays in
	// CREDIT_CHECKING for two GetState calls.
	Card3DS = "5411420000000002"
	// CardForeign is declined with 77; a payout to it is refused by Init with 78.
	CardForeign = "4111111111111111"
	// CardSlowReject is declined with 1005; a payout to it stays in
	// CREDIT_CHECKING for two GetState calls and is REJECTED then.
	CardSlowReject = "4000000000000119"
)

// Password3DS is what the simulated bank of Card3DS wants to hear.
const Password3DS = "password"

// slowPolls is how long the slow cards keep a payout in the air.
const slowPolls = 2

// BoundCard is a card that a customer bound for payouts.
type BoundCard struct {
	CardID   string `json:"card_id"`
	Customer string `json:"customer"` // terminal and customer key
	PAN      string `json:"pan"`      // masked
	Expiry   string `json:"expiry"`   // MMYY
	Active   bool   `json:"active"`
	// Number keeps the magic number: it is a published test card.
	Number string `json:"number"`
}

// decline is the vendor's code when a payment by this card fails, or "".
func decline(pan string) (code string) {
	switch pan {
	case CardGood, Card3DS:
		return ""
	case CardNoFunds:
		return "1051" // not enough money on the card
	case CardForeign:
		return "77" // foreign cards are not taken
	case CardSlowReject:
		return "1005" // declined by the issuer
	default:
		return "1014" // no such card
	}
}

// mask keeps six first and four last digits, as the vendor prints numbers.
func mask(pan string) string {
	if len(pan) < 12 {
		return "******"
	}
	return pan[:6] + strings.Repeat("*", len(pan)-10) + pan[len(pan)-4:]
}

// cleanPAN drops the spaces that people type; ok is false when the rest is not
// a card number by length or by the Luhn check (ISO/IEC 7812-1).
func cleanPAN(typed string) (pan string, ok bool) {
	pan = strings.NewReplacer(" ", "", "-", "").Replace(typed)
	if len(pan) < 13 || len(pan) > 19 {
		return pan, false
	}
	sum := 0
	for i := range len(pan) {
		digit := int(pan[len(pan)-1-i] - '0')
		if digit < 0 || digit > 9 {
			return pan, false
		}
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return pan, sum%10 == 0
}
