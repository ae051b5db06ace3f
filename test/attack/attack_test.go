package attack_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMatrix runs every row on one installation, in their order: a few rows leave somebody without access, and they stand last.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the platform for a while; left out by -short")
	}
	p := gather(t, startTarget(t))
	rows := slices.Concat(signatureRows(), accessRows(), loginRows(), inputRows())
	known, results := testsOfTheTree(t), make([]result, len(rows))
	for i, r := range rows {
		results[i] = result{row: r.id, state: elsewhere, how: "`" + strings.Join(r.by, "`, `") + "`"}
		switch {
		case r.missing != "":
			results[i].state, results[i].how = notYet, r.missing
		case r.run == nil:
			for _, test := range r.by {
				if !known[test] {
					t.Errorf("%s: there is no test %s", r.id, test)
				}
			}
		default:
			how := ""
			whole := t.Run(r.id, func(t *testing.T) { how = r.run(t, p) })
			results[i].state, results[i].how = held, how
			if !whole {
				results[i].state = broken
			}
		}
	}
	made := table(results, rows)
	t.Logf("the matrix:\n%s", made)
	keep(t, "attack matrix", made, statesOf)
}

// scale is how often something is repeated: few times, or as often as LENDGATE_TEST_ATTACK says, which is the size of the matrix.
func scale(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("LENDGATE_TEST_ATTACK")
	if text == "" {
		return few
	}
	times, err := strconv.Atoi(text)
	if err != nil || times < 1 {
		t.Fatalf("LENDGATE_TEST_ATTACK=%q is no number of repetitions", text)
	}
	return few * times
}
