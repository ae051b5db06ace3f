package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// cabinetPath is where a person finds the cabinet at the edge.
const cabinetPath = "/cabinet/"

// TestCabinet is one after another, on one platform: the later parts stand on the loan of the first.
func TestCabinet(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the platform and a browser for a while; left out by -short")
	}
	findChromium(t)
	p := startPlatform(t)
	t.Run("a loan from the first visit to the payout and a payment", func(t *testing.T) { takeLoan(t, p) })
	t.Run("one missing section leaves the others", func(t *testing.T) { missSection(t, p) })
	t.Run("in Ukrainian, in the dark, with a wrong code", func(t *testing.T) { speakUkrainian(t, p) })
}

// takeLoan is a demo person who comes for the first time.
func takeLoan(t *testing.T, p *platform) {
	settleSlowly(t, p)
	anna := newPhone(t, "en")
	logIn(t, anna, p, "+380500000001", "111111")
	anna.sees(t, "You have no loans")
	anna.press(t, "See what a loan costs")

	anna.sees(t, "You pay in all")
	anna.press(t, "Add a card")
	anna.fillsBankForm(t, "card-form")
	anna.sees(t, "Card 430000")
	anna.shoot(t, "new-loan")
	anna.press(t, "Apply")

	anna.sees(t, "we need a few more details")
	anna.press(t, "Fill in my details")
	fillProfile(t, anna)
	var mark bool
	anna.do(t, "mark the page", chromedp.Evaluate("window.neverLoadedAgain = true", &mark))
	anna.sees(t, "An offer is waiting for you.") // Said by the websocket alone.
	anna.sees(t, "Your offers")
	anna.shoot(t, "offer")
	anna.press(t, "Choose this offer")

	anna.sees(t, "Read the agreement")
	readAgreement(t, anna)
	anna.shoot(t, "agreement")
	anna.do(t, "say that it is read", chromedp.Click("read", chromedp.ByID))
	anna.press(t, "Send me a code to sign")
	anna.types(t, "code", "111111")
	anna.press(t, "Sign")
	anna.sees(t, "The money is on its way")
	anna.shoot(t, "signed")
	anna.sees(t, "The money has arrived.")
	anna.press(t, "Open my loan")

	anna.sees(t, "Payment plan")
	anna.shoot(t, "loan")
	payInstalment(t, anna)
	var kept bool
	anna.do(t, "look for the mark", chromedp.Evaluate("window.neverLoadedAgain === true", &kept))
	if !kept {
		t.Error("the page was loaded again on the way")
	}
	anna.do(t, "go home", chromedp.Click(`//a[@class="brand"]`, chromedp.BySearch))
	anna.sees(t, "Hello, Anna")
	anna.sees(t, "Still to pay")
	anna.do(t, "let the news go", chromedp.WaitReady("#news:empty", chromedp.ByQuery))
	anna.shoot(t, "home")
	anna.press(t, "Log out")
	anna.sees(t, "We send a code to your phone")
	anna.do(t, "come again", chromedp.Reload())
	anna.sees(t, "We send a code to your phone")
}

// settleSlowly makes the bank take its time for payouts, so that the page is seen waiting for one.
func settleSlowly(t *testing.T, p *platform) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.SimulatorsURL+"/tbank/_sim/settings", strings.NewReader(`{"payout_polls": 2}`))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("the bank's settings: %s", response.Status)
	}
}

// logIn opens the cabinet and logs a demo person in, whose code is always the same.
func logIn(t *testing.T, phone *phone, p *platform, number, code string) {
	t.Helper()
	phone.do(t, "open the cabinet", chromedp.Navigate(p.EdgeURL+cabinetPath))
	phone.types(t, "phone", number)
	phone.shoot(t, "login")
	phone.press(t, "Send me a code")
	phone.types(t, "code", code)
	phone.press(t, "Confirm")
	phone.do(t, "arrive", chromedp.WaitVisible("log-out", chromedp.ByID))
}

