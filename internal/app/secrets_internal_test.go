package app

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnswerKeysAreExchangedByCounting counts through a rotation: at every moment the key that any process signs with is published by all
// processes that are one number away.
func TestAnswerKeysAreExchangedByCounting(t *testing.T) {
	t.Parallel()
	s := secrets{master: bytes.Repeat([]byte{1}, masterKeySize)}
	ids := func(number uint32) []string {
		keys, err := s.answerKeys(number)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, key := range keys {
			out = append(out, key.ID)
		}
		return out
	}
	first, second, third := ids(1), ids(2), ids(3)
	if diff := cmp.Diff([]string{first[0], second[0]}, first); diff != "" {
		t.Errorf("number 1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{second[0], third[0], first[0]}, second); diff != "" {
		t.Errorf("number 2 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(second, ids(2)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	other := secrets{master: bytes.Repeat([]byte{2}, masterKeySize)}
	if keys, err := other.answerKeys(1); err != nil || keys[0].ID == first[0] {
		t.Errorf("another installation has the same key: %v", err)
	}
}
