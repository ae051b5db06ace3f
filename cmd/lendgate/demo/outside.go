package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// outside is what a person sees beside the app: text messages, the bank's pages, the push tray. They are the simulators' own pages. A real
// lender's people have phones and browsers for it, so none of this is in any contract of ours.
type outside struct {
	url  string
	http *http.Client
}

func newOutside(url string) *outside {
	return &outside{url: url, http: &http.Client{
		Timeout: callTimeout,
		// The bank's form sends the browser back to a page that no phone of ours has; the redirect is the success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// testCard is the bank simulator's card that pays and takes payouts at once.
const testCard = "4300000000000777"

// codePattern finds the code in a text of any language: six digits and nothing else of that form.
var codePattern = regexp.MustCompile(`\b[0-9]{6}\b`)

// texts are the text messages of a phone, oldest first. They are read from the simulator's own inbox, which a real provider does not have.
func (o *outside) texts(ctx context.Context, phone string) ([]string, error) {
	var inbox struct {
		Messages []struct {
			Text string `json:"text"`
		} `json:"messages"`
	}
	err := o.getJSON(ctx, "/turbosms/_sim/messages?phone="+url.QueryEscape(phone), &inbox)
	texts := make([]string, 0, len(inbox.Messages))
	for _, message := range inbox.Messages {
		texts = append(texts, message.Text)
	}
	return texts, err
}

// code reads the newest one-time code of a phone, waiting until there are more than before messages.
func (o *outside) code(ctx context.Context, phone string, before int) (string, error) {
	var code string
	err := poll(ctx, func() (bool, error) {
		texts, err := o.texts(ctx, phone)
		// Not enough yet, or the simulator is away for a moment: poll decides when it has been too long.
		if err != nil || len(texts) <= before {
			return false, err
		}
		// The newest message: a code that was sent before it is worthless by now.
		code = codePattern.FindString(texts[len(texts)-1])
		return code != "", nil
	})
	if err != nil {
		return "", fmt.Errorf("no text message with a code: %w", err)
	}
	return code, nil
}

// fill fills in a form of the bank with the test card. The simulator then calls the platform as the bank would.
func (o *outside) fill(ctx context.Context, form string) error {
	body := url.Values{"pan": {testCard}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, form, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := o.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// 409 and 404: a run before this one has filled it in already.
	if res.StatusCode >= 400 && res.StatusCode != http.StatusConflict && res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("the bank's form answered %s", res.Status)
	}
	return nil
}

// pushes counts the push messages that a device got.
func (o *outside) pushes(ctx context.Context, token string) (int, error) {
	var tray struct {
		Messages []json.RawMessage `json:"messages"`
	}
	err := o.getJSON(ctx, "/fcm/_sim/messages?token="+url.QueryEscape(token), &tray)
	return len(tray.Messages), err
}

// bankPayout is a payout as the bank has it.
type bankPayout struct {
	PaymentID string `json:"payment_id"`
	Amount    int64  `json:"amount"`
	Status    string `json:"status"`
	CardID    string `json:"card_id"`
}

// payouts lists all payouts that the bank made. Amounts are in minor units.
func (o *outside) payouts(ctx context.Context) ([]bankPayout, error) {
	var books struct {
		Payouts []bankPayout `json:"payouts"`
	}
	err := o.getJSON(ctx, "/tbank/_sim/payouts", &books)
	return books.Payouts, err
}

// getJSON reads one of the simulators' own pages.
func (o *outside) getJSON(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+path, nil)
	if err != nil {
		return err
	}
	res, err := o.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", path, res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(into)
}

// pollInterval is how often something outside is looked at again. The simulators run on the same machine, so asking often costs nothing and
// the times in the report are those of the platform.
const pollInterval = 50 * time.Millisecond

// poll asks until the answer is yes, or ctx ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	var last error
	for {
		yes, err := ask()
		if yes {
			return nil
		}
		// An error is kept and not returned: what is not there yet, or away for a moment, may be there the next time.
		last = errors.Join(err)
		timer := time.NewTimer(pollInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), last)
		}
	}
}
