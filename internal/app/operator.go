package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/journal"
)

// Operator is the command line on the operator's own machine: it holds the master key, so it may vouch for itself.
type Operator struct {
	Products loansv1connect.ProductServiceClient
	Loans    loansv1connect.LoanServiceClient
	Payments paymentsv1connect.PaymentServiceClient
	Ledger   paymentsv1connect.LedgerServiceClient
	Staff    identityv1connect.StaffServiceClient
	Audit    identityv1connect.AuditServiceClient

	tenant string
}

// DialOperator reaches the services of a running platform as the operator of a lender: at the addresses of LENDGATE_PEERS, and those that the
// processes of the data folder have noted.
func DialOperator(dataDir, tenant string) (*Operator, error) {
	config, err := LoadConfig()
	if err != nil {
		return nil, err
	}
	urls := map[string]string{}
	for _, service := range []string{"identity", "loans", "payments"} {
		if urls[service], err = serviceURL(config, dataDir, service); err != nil {
			return nil, err
		}
	}
	keyFile := filepath.Join(dataDir, "master.key")
	if _, err := os.Stat(keyFile); err != nil {
		keyFile = config.MasterKeyFile
	}
	keys, err := loadSecrets(keyFile)
	if err != nil {
		return nil, err
	}
	log, _ := journal.New(os.Stderr, config.LogLevel) // The door of a caller logs errors alone, which do not wait.
	door, err := inproc.NewDoor(log, clock.System{}, keys.actorSigner())
	if err != nil {
		return nil, err
	}
	peers, err := newPeers(Config{Peers: urls}, door, log, func(service string) bool { return urls[service] == "" })
	if err != nil {
		return nil, err
	}
	toIdentity, toLoans, toPayments := peers["identity"], peers["loans"], peers["payments"]
	options := connect.WithInterceptors(door.ClientInterceptor())
	return &Operator{ // By Connect: a few calls are not worth a link.
		Products: loansv1connect.NewProductServiceClient(toLoans.http, toLoans.url, options),
		Loans:    loansv1connect.NewLoanServiceClient(toLoans.http, toLoans.url, options),
		Payments: paymentsv1connect.NewPaymentServiceClient(toPayments.http, toPayments.url, options),
		Ledger:   paymentsv1connect.NewLedgerServiceClient(toPayments.http, toPayments.url, options),
		Staff:    identityv1connect.NewStaffServiceClient(toIdentity.http, toIdentity.url, options),
		Audit:    identityv1connect.NewAuditServiceClient(toIdentity.http, toIdentity.url, options),
		tenant:   tenant,
	}, nil
}

// serviceURL is where a service listens for our own processes.
func serviceURL(config Config, dataDir, service string) (string, error) {
	if url := config.Peers[service]; url != "" {
		return url, nil
	}
	platform, err := FindPlatform(dataDir)
	if err != nil {
		return "", err
	}
	if url := platform.Services[service]; url != "" {
		return url, nil
	}
	return "", fmt.Errorf("no process of %s runs the service %s, and LENDGATE_PEERS does not name one", dataDir, service)
}

// Context makes ctx the operator's.
func (o *Operator) Context(ctx context.Context) context.Context {
	return actor.AsService(ctx, o.tenant, "operator")
}
