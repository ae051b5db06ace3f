package sessionkey_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/sessionkey"
)

func maker(t *testing.T, fill byte) *sessionkey.Maker {
	t.Helper()
	m, err := sessionkey.NewMaker(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The value was computed apart from this package, by HMAC-SHA256 over the info and a byte 1, which is what HKDF-Expand does for one block.
func TestAKeyIsTheOneOfRFC5869(t *testing.T) {
	t.Parallel()
	key, err := maker(t, 7).Make("demo", "ses_1", "dev_1", "token")
	if err != nil {
		t.Fatal(err)
	}
	const want = "b89c22e5e51080fa376dbfc39112dd0722bfc326e2439f2e5fb77105926103c3"
	if got := hex.EncodeToString(key); got != want {
		t.Errorf("key %s, want %s", got, want)
	}
}

func TestAnotherPartIsAnotherKey(t *testing.T) {
	t.Parallel()
	ours, theirs := maker(t, 1), maker(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		parts := func(label string) [4]string {
			text := rapid.StringMatching(`[a-z_]{0,3}`)
			return [4]string{text.Draw(t, label), text.Draw(t, label), text.Draw(t, label), text.Draw(t, label)}
		}
		a, b := parts("a"), parts("b")
		first, _ := ours.Make(a[0], a[1], a[2], a[3])
		second, _ := ours.Make(b[0], b[1], b[2], b[3])
		if (a == b) != bytes.Equal(first, second) {
			t.Fatalf("%q and %q: keys %x and %x", a, b, first, second)
		}
		if other, _ := theirs.Make(a[0], a[1], a[2], a[3]); bytes.Equal(first, other) {
			t.Fatalf("%q: two platforms have the same key", a)
		}
	})
}

func TestAShortPlatformKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := sessionkey.NewMaker(make([]byte, 31)); err == nil {
		t.Error("taken")
	}
}
