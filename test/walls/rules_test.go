package walls_test

import (
	"fmt"
	"slices"
	"strings"
)

// rule says what the packages of a room may import of ours and of libraries. The first rule whose pattern fits a package is its only one.
//
// Patterns are paths: "*" stands for one segment, "..." at the end for any number of them, none included. "$" in the other fields is what
// the first "*" of from stood for: services/* may import gen/db/$db.
type rule struct {
	from string
	// may are the packages of ours that the room may import; not are exceptions from them.
	may, not []string
	// libraries are the outside packages that the room may import; nil means any.
	libraries []string
	// std are the parts of the standard library that it may not import.
	noStd []string
	// instead says what to do when an import is refused.
	instead string
}

// Patterns that several rules share.
var (
	// forTests are packages that only tests may import, wherever the rule of their room stands.
	forTests = []string{"internal/pgtest", "internal/servicetest", "integrations/*/sim", "integrations/kit/simkit"}
	// beyondPure are the parts of the standard library that reach out of a computation: callers, clocks, disks, networks, chance.
	beyondPure = []string{"context", "crypto/rand", "database/...", "io/fs", "log/...", "math/rand/...", "net/...", "os/...", "sync/...", "syscall", "testing/..."}
	// computing are the libraries that only compute: decimals, and the layout of a document.
	computing = []string{"github.com/cockroachdb/apd/v3", "codeberg.org/go-pdf/fpdf"}
)

// rules are the table "Who may import whom" of the architecture, the narrower room first.
var rules = []rule{
	{
		// sqlc writes a column's Go type where its configuration names one: civil dates are ours.
		from: "gen/db/*", may: []string{"internal/civil"},
		instead: "generated code stands on libraries and on the types that queries/sqlc.yaml names",
	},
	{
		from: "gen/...", may: []string{"gen/..."},
		instead: "generated code stands on libraries alone; write what you need beside its user",
	},
	{
		from: "services/*", may: []string{"services/$/...", "gen/go/...", "gen/db/$db", "internal/...", "integrations/..."},
		not:     []string{"internal/app/..."},
		instead: "ask the other service through its generated client, or hear its events; its rows are its own",
	},
	{
		from: "services/*/...", may: []string{"services/$/...", "internal/money", "internal/civil"}, not: []string{"services/$"},
		libraries: computing, noStd: beyondPure,
		instead: "a subpackage of a service computes and nothing else: pass the values in, and leave callers, clocks and SQL to the service",
	},
	{
		from: "push", may: []string{"push/...", "gen/go/...", "gen/db/pushdb", "internal/...", "integrations/..."},
		not:     []string{"internal/app/..."},
		instead: "ask the other service through its generated client, or hear its events; its rows are its own",
	},
	{
		// The wake-up of websockets has two ends, push and the edge's process, and both speak Redis.
		from: "push/hint", may: []string{},
		instead: "the wake-up knows Redis and nothing of ours, so that both its ends may use it",
	},
	{
		from: "push/...", may: []string{"push/...", "internal/money", "internal/civil"}, not: []string{"push"},
		libraries: computing, noStd: beyondPure,
		instead: "a subpackage of push computes and nothing else: pass the values in",
	},
	{
		from: "bff/signature", may: []string{}, libraries: []string{"github.com/dunglas/httpsfv"},
		instead: "the signature package is imported alone by partners: it has the standard library and structured fields, no more",
	},
	{
		from: "bff/signature/webhook", may: []string{"bff/signature"}, libraries: []string{},
		instead: "webhooks are imported alone by those who receive them: they stand on the signature package's keys, no more",
	},
	{
		from: "bff/edge/admission", may: []string{"internal/clock"}, libraries: []string{},
		instead: "it knows no request and no library: pass it what it has to know",
	},
	{
		from: "bff/*", may: []string{"bff/signature", "bff/$/...", "gen/go/...", "gen/openapi", "internal/..."}, not: []string{"internal/app/..."},
		instead: "the backend for frontends owns no data: call the service that does by its generated client",
	},
	{
		from: "integrations/*/sim", may: []string{"integrations/kit/simkit"},
		instead: "a simulator is the third party: it knows nothing of us but its own wire format",
	},
	{
		from: "integrations/kit/...", may: []string{"integrations/kit/..."},
		instead: "the kit is what all integrations share; what only one needs belongs to that one",
	},
	{
		from: "integrations/*", may: []string{"integrations/kit/..."},
		instead: "an integration speaks its vendor's language; its owner translates it into ours",
	},
	{from: "internal/app", may: []string{"..."}, not: []string{"cmd/...", "test/..."}, instead: "the composition root is used by the command, not the reverse"},
	{
		from: "internal/...", may: []string{"internal/...", "gen/go/lendgate/type/v1", "gen/go/lendgate/event/v1", "gen/db/platformdb", "queries", "tools/postgres"},
		not:     []string{"internal/app/..."},
		instead: "the platform knows no service: take a function or a value from internal/app, which knows all",
	},
	{
		from: "cmd/*", may: []string{"cmd/$/...", "internal/app"},
		instead: "the command only reads its line; what it runs belongs to internal/app or to a package of the verb",
	},
	{
		from: "cmd/*/...", may: []string{"cmd/$/...", "internal/...", "gen/go/...", "bff/signature/...", "bff/edge", "services/*/*"},
		instead: "a verb uses a running platform from outside, or pure subpackages; what runs inside is put together in internal/app",
	},
	{
		from: "web", may: []string{}, instead: "the pages are files that are served as they are; what they show comes through the API",
	},
	{from: "docs", may: []string{}, instead: "the documentation's tests read files; a test of what the words say belongs to what they speak of"},
	{from: "queries", may: []string{}, instead: "the SQL is data"},
	{from: "tools/...", may: []string{}, instead: "build tools stand alone"},
	{
		from: "test/...", may: []string{"test/...", "internal/...", "gen/go/...", "bff/signature", "bff/edge", "integrations/..."},
		instead: "journeys are black boxes: use what a client or an operator uses",
	},
	{from: "bench/...", may: []string{"..."}, not: []string{"cmd/...", "test/..."}, instead: "a benchmark measures a part, it does not run a program"},
}

