// Command lendgate is the one binary of the platform: it runs all of it on one machine, any part of it on many, and looks after it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lendgate/lendgate/cmd/lendgate/cases"
	"github.com/lendgate/lendgate/cmd/lendgate/demo"
	"github.com/lendgate/lendgate/cmd/lendgate/listen"
	"github.com/lendgate/lendgate/cmd/lendgate/staff"
	"github.com/lendgate/lendgate/cmd/lendgate/trigger"
	"github.com/lendgate/lendgate/internal/app"
)

// commands are the verbs. Everything else is configuration from the environment (see docs/configuration.md).
type commands struct {
	Up        upCommand        `cmd:"" help:"Run the whole platform on this machine: PostgreSQL, Redis, Temporal, services, edge, simulators, demo data."`
	Serve     serveCommand     `cmd:"" help:"Run some parts and dial the others: identity, loans, payments, scoring, push, flows, edge."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database of LENDGATE_DATABASE_URL to what this binary needs."`
	Seed      seedCommand      `cmd:"" help:"Bring running services the demo product, as up does by itself. Repeated, it changes nothing."`
	Staff     staffCommand     `cmd:"" help:"Let the first of a lender's staff in: as the operator, who holds the master key."`
	Demo      demoCommand      `cmd:"" help:"Be a phone: take a loan on the running platform, pay it back, check the books."`
	Doctor    doctorCommand    `cmd:"" help:"Look after the running platform: what lives, what is ready, how much memory it takes."`
	Listen    listenCommand    `cmd:"" help:"Follow the event bus of the running platform, a line an event, until Ctrl-C."`
	Trigger   triggerCommand   `cmd:"" help:"Make one thing happen on the running platform, as somebody outside would, and print it as data."`
	Contracts contractsCommand `cmd:"" help:"Check this binary against outside cases."`
}

type upCommand struct {
	Ground bool `help:"Run only what services stand on, and print what serve has to be told as NAME='value' lines for a shell."`
}

// Run runs the platform until it is interrupted.
func (c upCommand) Run(ctx context.Context, config app.Config) error {
	if c.Ground {
		return app.Ground(ctx, config, os.Stdout)
	}
	return app.Up(ctx, config, os.Stdout)
}

type serveCommand struct {
	Services []string `required:"" help:"The parts to run here, with commas between." placeholder:"PART,…"`
}

// Run runs the parts until it is interrupted.
func (c serveCommand) Run(ctx context.Context, config app.Config) error {
	return app.Serve(ctx, config, c.Services, os.Stdout)
}

type migrateCommand struct{}

// Run migrates.
func (migrateCommand) Run(ctx context.Context, config app.Config) error {
	return app.Migrate(ctx, config, os.Stdout)
}

type seedCommand struct{}

// Run seeds.
func (seedCommand) Run(ctx context.Context, config app.Config) error {
	return app.Seed(ctx, config, os.Stdout)
}

type staffCommand struct {
	Invite   inviteCommand   `cmd:"" help:"Make an account and print the token by which its owner sets a password. Colleagues are then invited over the console's API."`
	Reinvite reinviteCommand `cmd:"" help:"Print a new token for an account whose token or password was lost. The old ones and open sessions end."`
}

type inviteCommand struct {
	Email  string   `required:"" help:"The address to log in by." placeholder:"ADDRESS"`
	Name   string   `required:"" help:"The name that colleagues see." placeholder:"NAME"`
	Tenant string   `help:"The lender. Otherwise the first one of LENDGATE_TENANTS_FILE." placeholder:"ID"`
	Role   []string `help:"The first roles, with commas between; superadmin unless told." default:"superadmin" placeholder:"ROLE"`
}

// Run invites.
func (c inviteCommand) Run(ctx context.Context, config app.Config) error {
	return staff.Invite(ctx, config, staff.Invitee{Tenant: c.Tenant, Email: c.Email, Name: c.Name, Roles: c.Role}, os.Stdout)
}

