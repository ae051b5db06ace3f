package smstext

import (
	"strings"
	"unicode/utf16"
)

// Encoding of a message on the air.
type Encoding string

// The two encodings that networks use for text.
const (
	GSM7 Encoding = "GSM-7"
	UCS2 Encoding = "UCS-2"
)

// Limits of one message and of one part of several. A part loses six bytes to
// the user data header that numbers it (TS 23.040, 9.2.3.24.1).
const (
	gsmSingle, gsmPart = 160, 153 // septets
	ucsSingle, ucsPart = 70, 67   // UTF-16 units
)

// The GSM 7-bit default alphabet (TS 23.038, 6.2.1) without ESC, and its
// extension table (6.2.1.1), whose characters are sent as ESC and one more.
const (
	basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "\f^{}\\[~]|€"
)

// Cost is what a text costs to send.
type Cost struct {
	Encoding Encoding
	// Units are septets for GSM-7 and UTF-16 units for UCS-2.
	Units int
	// Parts is the number of messages billed; 0 for an empty text.
	Parts int
}

// Count is the cost of a text.
func Count(text string) Cost {
	encoding := encodingOf(text)
	units := 0
	for _, r := range text {
		units += weight(encoding, r)
	}
	return Cost{Encoding: encoding, Units: units, Parts: len(Split(text))}
}

// Split cuts a text into the parts in which it travels. Joined, they are the
// text again.
func Split(text string) []string {
	if text == "" {
		return nil
	}
	encoding := encodingOf(text)
	single, part := gsmSingle, gsmPart
	if encoding == UCS2 {
		single, part = ucsSingle, ucsPart
	}

	total := 0
	for _, r := range text {
		total += weight(encoding, r)
	}
	if total <= single {
		return []string{text}
	}

	var parts []string
	start, used := 0, 0
	for i, r := range text {
		w := weight(encoding, r)
		if used+w > part { // A pair that does not fit whole opens the next part.
			parts = append(parts, text[start:i])
			start, used = i, 0
		}
		used += w
	}
	return append(parts, text[start:])
}

// encodingOf is GSM-7 only if every character can be written in it.
func encodingOf(text string) Encoding {
	for _, r := range text {
		if !strings.ContainsRune(basic, r) && !strings.ContainsRune(extension, r) {
			return UCS2
		}
	}
	return GSM7
}

// weight of one character in units of the encoding. The extension costs 2 only
// in GSM-7: in UCS-2 the same characters are ordinary.
func weight(encoding Encoding, r rune) int {
	if encoding == UCS2 {
		return utf16.RuneLen(r)
	}
	if strings.ContainsRune(extension, r) {
		return 2
	}
	return 1
}
