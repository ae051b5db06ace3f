package walls_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImports(t *testing.T) {
	t.Parallel()
	list := packages(t)
	if len(list) < 40 {
		t.Fatalf("go list found only %d packages", len(list))
	}
	for _, p := range list {
		for _, fault := range faults(p, rules) {
			t.Error(fault)
		}
	}
	for _, fault := range sharedIntegrations(list) {
		t.Error(fault)
	}
}

// sharedIntegrations lists the vendors that two rooms talk to. A vendor has one owner, which translates its language into ours; the
// composition root hands over the account, and the kit belongs to all.
func sharedIntegrations(list []pkg) []string {
	owners := map[string]map[string]bool{}
	for _, p := range list {
		if _, ok := match("integrations/...", p.path); ok || p.path == "internal/app" {
			continue
		}
		for _, imported := range p.imports {
			vendor, ok := match("integrations/*", strings.TrimPrefix(imported, "./"))
			if !ok || vendor == "kit" {
				continue
			}
			if owners[vendor] == nil {
				owners[vendor] = map[string]bool{}
			}
			owners[vendor][p.path] = true
		}
	}
	var out []string
	for _, vendor := range slices.Sorted(maps.Keys(owners)) {
		if len(owners[vendor]) > 1 {
			out = append(out, fmt.Sprintf("integrations/%s has the owners %s. Instead: one owns it and the others ask that one.",
				vendor, strings.Join(slices.Sorted(maps.Keys(owners[vendor])), ", ")))
		}
	}
	return out
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	// Each case is one import of a made-up package; want is the reason, or nothing.
	for name, c := range map[string]struct {
		from, imported string
		test           bool
		want           string
	}{
		"a service uses its own tables":                       {from: "services/loans", imported: "./gen/db/loansdb"},
		"a service refuses another's tables":                  {from: "services/loans", imported: "./gen/db/paymentsdb", want: "it is not among what the room may know"},
		"a service refuses another service":                   {from: "services/loans", imported: "./services/payments", want: "it is not among what the room may know"},
		"a service refuses another's pure part":               {from: "services/loans", imported: "./services/payments/posting", want: "it is not among what the room may know"},
		"a service uses its pure part":                        {from: "services/loans", imported: "./services/loans/amortize"},
		"a service uses the other's contract":                 {from: "services/loans", imported: "./gen/go/lendgate/payments/v1"},
		"a service refuses the composition root":              {from: "services/loans", imported: "./internal/app", want: "the room may not know it"},
		"a service refuses the edge":                          {from: "services/loans", imported: "./bff/edge", want: "it is not among what the room may know"},
		"a service refuses a test kit":                        {from: "services/loans", imported: "./internal/servicetest", want: "only tests may import it"},
		"a service refuses a simulator":                       {from: "services/payments", imported: "./integrations/tbank/sim", want: "only tests may import it"},
		"a service's test uses a test kit":                    {from: "services/loans", imported: "./internal/servicetest", test: true},
		"a service's test uses a simulator":                   {from: "services/payments", imported: "./integrations/tbank/sim", test: true},
		"a service's test uses its own package":               {from: "services/loans", imported: "./services/loans", test: true},
		"a service's test refuses another service":            {from: "services/loans", imported: "./services/payments", test: true, want: "it is not among what the room may know"},
		"a pure part computes with decimals":                  {from: "services/loans/amortize", imported: "github.com/cockroachdb/apd/v3"},
		"a pure part refuses the context":                     {from: "services/loans/amortize", imported: "context", want: "this part of the standard library reaches out of a computation"},
		"a pure part refuses the network":                     {from: "services/loans/amortize", imported: "net/http", want: "this part of the standard library reaches out of a computation"},
		"a pure part refuses the database":                    {from: "services/loans/amortize", imported: "github.com/jackc/pgx/v5", want: "this room uses only the libraries that its rule names"},
		"a pure part refuses contracts":                       {from: "services/loans/amortize", imported: "./gen/go/lendgate/loans/v1", want: "it is not among what the room may know"},
		"a pure part refuses its service":                     {from: "services/loans/amortize", imported: "./services/loans", want: "the room may not know it"},
		"a pure part uses its sibling":                        {from: "services/loans/allocate", imported: "./services/loans/amortize"},
		"a pure part refuses another service's":               {from: "services/loans/allocate", imported: "./services/scoring/limit", want: "it is not among what the room may know"},
		"a pure part's test uses its own package":             {from: "services/loans/amortize", imported: "./services/loans/amortize", test: true},
		"a pure part's test may read files":                   {from: "services/loans/amortize", imported: "os", test: true},
		"push uses its own tables":                            {from: "push", imported: "./gen/db/pushdb"},
		"push refuses the tables of others":                   {from: "push", imported: "./gen/db/identitydb", want: "it is not among what the room may know"},
		"a template refuses Redis":                            {from: "push/template", imported: "github.com/redis/go-redis/v9", want: "this room uses only the libraries that its rule names"},
		"the wake-up uses Redis":                              {from: "push/hint", imported: "github.com/redis/go-redis/v9"},
		"a screen uses contracts":                             {from: "bff/mobile", imported: "./gen/go/lendgate/loans/v1"},
		"a screen refuses tables":                             {from: "bff/mobile", imported: "./gen/db/loansdb", want: "it is not among what the room may know"},
		"a screen refuses a service":                          {from: "bff/mobile", imported: "./services/loans", want: "it is not among what the room may know"},
		"the edge uses the signature":                         {from: "bff/edge", imported: "./bff/signature"},
		"the edge refuses the screens":                        {from: "bff/edge", imported: "./bff/mobile", want: "it is not among what the room may know"},
		"the signature refuses ours":                          {from: "bff/signature", imported: "./internal/clock", want: "it is not among what the room may know"},
		"the signature refuses other libraries":               {from: "bff/signature", imported: "github.com/google/uuid", want: "this room uses only the libraries that its rule names"},
		"generated code refuses ours":                         {from: "gen/go/lendgate/loans/v1/loansv1connect", imported: "./internal/inproc", want: "it is not among what the room may know"},
		"a simulator uses the simulators' kit":                {from: "integrations/tbank/sim", imported: "./integrations/kit/simkit"},
		"a simulator refuses its client":                      {from: "integrations/tbank/sim", imported: "./integrations/tbank", want: "it is not among what the room may know"},
		"a simulator refuses ours":                            {from: "integrations/tbank/sim", imported: "./internal/clock", want: "it is not among what the room may know"},
		"an integration refuses the simulators' kit":          {from: "integrations/tbank", imported: "./integrations/kit/simkit", want: "only tests may import it"},
		"an integration refuses another vendor":               {from: "integrations/tbank", imported: "./integrations/fcm", want: "it is not among what the room may know"},
		"the platform refuses a service":                      {from: "internal/outbox", imported: "./services/loans", want: "it is not among what the room may know"},
		"the platform refuses a service's contract":           {from: "internal/outbox", imported: "./gen/go/lendgate/loans/v1", want: "it is not among what the room may know"},
		"the composition root knows all":                      {from: "internal/app", imported: "./services/loans"},
		"the command refuses a service":                       {from: "cmd/lendgate", imported: "./services/loans", want: "it is not among what the room may know"},
		"a verb refuses a service":                            {from: "cmd/lendgate/demo", imported: "./services/loans", want: "it is not among what the room may know"},
		"a verb uses a pure part":                             {from: "cmd/lendgate/cases", imported: "./services/loans/amortize"},
		"a journey refuses a service's insides":               {from: "test/platform", imported: "./services/loans", test: true, want: "it is not among what the room may know"},
		"anybody uses the harmless standard library":          {from: "services/loans/amortize", imported: "slices"},
		"a library whose first segment has a dot is no std":   {from: "bff/signature", imported: "gopkg.in/yaml.v3", want: "this room uses only the libraries that its rule names"},
		"a platform package's test refuses the services":      {from: "internal/bus", imported: "./services/loans", test: true, want: "it is not among what the room may know"},
		"a platform package's test starts a private database": {from: "internal/bus", imported: "./internal/pgtest", test: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pkg{path: c.from}
			if c.test {
				p.testImports = []string{c.imported}
			} else {
				p.imports = []string{c.imported}
			}
			said := faults(p, rules)
			switch {
			case c.want == "" && len(said) > 0:
				t.Errorf("refused: %s", said)
			case c.want != "" && (len(said) != 1 || !strings.Contains(said[0], c.want)):
				t.Errorf("said %q, want one fault with %q", said, c.want)
			case c.want != "" && (!strings.Contains(said[0], c.imported) || !strings.Contains(said[0], "Instead: ")):
				t.Errorf("the fault names no import or no way out: %q", said[0])
			}
		})
	}
}

func TestImportRulesKnowTheirRooms(t *testing.T) {
	t.Parallel()
	if said := faults(pkg{path: "misc/stuff"}, rules); len(said) != 1 || !strings.Contains(said[0], "no room") {
		t.Errorf("a package outside the house: %q", said)
	}
	shared := sharedIntegrations([]pkg{
		{path: "services/payments", imports: []string{"./integrations/bank", "./integrations/kit"}},
		{path: "push", imports: []string{"./integrations/bank", "./integrations/kit"}},
		{path: "internal/app", imports: []string{"./integrations/bank"}},
		{path: "integrations/bank", imports: []string{"./integrations/kit"}},
	})
	want := []string{"integrations/bank has the owners push, services/payments. Instead: one owns it and the others ask that one."}
	if diff := cmp.Diff(want, shared); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}