type reinviteCommand struct {
	Account string `arg:"" help:"The account, stf_…, as invite printed it."`
	Tenant  string `help:"The lender. Otherwise the first one of LENDGATE_TENANTS_FILE." placeholder:"ID"`
}

// Run invites again.
func (c reinviteCommand) Run(ctx context.Context, config app.Config) error {
	return staff.Reinvite(ctx, config, c.Tenant, c.Account, os.Stdout)
}

type demoCommand struct {
	Resume bool   `help:"Go on with the journey that was broken off last."`
	JSON   bool   `help:"Print data instead of a story."`
	Locale string `help:"Language of the phone." default:"en"`
}

// Run takes a loan.
func (c demoCommand) Run(ctx context.Context, config app.Config) error {
	return demo.Run(ctx, demo.Options{DataDir: config.DataDir, Resume: c.Resume, JSON: c.JSON, Locale: c.Locale}, os.Stdout)
}

type doctorCommand struct {
	JSON bool `help:"Print data instead of text."`
}

// Run looks after the platform.
func (c doctorCommand) Run(ctx context.Context, config app.Config) error {
	found := app.Doctor(ctx, config.DataDir)
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
			return err
		}
	} else {
		found.WriteText(os.Stdout)
	}
	if !found.OK {
		return errors.New("something is wrong")
	}
	return nil
}

type listenCommand struct {
	JSON   bool          `help:"Print data instead of text, a line an event."`
	Type   []string      `help:"Only these events, with commas between, such as LoanDisbursed,LoanRepaid." placeholder:"EVENT,…"`
	Person string        `help:"Only what is about this person." placeholder:"per_…"`
	Since  time.Duration `help:"Begin with what happened so long ago, such as 10m. Otherwise with what happens from now on."`
}

// Run listens until it is interrupted.
func (c listenCommand) Run(ctx context.Context, config app.Config) error {
	return listen.Run(ctx, listen.Options{
		Brokers: config.KafkaBrokers, DataDir: config.DataDir, Since: c.Since, Types: c.Type, Person: c.Person, JSON: c.JSON,
	}, time.Now(), os.Stdout)
}

type triggerCommand struct {
	PartnerQuote partnerQuoteCommand `cmd:"" help:"Be the demo partner: sign one QuoteLoan, send it, print the request and the answer."`
}

type partnerQuoteCommand struct {
	Product     string `help:"Code of the product." default:"cash"`
	Principal   int64  `help:"How much, in minor units." default:"2000000"`
	Currency    string `help:"ISO 4217 code." default:"UAH"`
	Instalments int32  `help:"Over how many instalments." default:"12"`
}

// Run asks for a quote.
func (c partnerQuoteCommand) Run(ctx context.Context, config app.Config) error {
	return trigger.PartnerQuote(ctx, config.DataDir, trigger.Quote{
		ProductCode: c.Product, Principal: c.Principal, Currency: c.Currency, Instalments: c.Instalments,
	}, os.Stdout)
}

type contractsCommand struct {
	Cases casesCommand `cmd:"" help:"Run every case file that is known under a folder and count what passes; list the others."`
}

type casesCommand struct {
	Dir     string `required:"" type:"existingdir" help:"The folder."`
	JSON    bool   `help:"Print data instead of text."`
	Verbose bool   `help:"Tell every case that failed, and why."`
}

// Run runs the cases.
func (c casesCommand) Run() error {
	report, err := cases.Run(c.Dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	return report.WriteText(os.Stdout, c.Verbose)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&commands{}, kong.Name("lendgate"), kong.UsageOnError(),
		kong.Description("An open-source backend for digital lenders."), kong.BindTo(ctx, (*context.Context)(nil)))
	config, err := app.LoadConfig()
	if err == nil {
		err = parsed.Run(config)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lendgate: %v\n", err)
		os.Exit(1)
	}
}
