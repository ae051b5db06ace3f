package kit

import (
	"fmt"
	"log/slog"
)

// redacted is what every printing path of a Secret shows.
const redacted = "[redacted]"

// Secret is a password, key or token that must not appear in logs, error
// texts, JSON or %v output. Reveal is the only way to its value, so that a
// search for Reveal lists every place where a secret is used.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer for %#v.
func (s Secret) GoString() string { return redacted }

// Format covers every verb, %x and %q included, which String would not.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText covers encoding/json and everything else that prefers text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
