package web_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

const (
	// lookPatience bounds the waiting for something on the screen.
	lookPatience = 30 * time.Second
	// phoneWidth and phoneHeight are those of a common phone, in CSS pixels.
	phoneWidth, phoneHeight = 390, 844
	// testCard is the bank simulator's card that pays and takes payouts.
	testCard = "4300 0000 0000 0777"
)

// findChromium skips the test where there is no browser.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium on this machine; tools/install-chromium installs one")
	return ""
}

// phone is a browser of the size of a phone, with what went wrong in it.
type phone struct {
	ctx context.Context

	mu     sync.Mutex
	faults []string
}

// newPhone opens a browser that has never been here, in a language. It fails the test at its end when a script failed or a rule of the
// content security policy was broken.
func newPhone(t *testing.T, language string, features ...*emulation.MediaFeature) *phone {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(findChromium(t)), chromedp.Flag("lang", language))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root.
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	p := &phone{ctx: ctx}
	chromedp.ListenTarget(ctx, p.note)
	err := chromedp.Run(ctx,
		cdplog.Enable(),
		chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateMobile, chromedp.EmulateScale(1.5)),
		emulation.SetUserAgentOverride("lendgate test").WithAcceptLanguage(language),
		emulation.SetLocaleOverride().WithLocale(language),
		emulation.SetEmulatedMedia().WithFeatures(features),
	)
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Errorf("in the browser: %s", fault)
		}
	})
	return p
}

// note keeps what the browser complains about. Refusals of the server come as failed requests and are no faults of the page.
func (p *phone) note(event any) {
	fault := ""
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = event.ExceptionDetails.Error()
	case *cdplog.EventEntryAdded:
		if event.Entry.Level == cdplog.LevelError && event.Entry.Source != cdplog.SourceNetwork {
			fault = fmt.Sprintf("%s: %s", event.Entry.Source, event.Entry.Text)
		}
	}
	if fault != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fault)
	}
}

// do runs steps in the browser, each of which waits for what it needs.
func (p *phone) do(t *testing.T, what string, steps ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, lookPatience)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var text string
		_ = chromedp.Run(p.ctx, chromedp.Text("body", &text, chromedp.ByQuery))
		p.shoot(t, "failure")
		t.Fatalf("%s: %v\nThe screen says:\n%s", what, err, text)
	}
}

// press presses the button or link with these words.
func (p *phone) press(t *testing.T, words string) {
	t.Helper()
	p.do(t, "press "+words, chromedp.Click(byWords(words), chromedp.BySearch))
}

// byWords finds a button that may be pressed, or a link, by its whole text.
func byWords(words string) string {
	return fmt.Sprintf(`//button[not(@disabled) and normalize-space()=%[1]q] | //a[normalize-space()=%[1]q]`, words)
}

// sees waits until the screen says something.
func (p *phone) sees(t *testing.T, words string) {
	t.Helper()
	p.do(t, "wait for "+words, chromedp.WaitVisible(fmt.Sprintf(`//*[self::main or @id="news"]//*[contains(normalize-space(), %q)]`, words), chromedp.BySearch))
}

// rests waits until the websocket is connected and nothing is being loaded any more.
func (p *phone) rests(t *testing.T) {
	t.Helper()
	p.do(t, "come to rest", chromedp.WaitReady(`body[data-live="connected"] main:not([aria-busy])`, chromedp.ByQuery))
}

// says tells whether the screen says something now.
func (p *phone) says(t *testing.T, words string) bool {
	t.Helper()
	var text string
	p.do(t, "read the screen", chromedp.Text("main", &text, chromedp.ByQuery))
	return strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), words)
}

// types writes into the input with this id instead of what is there, as keys are pressed.
func (p *phone) types(t *testing.T, id, text string) {
	t.Helper()
	p.do(t, "type into "+id, chromedp.WaitVisible(id, chromedp.ByID),
		chromedp.Evaluate(fmt.Sprintf("document.getElementById(%q).value = ''", id), nil), chromedp.SendKeys(id, text, chromedp.ByID))
}

// sets gives a date input or a list its value, which keys would do differently in each language.
func (p *phone) sets(t *testing.T, id, value string) {
	t.Helper()
	p.do(t, "set "+id, chromedp.SetValue(id, value, chromedp.ByID))
}

// fillsBankForm opens the bank's form behind a link, types the card's number there and closes the tab.
func (p *phone) fillsBankForm(t *testing.T, linkID string) {
	t.Helper()
	opened := chromedp.WaitNewTarget(p.ctx, func(info *target.Info) bool { return strings.Contains(info.URL, "/tbank/") })
	p.do(t, "open the bank's form", chromedp.Click(linkID, chromedp.ByID))
	var tab target.ID
	select {
	case tab = <-opened:
	case <-time.After(lookPatience):
		t.Fatal("the bank's form does not open")
	}
	ctx, closeTab := chromedp.NewContext(p.ctx, chromedp.WithTargetID(tab))
	defer closeTab()
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.SendKeys(`input[name=pan]`, testCard, chromedp.ByQuery), chromedp.Click("button", chromedp.ByQuery),
		chromedp.WaitNotPresent("form", chromedp.ByQuery))
	if err != nil {
		t.Fatalf("the bank's form: %v", err)
	}
}

// shoot keeps a picture of the screen when pictures are wanted.
func (p *phone) shoot(t *testing.T, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	var picture []byte
	if err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot(&picture)); err != nil {
		t.Errorf("picture %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil {
		t.Error(err)
	}
}
