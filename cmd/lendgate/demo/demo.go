package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// demo is a run of the journey. phone, socket and outside are what a person has in hand; journey is all that outlives the process.
type demo struct {
	options Options
	journey *journey
	phone   *phone
	socket  *socket
	outside *outside
	out     io.Writer
}

// stepReport is one step in the --json answer.
type stepReport struct {
	Step    int     `json:"step"`
	Name    string  `json:"name"`
	Result  string  `json:"result,omitempty"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// report is the --json answer. Its names are read by scripts, so they stay.
type report struct {
	OK bool `json:"ok"`
	// Resumed is true when the steps before the first one shown were done by an earlier run.
	Resumed bool   `json:"resumed"`
	LoanID  string `json:"loan_id,omitempty"`
	// Seconds are of this run alone, waiting included.
	Seconds float64      `json:"seconds"`
	Steps   []stepReport `json:"steps"`
}

// Run takes a loan on the platform whose data folder is given and reports to out. The error says which step failed.
func Run(ctx context.Context, o Options, out io.Writer) error {
	d, err := newDemo(o, out)
	if err != nil {
		return err
	}
	result, err := d.run(ctx)
	if o.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if encodeErr := encoder.Encode(result); encodeErr != nil {
			return encodeErr
		}
	}
	return err
}

// newDemo finds the platform, opens the journey and makes its phone; it calls nobody yet.
func newDemo(o Options, out io.Writer) (*demo, error) {
	// The platform leaves its addresses in its data folder: a demo needs no configuration.
	platform, err := app.FindPlatform(o.DataDir)
	if err != nil {
		return nil, err
	}
	j, err := openJourney(o)
	if err != nil {
		return nil, err
	}
	d := &demo{options: o, journey: j, outside: newOutside(platform.SimulatorsURL), out: out}
	key, err := decodeKey(j.DeviceKey)
	if err != nil {
		return nil, err
	}
	link, err := platform.EdgeTransport()
	if err != nil {
		return nil, err
	}
	// The token is asked for at every request, because the journey gets it in the middle and renews it.
	if d.phone, err = newPhone(platform.EdgeURL, link, j.Tenant, o.Locale, key, func() string { return j.AccessToken }); err != nil {
		return nil, err
	}
	return d, nil
}

// run takes the steps from the first that is not done. It stops at the first that fails, since each builds on those before.
func (d *demo) run(ctx context.Context) (report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result, began := report{Resumed: d.options.Resume}, time.Now()
	steps := d.steps()
	if d.options.Resume {
		d.say("Resuming at step %d of %d.\n", min(d.journey.Done+1, len(steps)), len(steps))
		if err := d.refresh(ctx); err != nil {
			return result, err
		}
	}
	var failed error
	for i := d.journey.Done; i < len(steps) && failed == nil; i++ {
		// Before each step: the session that the websocket needs begins in the third.
		d.listen(ctx)
		row := stepReport{Step: i + 1, Name: steps[i].name}
		stepBegan := time.Now()
		row.Result, failed = d.runStep(ctx, steps[i])
		row.Seconds = time.Since(stepBegan).Seconds()
		if failed != nil {
			failed = fmt.Errorf("step %d (%s): %w", i+1, steps[i].name, failed)
			row.Error = failed.Error()
			d.say("✗ %2d. %s\n     %v\n", row.Step, row.Name, failed)
		} else {
			d.say("✓ %2d. %-58s %5.2f s  %s\n", row.Step, row.Name, row.Seconds, row.Result)
		}
		result.Steps = append(result.Steps, row)
	}
	result.OK, result.LoanID, result.Seconds = failed == nil, d.journey.LoanID, time.Since(began).Seconds()
	if failed == nil {
		d.say("\nA loan from the first key to the last cent in %.1f s.\n", result.Seconds)
	} else {
		// Nothing is lost: what was done stays done, and the step that failed is sent again under its own request_id.
		d.say("\nGo on with: lendgate demo --resume\n")
	}
	return result, failed
}

// runStep runs a step within its time and writes the journey down. Done is counted only once the step has succeeded. When the process dies
// between step and file, the step runs again and is answered the same.
func (d *demo) runStep(ctx context.Context, s step) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	said, err := s.run(ctx)
	if err == nil {
		d.journey.Done++
	}
	if d.socket != nil {
		_, d.journey.StreamEpoch = d.socket.position()
	}
	return said, errors.Join(err, d.journey.save())
}

// listen opens the websocket once there is a session. The stream is heard from its beginning, so that a resumed journey hears again what
// happened while it was away: that costs a page of events and proves that none is lost.
func (d *demo) listen(ctx context.Context) {
	if d.socket != nil || d.journey.AccessToken == "" {
		return
	}
	stream := "status:" + d.journey.PersonID
	d.socket = newSocket(d.phone.url+"/connection/websocket", d.phone.link, stream, 0, d.journey.StreamEpoch, func(ctx context.Context) (string, error) {
		res, err := d.phone.auth.CreateRealtimeToken(ctx, &mobilev1.CreateRealtimeTokenRequest{})
		return res.GetToken(), err
	})
	// It ends with the run; a connection that breaks meanwhile is its own business.
	go d.socket.run(ctx)
}

// refresh renews the session of a resumed journey, whose access token may have ended meanwhile. A refresh token is good once; under one
// request_id a repeat gets the tokens of the first answer, so a lost answer locks nobody out.
func (d *demo) refresh(ctx context.Context) error {
	if d.journey.RefreshToken == "" {
		return nil
	}
	_, err := d.phone.home.GetHome(ctx, &mobilev1.GetHomeRequest{})
	if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED {
		return nil // Live, or something else is wrong, which the next step will tell.
	}
	request, err := d.journey.request("refresh")
	if err != nil {
		return err
	}
	d.journey.AccessToken = "" // The old one would be refused before the refresh is looked at.
	res, err := d.phone.auth.RefreshSession(withRequestID(ctx, request), &mobilev1.RefreshSessionRequest{RequestId: request, RefreshToken: d.journey.RefreshToken})
	if err != nil {
		return err
	}
	// The next refresh is another request.
	d.journey.renew("refresh")
	d.journey.AccessToken, d.journey.RefreshToken = res.GetTokens().GetAccessToken(), res.GetTokens().GetRefreshToken()
	d.phone.keepSessionKey(d.journey.AccessToken, res.GetSessionKey())
	return d.journey.save()
}

// say tells the story, unless data were asked for.
func (d *demo) say(format string, args ...any) {
	if !d.options.JSON {
		fmt.Fprintf(d.out, format, args...)
	}
}