// fillProfile tells what is asked of somebody who does not exist.
func fillProfile(t *testing.T, phone *phone) {
	t.Helper()
	phone.types(t, "given-name", "Anna")
	phone.types(t, "family-name", "Demo")
	phone.sets(t, "birth-date", "1990-05-17")
	phone.types(t, "tax-id", "3300900010")
	phone.types(t, "address", "1 Example Street, Kyiv")
	phone.sets(t, "employment", "1")
	phone.sets(t, "employed-since", "2019-03-01")
	phone.types(t, "monthly-income", "40 000")
	phone.types(t, "monthly-obligations", "0")
	phone.shoot(t, "profile")
	phone.do(t, "consent", chromedp.Click("consent-1", chromedp.ByID), chromedp.Click("consent-2", chromedp.ByID))
	phone.press(t, "Save")
}

// readAgreement fails unless the agreement is offered as a document that the page itself holds.
func readAgreement(t *testing.T, phone *phone) {
	t.Helper()
	var address string
	var found bool
	phone.do(t, "find the document", chromedp.AttributeValue("document", "href", &address, &found, chromedp.ByID))
	if !strings.HasPrefix(address, "blob:") {
		t.Errorf("the document lies at %q", address)
	}
}

// payInstalment pays what is due next on the bank's page, and sees it arrive.
func payInstalment(t *testing.T, phone *phone) {
	t.Helper()
	phone.press(t, "Pay")
	phone.sees(t, "You pay on the bank's own page")
	phone.shoot(t, "pay")
	phone.do(t, "pay", chromedp.Click(`//button[starts-with(normalize-space(), "Pay ")]`, chromedp.BySearch))
	phone.fillsBankForm(t, "payment-form")
	phone.sees(t, "Thank you. Your payment of")
}

// missSection holds a table of loans, so that its service cannot answer in time: the person still sees who they are and what is new.
func missSection(t *testing.T, p *platform) {
	borys := newPhone(t, "en")
	release := holdLoans(t, p)
	logIn(t, borys, p, "+380500000002", "222222")
	borys.sees(t, "This part is not available right now. Everything else is up to date.")
	if borys.says(t, "You have no loans") || !borys.says(t, "News") || !borys.says(t, "My details") {
		t.Error("the other sections are not shown beside the gap")
	}
	borys.rests(t)
	borys.shoot(t, "home-gap")
	release()
	borys.press(t, "Try again")
	borys.sees(t, "You have no loans")

	release = holdLoans(t, p)
	comeAgainUntil(t, borys, "As of ") // The answer of just now counts as fresh for some seconds.
	borys.sees(t, "You have no loans")
	borys.shoot(t, "home-stale")
	release()
}

// comeAgainUntil loads the page again until it says something.
func comeAgainUntil(t *testing.T, phone *phone, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lookPatience)
	defer cancel()
	err := await(ctx, func() (bool, error) {
		phone.do(t, "come again", chromedp.Reload())
		phone.rests(t)
		return phone.says(t, words), nil
	})
	if err != nil {
		t.Fatalf("wait for %s: %v", words, err)
	}
}

// speakUkrainian is a person whose browser speaks Ukrainian: the page's own words, the server's refusal, and a change of the language.
func speakUkrainian(t *testing.T, p *platform) {
	vira := newPhone(t, "uk", &emulation.MediaFeature{Name: "prefers-color-scheme", Value: "dark"})
	vira.do(t, "open the cabinet", chromedp.Navigate(p.EdgeURL+cabinetPath))
	vira.types(t, "phone", "+380500000003")
	vira.press(t, "Надіслати код")
	vira.types(t, "code", "000000")
	vira.press(t, "Підтвердити")
	vira.sees(t, "Залишилося спроб")
	vira.shoot(t, "wrong-code-dark")
	vira.types(t, "code", "333333")
	vira.press(t, "Підтвердити")
	vira.sees(t, "У вас немає кредитів")
	vira.shoot(t, "home-dark")
	vira.do(t, "speak English", chromedp.Evaluate(`(() => {
		const list = document.getElementById("language");
		list.value = "en";
		list.dispatchEvent(new Event("change"));
	})()`, nil))
	vira.sees(t, "You have no loans")
	var language string
	vira.do(t, "read the page's language", chromedp.Evaluate("document.documentElement.lang", &language))
	if language != "en" {
		t.Errorf("the page says that it is in %q", language)
	}
}
