package template_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/integrations/kit/smstext"
	"github.com/lendgate/lendgate/push/template"
)

func load(t *testing.T) *template.Catalog {
	t.Helper()
	catalog, err := template.Load()
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func get(t *testing.T, name string) *template.Template {
	t.Helper()
	found, ok := load(t).Get(name)
	if !ok {
		t.Fatalf("no template %s", name)
	}
	return found
}

// parameters are samples for every name that templates declare.
func parameters() map[string]string {
	return map[string]string{"code": "123456", "minutes": "5", "subject": "2026-000123", "application_id": "app_0", "loan_id": "loan_0", "unasked": "x"}
}

func TestCatalogHasWhatTheContractNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"agreement-ready", "agreement-signed", "application-offered", "application-rejected", "application-submitted",
		"loan-closed", "loan-disbursed", "loan-repaid", "login-code", "payment-failed", "signature-code",
	}
	if diff := cmp.Diff(want, load(t).Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"en", "pl", "ru", "uk"}, load(t).Languages()); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, template, locale string
		channel                template.Channel
		want                   template.Message
	}{
		{"a code in Ukrainian", "login-code", "uk", template.SMS, template.Message{Body: "123456 — код входу, діє 5 хв. Нікому його не кажіть."}},
		{"a region falls back on its language", "login-code", "uk-UA", template.SMS, template.Message{Body: "123456 — код входу, діє 5 хв. Нікому його не кажіть."}},
		{"an unknown language falls back on English", "login-code", "ka", template.SMS, template.Message{Body: "123456 is your login code, valid for 5 min. Never share it with anyone."}},
		{"no language is English", "signature-code", "", template.SMS, template.Message{Body: "123456 is your code to sign 2026-000123. Never share it with anyone."}},
		{"a push has a title", "loan-disbursed", "en", template.Push, template.Message{Title: "Transfer completed", Body: "Open the app to see the details."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := get(t, test.template).Render(test.channel, test.locale, parameters())
			if err != nil || got != test.want {
				t.Errorf("Render = %+v, %v", got, err)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	t.Run("a channel without a text", func(t *testing.T) {
		t.Parallel()
		if _, err := get(t, "login-code").Render(template.Push, "en", parameters()); !errors.Is(err, template.ErrUnknown) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a missing parameter, without quoting the others", func(t *testing.T) {
		t.Parallel()
		_, err := get(t, "login-code").Render(template.SMS, "en", map[string]string{"kod": "654321"})
		if err == nil || strings.Contains(err.Error(), "654321") {
			t.Errorf("error %v", err)
		}
	})
}

func TestTake(t *testing.T) {
	t.Parallel()
	got, err := get(t, "login-code").Take(parameters())
	if diff := cmp.Diff(map[string]string{"code": "123456", "minutes": "5"}, got); diff != "" || err != nil {
		t.Errorf("%v, taken (-want +got):\n%s", err, diff)
	}
	if bare, err := get(t, "login-code").Take(map[string]string{"code": "123456"}); err != nil || bare["minutes"] != "" {
		t.Errorf("without what is optional: %v, %v", bare, err)
	}
	for _, given := range []map[string]string{nil, {"code": " "}} {
		var missing *template.MissingError
		if _, err := get(t, "login-code").Take(given); !errors.As(err, &missing) || missing.Parameter != "code" {
			t.Errorf("Take(%v): error %v", given, err)
		}
	}
}

func TestData(t *testing.T) {
	t.Parallel()
	want := map[string]string{"v": "1", "type": "loan-repaid", "id": "loan_0"}
	if diff := cmp.Diff(want, get(t, "loan-repaid").Data(parameters())); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

// sum finds digits and currency signs: nothing of the kind belongs on a lock screen.
var sum = regexp.MustCompile(`[0-9₴$€₽]`)

// TestTextsOfEveryLanguage holds the promises that no compiler keeps, for every template in every language.
func TestTextsOfEveryLanguage(t *testing.T) {
	t.Parallel()
	catalog := load(t)
	for _, name := range catalog.Names() {
		for _, language := range catalog.Languages() {
			t.Run(name+" in "+language, func(t *testing.T) {
				t.Parallel()
				tmpl := get(t, name)
				if tmpl.Has(template.Push) {
					shown, err := tmpl.Render(template.Push, language, parameters())
					if err != nil || shown.Title == "" || shown.Body == "" || sum.MatchString(shown.Title+shown.Body) {
						t.Errorf("on the lock screen %+v, %v", shown, err)
					}
				}
				if tmpl.Has(template.SMS) {
					text, err := tmpl.Render(template.SMS, language, parameters())
					cost := smstext.Count(text.Body)
					if err != nil || cost.Parts != 1 {
						t.Errorf("%q costs %+v, %v", text.Body, cost, err)
					}
					t.Logf("%d %s units in %d part", cost.Units, cost.Encoding, cost.Parts)
				}
				if tmpl.Secret && !slices.Contains(tmpl.Parameters, "code") {
					t.Error("a secret template has no code")
				}
			})
		}
	}
}
