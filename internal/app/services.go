package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"

	"github.com/lendgate/lendgate/integrations/fcm"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/turbosms"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/push"
	"github.com/lendgate/lendgate/services/flows"
	"github.com/lendgate/lendgate/services/identity"
	"github.com/lendgate/lendgate/services/loans"
	"github.com/lendgate/lendgate/services/payments"
	"github.com/lendgate/lendgate/services/scoring"
)

// build makes the services of this process, in the order of ServiceNames.
func (p *process) build(ctx context.Context, accounts vendorAccounts, client redis.UniversalClient) error {
	builders := map[string]func(context.Context) error{
		"identity": p.buildIdentity,
		"loans":    p.buildLoans,
		"payments": func(ctx context.Context) error { return p.buildPayments(ctx, accounts) },
		"scoring":  p.buildScoring,
		"push":     func(ctx context.Context) error { return p.buildPush(ctx, accounts, client) },
		"flows":    p.buildFlows,
	}
	for _, service := range ServiceNames() {
		if !p.local(service) {
			continue
		}
		if err := builders[service](ctx); err != nil {
			return fmt.Errorf("build %s: %w", service, err)
		}
	}
	return nil
}

func (p *process) buildIdentity(ctx context.Context) error {
	db, err := p.database(ctx, "identity")
	if err != nil {
		return err
	}
	lenders, err := withDemoPartner(p.tenants, p.config) // Their partners may be given keys.
	if err != nil {
		return err
	}
	service, err := identity.New(identity.Deps{
		DB: db, Keeper: p.keeper(db), Sealer: p.sealer, Clock: p.clock, Tenants: lenders,
		Notifications: p.clients.notifications, SecretKey: p.secrets.derive("identity secrets"),
		Config: identity.Config{SandboxCodes: p.sandboxCodes},
	})
	if err != nil {
		return err
	}
	p.handlers.devices.DeviceServiceHandler = service
	p.handlers.sessions.SessionServiceHandler = service
	p.handlers.challenges.ChallengeServiceHandler = service
	p.handlers.persons.PersonServiceHandler = service
	p.handlers.partnerKeys.PartnerKeyServiceHandler = service
	p.handlers.staff.StaffServiceHandler = service
	p.handlers.staffSessions.StaffSessionServiceHandler = service
	p.handlers.roles.RoleServiceHandler = service
	p.handlers.audit.AuditServiceHandler = service
	if err := p.seedDemoStaff(ctx, service); err != nil {
		return err
	}
	p.runs = append(p.runs, p.logged("identity sweeper", identity.NewSweeper(service, p.log).Run))
	return p.tell(ctx, "identity", db)
}

func (p *process) buildLoans(ctx context.Context) error {
	db, err := p.database(ctx, "loans")
	if err != nil {
		return err
	}
	service := loans.New(loans.Deps{
		Keeper: p.keeper(db), Tenants: p.tenants, Tokens: p.tokens, Persons: p.clients.persons, Challenges: p.clients.challenges,
	})
	p.handlers.products.ProductServiceHandler = service
	p.handlers.applications.ApplicationServiceHandler = service
	p.handlers.agreements.AgreementServiceHandler = service
	p.handlers.loans.LoanServiceHandler = service
	return errors.Join(p.tell(ctx, "loans", db), p.hear("loans", db, p.inbox("loans", db, service.HandleEvent), "payments"))
}

