package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
)

// Platform is where a running installation listens. It is written to DataDir/platform.json when everything is ready, so that the other
// verbs find it.
type Platform struct {
	EdgeURL       string `json:"edge_url"`
	InternalURL   string `json:"internal_url"`
	OpsURL        string `json:"ops_url"`
	SimulatorsURL string `json:"simulators_url"`
	PID           int    `json:"pid"`
	// Children are the servers that it started, by name.
	Children map[string]int `json:"children,omitempty"`
}

func platformFile(dataDir string) string { return filepath.Join(dataDir, "platform.json") }

// FindPlatform reads where the platform of a data folder listens.
func FindPlatform(dataDir string) (Platform, error) {
	raw, err := os.ReadFile(platformFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return Platform{}, fmt.Errorf("no platform is running from %s; start one in another terminal: make run", dataDir)
	}
	if err != nil {
		return Platform{}, err
	}
	var p Platform
	if err := json.Unmarshal(raw, &p); err != nil {
		return Platform{}, fmt.Errorf("%s: %w", platformFile(dataDir), err)
	}
	return p, nil
}

func (p Platform) write(dataDir string) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	draft := platformFile(dataDir) + ".new"
	if err := os.WriteFile(draft, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(draft, platformFile(dataDir))
}

// Operator is the command line on the operator's own machine: it holds the master key, so it may vouch for itself.
type Operator struct {
	Loans    loansv1connect.LoanServiceClient
	Payments paymentsv1connect.PaymentServiceClient
	Ledger   paymentsv1connect.LedgerServiceClient

	tenant string
}

// DialOperator reaches the services of a running platform as the operator of a lender.
func DialOperator(dataDir, tenant string) (*Operator, error) {
	platform, err := FindPlatform(dataDir)
	if err != nil {
		return nil, err
	}
	config, err := LoadConfig()
	if err != nil {
		return nil, err
	}
	keyFile := filepath.Join(dataDir, "master.key")
	if _, err := os.Stat(keyFile); err != nil {
		keyFile = config.MasterKeyFile
	}
	keys, err := loadSecrets(keyFile)
	if err != nil {
		return nil, err
	}
	door, err := inproc.NewDoor(newLogger(os.Stderr, config.LogLevel), clock.System{}, keys.actorSigner())
	if err != nil {
		return nil, err
	}
	options := connect.WithInterceptors(door.ClientInterceptor())
	return &Operator{
		Loans:    loansv1connect.NewLoanServiceClient(http.DefaultClient, platform.InternalURL, options),
		Payments: paymentsv1connect.NewPaymentServiceClient(http.DefaultClient, platform.InternalURL, options),
		Ledger:   paymentsv1connect.NewLedgerServiceClient(http.DefaultClient, platform.InternalURL, options),
		tenant:   tenant,
	}, nil
}

// Context makes ctx the operator's.
func (o *Operator) Context(ctx context.Context) context.Context {
	return actor.AsService(ctx, o.tenant, "operator")
}
