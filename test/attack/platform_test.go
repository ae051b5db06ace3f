package attack_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/child"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/localtemporal"
)

const (
	// buildPatience bounds the compilation of the binary and of the workflow server, startPatience a start, stopPatience a stop.
	buildPatience, startPatience, stopPatience = 10 * time.Minute, 2 * time.Minute, time.Minute
	// glance is the pause between two looks at something that changes in another process.
	glance = 20 * time.Millisecond
)

// rival is the second lender, whose people try to reach the demo lender's.
const rival = "rival"

// rivalPartner is the other lender's shop.
const rivalPartner = "rival-shop"

// update rewrites the tables of docs/security.md.
var update = flag.Bool("update", false, "write the tables of docs/security.md")

// target is the installation that is attacked.
type target struct {
	root, dir, binary string
	process           *child.Process
	platform          app.Platform
	edge              string
	// journeys are two demo borrowers of the demo lender with a loan each, behind them.
	journeys [2]journey
}

// journey is what `lendgate demo` writes down of the loan it took.
type journey struct {
	DeviceKey     string `json:"device_key"`
	DeviceID      string `json:"device_id"`
	Phone         string `json:"phone"`
	ChallengeID   string `json:"challenge_id"`
	AccessToken   string `json:"access_token"`
	RefreshToken  string `json:"refresh_token"`
	PersonID      string `json:"person_id"`
	CardID        string `json:"card_id"`
	ApplicationID string `json:"application_id"`
	OfferID       string `json:"offer_id"`
	AgreementID   string `json:"agreement_id"`
	LoanID        string `json:"loan_id"`
	Payment       string `json:"payment"`
}

// startTarget builds the binary, lets two demo borrowers take a loan each, and starts the platform again with a second lender beside
// the first. The demo lender's partner, staff and policy are there because the first start was without a list of lenders.
func startTarget(t *testing.T) *target {
	t.Helper()
	in := build(t)
	in.edge = freeAddress(t)
	t.Cleanup(func() {
		if err := in.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("up.out:\n%s", in.read("up.out"))
		}
	})
	in.start(t)
	for i := range in.journeys {
		in.borrow(t, &in.journeys[i])
	}
	if err := in.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	in.start(t, "LENDGATE_TENANTS_FILE="+in.lenders(t))
	return in
}

// build compiles the binary into a scratch folder, with the workflow server of the module's own folder beside it.
func build(t *testing.T) *target {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildPatience)
	defer cancel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	in := &target{root: root, dir: t.TempDir()}
	// PostgreSQL runs under an account of its own when we are root: it must be let through, though it sees nothing on its way.
	for _, dir := range []string{filepath.Dir(in.dir), in.dir} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	in.binary = filepath.Join(in.dir, "lendgate")
	command := exec.CommandContext(ctx, "go", "build", "-o", in.binary, "./cmd/lendgate")
	command.Dir = root
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/lendgate: %v\n%s", err, said)
	}
	temporald, err := localtemporal.Build(ctx, localtemporal.BuildOptions{BinDir: filepath.Join(root, ".lendgate", "bin")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(in.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(in.dir, "bin", filepath.Base(temporald))
	if os.Link(temporald, shared) != nil { // The folders lie on different disks.
		raw, err := os.ReadFile(temporald)
		if err := errors.Join(err, os.WriteFile(shared, raw, 0o755)); err != nil { //nolint:gosec // A program.
			t.Fatal(err)
		}
	}
	return in
}

// freeAddress is a port that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// command is the binary with the settings of this installation and none of the tester's own.
func (in *target) command(ctx context.Context, settings []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, in.binary, args...)
	command.Dir = in.root
	command.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LENDGATE_") }),
		"LENDGATE_DATA_DIR="+in.dir, "LENDGATE_EDGE_ADDRESS="+in.edge)
	command.Env = append(command.Env, settings...)
	return command
}

// start runs `lendgate up` and waits until it says where it listens.
func (in *target) start(t *testing.T, settings ...string) {
	t.Helper()
	file, err := os.Create(filepath.Join(in.dir, "up.out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	command := in.command(context.Background(), settings, "up")
	command.Stdout, command.Stderr = file, file
	if in.process, err = child.Start(command, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	err = await(ctx, func() (bool, error) {
		select {
		case <-in.process.Done():
			return false, fmt.Errorf("lendgate up ended: %v", in.process.Err())
		default:
		}
		var err error
		in.platform, err = app.FindPlatform(in.dir)
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("the platform does not start: %v\n%s", err, in.read("up.out"))
	}
}

// stop asks the platform to stop and waits.
func (in *target) stop() error {
	if in.process == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return in.process.Stop(ctx, syscall.SIGTERM)
}

// borrow lets a demo borrower take a loan and reads what came of it.
func (in *target) borrow(t *testing.T, j *journey) {
	t.Helper()
	if said, err := in.command(t.Context(), nil, "demo", "--json").CombinedOutput(); err != nil {
		t.Fatalf("lendgate demo: %v\n%s", err, said)
	}
	if err := json.Unmarshal([]byte(in.read(filepath.Join("demo", "journey.json"))), j); err != nil {
		t.Fatal(err)
	}
}

// lenders writes the list of lenders: the demo lender with its shop, and another one without anything.
func (in *target) lenders(t *testing.T) string {
	t.Helper()
	key, err := app.ReadDemoPartnerKey(in.dir)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	public.D = ""
	lender := func(id string, partners ...any) map[string]any {
		return map[string]any{
			"id": id, "name": "Lender " + id, "currency": "UAH", "country": "UA", "time_zone": "Europe/Kyiv", "locales": []string{"en", "uk"},
			"consent_text_version": "2026-01", "partners": partners,
		}
	}
	partner := func(id, keyID string) any {
		return map[string]any{"id": id, "name": "Shop " + id, "keys": []any{map[string]any{"id": keyID, "jwk": public}}}
	}
	raw, err := json.Marshal([]any{lender(app.DemoTenant, partner(app.DemoPartner, key.ID)), lender(rival, partner(rivalPartner, "demo-key-of-rival"))})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(in.dir, "lenders.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read is the text of a file of the folder; an absent one is empty.
func (in *target) read(name string) string {
	raw, err := os.ReadFile(filepath.Join(in.dir, name))
	if err != nil {
		return ""
	}
	return string(raw)
}

// master is the installation's master key.
func (in *target) master(t *testing.T) []byte {
	t.Helper()
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(in.read("master.key")))
	if err != nil {
		t.Fatal(err)
	}
	return master
}

// operator vouches as the operator does, who holds the master key: calls that go out through it are proven one by one.
func (in *target) operator(t *testing.T) *inproc.Door {
	t.Helper()
	key, err := hkdf.Key(sha256.New, in.master(t), nil, "lendgate actor tokens", sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, actor.NewSigner(key, actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	return door
}

// databaseURL is the private cluster as its administrator, whom row-level security does not bind.
func (in *target) databaseURL(t *testing.T) string {
	t.Helper()
	lines := strings.Split(in.read(filepath.Join("postgres", "data", "postmaster.pid")), "\n")
	if len(lines) < 4 {
		t.Fatalf("the installation's PostgreSQL does not run: %q", lines)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("lendgate", strings.TrimSpace(in.read(filepath.Join("postgres", "password")))),
		Host: net.JoinHostPort("127.0.0.1", lines[3]), Path: "/lendgate", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// await looks until the answer is yes, an error is final, or ctx ends.
func await(ctx context.Context, look func() (bool, error)) error {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if yes, err := look(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