// faults lists what a package imports against the rules. Each says the import, the rule and what to do instead.
func faults(p pkg, rules []rule) []string {
	for _, r := range rules {
		own, ok := match(r.from, p.path)
		if !ok {
			continue
		}
		var out []string
		for _, imported := range p.imports {
			if why := r.refuses(p.path, own, imported, false); why != "" {
				out = append(out, fmt.Sprintf("%s imports %s: %s (rule for %s). Instead: %s.", p.path, imported, why, r.from, r.instead))
			}
		}
		for _, imported := range p.testImports {
			if why := r.refuses(p.path, own, imported, true); why != "" {
				out = append(out, fmt.Sprintf("the tests of %s import %s: %s (rule for %s). Instead: %s.", p.path, imported, why, r.from, r.instead))
			}
		}
		return out
	}
	return []string{fmt.Sprintf("%s stands in no room of the house: put it into one, or add a rule for a new room to test/walls/rules_test.go", p.path)}
}

// refuses says why the rule refuses an import; "" when it does not.
func (r rule) refuses(path, own, imported string, test bool) string {
	ours, isOurs := strings.CutPrefix(imported, "./")
	switch {
	case test && ours == path:
		return "" // A test outside of its package imports what it tests.
	case isOurs:
		return r.refusesOurs(own, ours, test)
	case test:
		return "" // Tests may use any library.
	case !strings.Contains(strings.Split(imported, "/")[0], "."):
		if matchAny(r.noStd, "", imported) {
			return "this part of the standard library reaches out of a computation"
		}
	case r.libraries != nil && !matchAny(r.libraries, "", imported):
		return "this room uses only the libraries that its rule names"
	}
	return ""
}

func (r rule) refusesOurs(own, imported string, test bool) string {
	if matchAny(forTests, "", imported) && !test && !r.maySetUpTests(imported) {
		return "only tests may import it"
	}
	may := r.may
	if test {
		may = slices.Concat(may, forTests, []string{"gen/go/...", "integrations/kit/..."}) // Test kits, and messages of any contract.
	}
	switch {
	case matchAny(r.not, own, imported):
		return "the room may not know it"
	case !matchAny(may, own, imported):
		return "it is not among what the room may know"
	default:
		return ""
	}
}

// maySetUpTests are the rooms whose own work is with what only tests may import: the test kits among themselves, the simulators, and the
// composition root, which runs the simulators beside the platform.
func (r rule) maySetUpTests(imported string) bool {
	switch r.from {
	case "internal/app", "integrations/*/sim", "test/...", "bench/...":
		return true
	case "internal/...":
		return strings.HasPrefix(imported, "internal/")
	default:
		return false
	}
}

func matchAny(patterns []string, own, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		_, ok := match(strings.ReplaceAll(pattern, "$", own), path)
		return ok
	})
}

// match tells whether a path fits a pattern, and what the first "*" stood for.
func match(pattern, path string) (own string, ok bool) {
	wanted, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, want := range wanted {
		switch {
		case want == "...":
			return own, true
		case i >= len(have):
			return "", false
		case want == "*":
			if own == "" {
				own = have[i]
			}
		case want != have[i]:
			return "", false
		}
	}
	return own, len(wanted) == len(have)
}