func (p *process) buildPayments(ctx context.Context, accounts vendorAccounts) error {
	db, err := p.database(ctx, "payments")
	if err != nil {
		return err
	}
	acquiring, err := tbank.NewAcquiring(accounts.acquiring)
	if err != nil {
		return err
	}
	payouts, err := tbank.NewPayouts(accounts.payouts)
	if err != nil {
		return err
	}
	bank := payments.NewTBank(payments.TBankConfig{
		Acquiring: acquiring, Payouts: payouts, CurrencyCode: p.tenants.Default().Currency, Description: "Loan payment",
		NotificationURL: func(tenantID string) string { return webhookURL(p.config.PublicURL, tenantID, "tbank") },
	})
	service, err := payments.New(payments.Deps{
		DB: db, Sealer: p.sealer, Clock: p.clock, Tokens: p.tokens, Tenants: p.tenants, Providers: []payments.Provider{bank}, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.handlers.payments.PaymentServiceHandler = service
	p.handlers.ledger.LedgerServiceHandler = service
	jobs, err := payments.NewJobs(service)
	if err != nil {
		return err
	}
	p.runs = append(p.runs, p.logged("payments", func(ctx context.Context) error { return workJobs(ctx, jobs) }))
	return errors.Join(p.tell(ctx, "payments", db), p.hear("payments", db, p.inbox("payments", db, service.HandleEvent), "loans"))
}

func (p *process) buildScoring(ctx context.Context) error {
	db, err := p.database(ctx, "scoring")
	if err != nil {
		return err
	}
	service := scoring.New(scoring.Deps{Keeper: p.keeper(db)})
	p.handlers.decisions.DecisionServiceHandler = service
	if p.config.TenantsFile == "" { // The demo lender decides by the policy that ships with the service.
		if err := service.SeedPolicy(actor.AsService(ctx, DemoTenant, "operator"), demoProduct); err != nil {
			return err
		}
	}
	return p.tell(ctx, "scoring", db)
}

func (p *process) buildPush(ctx context.Context, accounts vendorAccounts, client redis.UniversalClient) error {
	db, err := p.database(ctx, "push")
	if err != nil {
		return err
	}
	sms, err := turbosms.New(accounts.sms)
	if err != nil {
		return err
	}
	cloud, err := fcm.New(ctx, accounts.push)
	if err != nil {
		return err
	}
	service, err := push.New(push.Deps{
		Keeper: p.keeper(db), Tokens: p.tokens, Tenants: p.tenants, Persons: p.clients.persons, SMS: sms, FCM: cloud, Redis: client, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.handlers.notifications.NotificationServiceHandler = service
	p.handlers.streams.StreamServiceHandler = service
	p.runs = append(p.runs, p.logged("push", service.Run))
	return errors.Join(p.tell(ctx, "push", db), p.hear("push", db, service.HandleEvent, "loans", "payments"))
}

func (p *process) buildFlows(context.Context) error {
	engine, err := flows.Dial(flows.Engine{Address: p.machine.temporalAddress, PayloadKey: p.secrets.derive("workflow payloads"), Log: p.log})
	if err != nil {
		return err
	}
	p.closes = append(p.closes, engine.Close)
	c := p.clients
	deps := flows.Deps{
		Temporal: engine, Clock: p.clock, Log: p.log, Tenants: p.tenants,
		Backends: flows.Backends{
			Persons: c.persons, Products: c.products, Applications: c.applications, Agreements: c.agreements, Loans: c.loans,
			Decisions: c.decisions, Payments: c.payments,
		},
	}
	service := flows.New(deps)
	p.handlers.flows.ApplicationFlowServiceHandler = service
	p.runs = append(p.runs, flows.NewWorker(deps).Run)
	return p.hear("flows", nil, service.HandleEvent, flows.Listens()...)
}

// jobsPatience is how long jobs under way may go on when the process stops.
const jobsPatience = 5 * time.Second

// workJobs works a service's jobs until ctx ends, then lets those under way finish, or breaks them off.
func workJobs(ctx context.Context, jobs *river.Client[pgx.Tx]) error {
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	ctx = context.WithoutCancel(ctx)
	soft, cancel := context.WithTimeout(ctx, jobsPatience)
	defer cancel()
	if jobs.Stop(soft) == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(ctx, jobsPatience)
	defer cancel()
	return jobs.StopAndCancel(hard)
}

// logged makes a loop of one that may fail at its start or end.
func (p *process) logged(name string, run func(ctx context.Context) error) func(ctx context.Context) {
	return func(ctx context.Context) {
		if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			p.log.ErrorContext(ctx, "loop ended", "loop", name, "error", err.Error())
		}
	}
}

// vendorAccounts are how we reach third parties: at the simulators, or the operator's own accounts.
type vendorAccounts struct {
	acquiring tbank.Config
	payouts   tbank.PayoutConfig
	sms       turbosms.Config
	push      fcm.Config
}

// simulatedAccounts are those of the simulators at url.
func (p *process) simulatedAccounts(url string, a simAccounts) vendorAccounts {
	link := tbank.Link{BaseURL: url + "/tbank", Logger: p.log}
	return vendorAccounts{
		acquiring: tbank.Config{Link: link, TerminalKey: simTerminal, Password: kit.Secret(a.bankPassword)},
		payouts:   tbank.PayoutConfig{Link: link, TerminalKey: simPayoutTerminal, PrivateKey: a.payoutKey, SerialNumber: simSerialNumber},
		sms: turbosms.Config{
			BaseURL: url + "/turbosms", Token: kit.Secret(a.smsToken), Sender: "lendgate", WebhookSecret: kit.Secret(a.smsSecret), Logger: p.log,
		},
		push: fcm.Config{ProjectID: simProject, Credentials: kit.Secret(a.pushAccount.JSON), BaseURL: url + "/fcm", Logger: p.log},
	}
}

// ownAccounts are the operator's, from the configuration. What is missing is reported all at once.
func (p *process) ownAccounts() (vendorAccounts, error) {
	c := p.config
	var faults []error
	read := func(name, path string) kit.Secret {
		secret, err := readSecret(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		return kit.Secret(secret)
	}
	link := tbank.Link{BaseURL: c.TBank.URL, Logger: p.log}
	key, err := readRSAKey(c.TBank.PayoutKeyFile)
	if err != nil {
		faults = append(faults, fmt.Errorf("LENDGATE_TBANK_PAYOUT_KEY_FILE: %w", err))
	}
	accounts := vendorAccounts{
		acquiring: tbank.Config{Link: link, TerminalKey: c.TBank.TerminalKey, Password: read("LENDGATE_TBANK_PASSWORD_FILE", c.TBank.PasswordFile)},
		payouts:   tbank.PayoutConfig{Link: link, TerminalKey: c.TBank.PayoutTerminalKey, PrivateKey: key, SerialNumber: c.TBank.PayoutSerialNumber},
		sms: turbosms.Config{
			BaseURL: c.TurboSMS.URL, Token: read("LENDGATE_TURBOSMS_TOKEN_FILE", c.TurboSMS.TokenFile), Sender: c.TurboSMS.RegisteredAs,
			WebhookSecret: read("LENDGATE_TURBOSMS_WEBHOOK_SECRET_FILE", c.TurboSMS.WebhookFile), Logger: p.log,
		},
		push: fcm.Config{
			ProjectID: c.FCM.ProjectID, Credentials: read("LENDGATE_FCM_SERVICE_ACCOUNT_FILE", c.FCM.ServiceAccountFile), BaseURL: c.FCM.URL, Logger: p.log,
		},
	}
	return accounts, errors.Join(faults...)
}
