package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/internal/app"
)

// Options say how to run the demo.
type Options struct {
	// DataDir is the platform's data folder: it tells where the platform listens and keeps the journey's file.
	DataDir string
	// Resume goes on with the journey that was broken off last.
	Resume bool
	// JSON prints data instead of a story.
	JSON bool
	// Locale is the language of the phone.
	Locale string
}

// journey is one loan's way through the platform, as far as it has come. It is written to a file before each step.
type journey struct {
	Tenant string `json:"tenant"`
	// Phone is the demo borrower's number: of nobody, drawn for each journey.
	Phone string `json:"phone"`
	// DeviceKey is the private key in PKCS #8, base64. A real phone would keep it in hardware.
	DeviceKey string `json:"device_key"`
	PushToken string `json:"push_token"`
	// RequestIDs are drawn once for each mutation, so that a repeat after a break is the same request.
	RequestIDs map[string]string `json:"request_ids"`
	// Done is how many steps have succeeded.
	Done int `json:"done"`

	DeviceID      string `json:"device_id,omitempty"`
	ChallengeID   string `json:"challenge_id,omitempty"`
	AccessToken   string `json:"access_token,omitempty"`
	RefreshToken  string `json:"refresh_token,omitempty"`
	PersonID      string `json:"person_id,omitempty"`
	CardID        string `json:"card_id,omitempty"`
	CardForm      string `json:"card_form,omitempty"`
	ApplicationID string `json:"application_id,omitempty"`
	OfferID       string `json:"offer_id,omitempty"`
	AgreementID   string `json:"agreement_id,omitempty"`
	DocumentHash  []byte `json:"document_hash,omitempty"`
	LoanID        string `json:"loan_id,omitempty"`
	Payment       string `json:"payment,omitempty"`
	Payoff        string `json:"payoff,omitempty"`
	// StreamEpoch tells a stream that was lost and begun anew from the one that was heard.
	StreamEpoch string `json:"stream_epoch,omitempty"`

	path string
}

// journeyFile is where the last journey is kept.
func journeyFile(dataDir string) string { return filepath.Join(dataDir, "demo", "journey.json") }

// openJourney begins a journey, or takes up the last one. A finished journey cannot be taken up.
func openJourney(o Options) (*journey, error) {
	path := journeyFile(o.DataDir)
	if o.Resume {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("there is no journey to resume; run: lendgate demo")
		}
		if err != nil {
			return nil, err
		}
		j := &journey{path: path}
		if err := json.Unmarshal(raw, j); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return j, nil
	}
	key, err := newDeviceKey()
	if err != nil {
		return nil, err
	}
	j := &journey{
		Tenant: app.DemoTenant, Phone: fmt.Sprintf("+38050%07d", rand.IntN(10_000_000)), DeviceKey: encodeKey(key),
		PushToken: "demo-push-token-" + uuid.NewString(), RequestIDs: map[string]string{}, path: path,
	}
	return j, j.save()
}

// request is the request_id of a mutation, drawn at the first asking and kept.
func (j *journey) request(name string) (string, error) {
	if id, ok := j.RequestIDs[name]; ok {
		return id, nil
	}
	id := uuid.NewString()
	j.RequestIDs[name] = id
	return id, j.save()
}

// renew forgets a request_id whose request was refused for good, so that the next try is another request.
func (j *journey) renew(name string) { delete(j.RequestIDs, name) }

// save writes the journey down, whole or not at all. It holds a demo person's key and session, so nobody else may read it.
func (j *journey) save() error {
	raw, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return err
	}
	draft := j.path + ".new"
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, j.path)
}

// step is one thing that the borrower does or waits for.
type step struct {
	name string
	// run does it and says in a few words what came of it.
	run func(ctx context.Context) (string, error)
}

// stepTimeout bounds one step, waiting included. A call to the bank that broke off is asked about again only a minute later.
const stepTimeout = 2 * time.Minute
