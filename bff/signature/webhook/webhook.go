package webhook

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

// The header fields of a webhook.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Bounds on what is read before anything is known about the sender.
const (
	maxIDChars    = 256
	maxTimeDigits = 12   // unix seconds until the year 33658
	maxFieldChars = 4096 // of Webhook-Signature
	maxSignatures = 16
)

// defaultTolerance is the window of the specification's own libraries.
const defaultTolerance = 5 * time.Minute

// Signer signs webhooks. It is safe for concurrent use.
type Signer struct {
	// Keys sign, each of them. While a key is being replaced there are two, and a
	// receiver that knows either is content.
	Keys []signature.Key
	// Now is the clock. It must be set.
	Now func() time.Time
}

// Sign sets the three fields for this content in header. The id is that of the event:
// the same for every attempt to deliver it, without a full stop.
func (s Signer) Sign(header http.Header, id string, payload []byte) error {
	if s.Now == nil || len(s.Keys) == 0 {
		return refuse(signature.ReasonUnavailable, "the signer lacks a clock or a key")
	}
	if !isID(id) {
		return refuse(signature.ReasonMalformed, "the id cannot be signed")
	}
	timestamp := strconv.FormatInt(s.Now().Unix(), 10)
	signed := content(id, timestamp, payload)
	signatures := make([]string, len(s.Keys))
	for i, key := range s.Keys {
		label, err := version(key)
		if err != nil {
			return err
		}
		raw, err := key.SignBase(signed)
		if err != nil {
			return err
		}
		signatures[i] = label + "," + base64.StdEncoding.EncodeToString(raw)
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, strings.Join(signatures, " "))
	return nil
}

// Verifier verifies webhooks. It is safe for concurrent use.
type Verifier struct {
	// Keys are those of the sender. Any of them may have signed.
	Keys []signature.Key
	// Now is the clock. It must be set.
	Now func() time.Time
	// Tolerance is how far the timestamp may lie from now, either way; zero means five
	// minutes.
	Tolerance time.Duration
}

// Verified is what is known about a webhook that passed.
type Verified struct {
	// ID is that of the event. The receiver must handle it once.
	ID string
	// Time is when this attempt was signed.
	Time time.Time
	// KeyID names the key that signed.
	KeyID string
}

// Verify checks a webhook's header against its content as received.
func (v Verifier) Verify(header http.Header, payload []byte) (Verified, error) {
	if v.Now == nil || len(v.Keys) == 0 {
		return Verified{}, refuse(signature.ReasonUnavailable, "the verifier lacks a clock or a key")
	}
	id, errID := single(header, HeaderID)
	timestamp, errTime := single(header, HeaderTimestamp)
	list, errList := single(header, HeaderSignature)
	for _, err := range []error{errID, errTime, errList} {
		if err != nil {
			return Verified{}, err
		}
	}
	at, ok := readTime(timestamp)
	if !ok || !isID(id) || len(list) > maxFieldChars {
		return Verified{}, refuse(signature.ReasonMalformed, "a field breaks its grammar")
	}
	if err := v.checkTime(at); err != nil {
		return Verified{}, err
	}
	signatures := strings.Fields(list)
	if len(signatures) > maxSignatures {
		return Verified{}, refuse(signature.ReasonMalformed, "too many signatures")
	}
	signed := content(id, timestamp, payload)
	for _, key := range v.Keys {
		label, err := version(key)
		if err != nil {
			return Verified{}, err
		}
		for _, s := range signatures {
			if holds(key, label, s, signed) {
				return Verified{ID: id, Time: at, KeyID: key.ID}, nil
			}
		}
	}
	return Verified{}, refuse(signature.ReasonSignature, "no signature holds by any key")
}

// checkTime compares in whole seconds, as the timestamp counts.
func (v Verifier) checkTime(at time.Time) error {
	tolerance := v.Tolerance
	if tolerance <= 0 {
		tolerance = defaultTolerance
	}
	now := v.Now().Truncate(time.Second)
	if at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
		return refuse(signature.ReasonClockSkew, "signed too far from our time")
	}
	return nil
}

// holds tells if one member of the list is a signature by the key. Versions that are
// not the key's are other keys' business.
func holds(key signature.Key, label, member string, signed []byte) bool {
	encoded, ours := strings.CutPrefix(member, label+",")
	if !ours {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	return err == nil && key.VerifyBase(signed, raw) == nil
}

// content is what is signed. Neither of its first two parts can hold a full stop, so
// no bytes can move from one part to the next.
func content(id, timestamp string, payload []byte) []byte {
	signed := make([]byte, 0, len(id)+len(timestamp)+len("..")+len(payload))
	signed = append(append(signed, id...), '.')
	signed = append(append(signed, timestamp...), '.')
	return append(signed, payload...)
}

// single gives the one value of a field. Of two values a proxy and an application
// could each believe another.
func single(header http.Header, name string) (string, error) {
	switch values := header[name]; {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", refuse(signature.ReasonMissing, "no "+name)
	case len(values) > 1:
		return "", refuse(signature.ReasonMalformed, name+" is repeated")
	default:
		return values[0], nil
	}
}

// isID tells if text is an identifier: printable ASCII without spaces and full stops.
func isID(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || c == '.' {
			return false
		}
	}
	return text != "" && len(text) <= maxIDChars
}

// readTime reads unix seconds: digits alone.
func readTime(text string) (time.Time, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return time.Time{}, false
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil && len(text) <= maxTimeDigits
}
