package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/lendgate/lendgate/internal/tenant"
)

const oneLender = `[{"id": "demo", "name": "Demo Lender", "currency": "UAH", "country": "UA", "time_zone": "Europe/Kyiv", "locales": ["uk"]}]`

// planned is a process that has nothing but a plan, with the files of it.
type planned struct {
	*process
	tenantsFile, limitsFile string
}

func newPlanned(t *testing.T) planned {
	t.Helper()
	dir := t.TempDir()
	p := planned{tenantsFile: filepath.Join(dir, "tenants.json"), limitsFile: filepath.Join(dir, "limits.json")}
	p.write(t, p.tenantsFile, oneLender)
	p.write(t, p.limitsFile, `{"per_device": 100}`)
	config := Config{TenantsFile: p.tenantsFile, LimitsFile: p.limitsFile}
	first, err := readPlan(config)
	if err != nil {
		t.Fatal(err)
	}
	p.process = &process{config: config, log: slog.New(slog.DiscardHandler), registry: newRegistry(), tenants: &tenant.Directory{}}
	p.tenants.Replace(first.lenders)
	p.plan = newPlanner(p.process, first)
	return p
}

func (p planned) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// told is how many plans were counted as what became of them.
func (p planned) told(t *testing.T, outcome string) float64 {
	t.Helper()
	var m dto.Metric
	if err := p.plan.outcomes.WithLabelValues(outcome).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// hash is what health says.
func (p planned) hash(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	p.opsHandler(func() bool { return false }).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", http.NoBody))
	return w.Header().Get(planHeader)
}

func TestANewPlanHoldsForEverybody(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	before, given := p.hash(t), p.tenants.Default()
	p.write(t, p.tenantsFile, strings.ReplaceAll(oneLender, "Demo Lender", "Demo Bank"))
	if err := p.plan.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.tenants.Default().Name; got != "Demo Bank" {
		t.Errorf("the services still know %q", got)
	}
	if given.Name != "Demo Lender" {
		t.Error("a lender that somebody holds has changed in their hands")
	}
	if p.hash(t) == before || before == "" {
		t.Errorf("health tells %q before and %q after", before, p.hash(t))
	}
	p.write(t, p.tenantsFile, oneLender)
	if err := p.plan.reload(t.Context()); err != nil || p.hash(t) != before {
		t.Errorf("the same files again make another plan: %s, %v", p.hash(t), err)
	}
	if got := p.told(t, "applied"); got != 2 {
		t.Errorf("%v plans were counted", got)
	}
}

func TestAPlanWithAFaultChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ tenants, limits, want string }{
		"no JSON":                   {`[{`, `{}`, "LENDGATE_TENANTS_FILE"},
		"nobody":                    {`[]`, `{}`, "at least one"},
		"a misspelt limit":          {oneLender, `{"per_devise": 5}`, "per_devise"},
		"a limit below nothing":     {oneLender, `{"per_device": -1}`, "per_device"},
		"something behind limits":   {oneLender, `{} {}`, "after the object"},
		"faults in both":            {`[{"id": "x"}]`, `{"per_partner": -1}`, "per_partner"},
		"another currency":          {strings.ReplaceAll(oneLender, "UAH", "PLN"), `{}`, "stay while the platform runs"},
		"other days":                {strings.ReplaceAll(oneLender, "Kyiv", "Warsaw"), `{}`, "stay while the platform runs"},
		"a lender with a bad name":  {strings.ReplaceAll(oneLender, `"demo"`, `"D"`), `{}`, "beginning with a letter"},
		"a field that nobody knows": {strings.ReplaceAll(oneLender, `"name"`, `"nome"`), `{}`, "nome"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlanned(t)
			before, given := p.hash(t), p.tenants.Default()
			p.write(t, p.tenantsFile, c.tenants)
			p.write(t, p.limitsFile, c.limits)
			for range 3 {
				if err := p.plan.reload(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("said %v", err)
				}
			}
			if p.hash(t) != before || p.tenants.Default() != given {
				t.Error("the old plan does not hold any more")
			}
			if got := p.told(t, "refused"); got != 1 {
				t.Errorf("one bad content was told of %v times", got)
			}
		})
	}
	t.Run("a file that is gone", func(t *testing.T) {
		t.Parallel()
		p := newPlanned(t)
		if err := os.Remove(p.limitsFile); err != nil {
			t.Fatal(err)
		}
		if err := p.plan.reload(t.Context()); err == nil {
			t.Error("limits were forgotten with their file")
		}
	})
}
