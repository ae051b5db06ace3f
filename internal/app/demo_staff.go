package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/services/identity"
)

// demoAdmin is the address of the demo lender's superadmin.
const demoAdmin = "admin@demo.example"

// demoStaff is what it takes to be the demo lender's superadmin. It lies beside the platform, so that everybody can try the console.
type demoStaff struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	// TOTPSecret is for an authenticator app, in base 32.
	TOTPSecret string `json:"totp_secret"`
}

func demoStaffFile(dataDir string) string { return filepath.Join(dataDir, "staff-demo.json") }

// readDemoStaff reads the superadmin of an earlier start; the zero value when there was none.
func readDemoStaff(dataDir string) (demoStaff, error) {
	var staff demoStaff
	raw, err := os.ReadFile(demoStaffFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return staff, nil
	}
	if err != nil {
		return staff, err
	}
	if err := json.Unmarshal(raw, &staff); err != nil {
		return staff, fmt.Errorf("%s: %w", demoStaffFile(dataDir), err)
	}
	return staff, nil
}

// seedDemoStaff makes the demo lender's superadmin, under a password of this installation's own. Where lenders or third parties are real
// there is none: the operator invites the first one.
func (p *process) seedDemoStaff(ctx context.Context, service *identity.Service) error {
	if p.config.TenantsFile != "" || len(p.sandboxCodes) == 0 {
		return nil
	}
	staff, err := readDemoStaff(p.config.DataDir)
	if err != nil {
		return err
	}
	if staff.Password == "" {
		staff = demoStaff{Email: demoAdmin, Password: rand.Text()}
	}
	staff.TOTPSecret, err = service.SeedStaff(actor.AsService(ctx, DemoTenant, "operator"), identity.DemoStaff{
		Email: staff.Email, Name: "Demo Admin", Password: staff.Password, Roles: []string{"superadmin"},
	})
	if err != nil {
		return fmt.Errorf("demo superadmin: %w", err)
	}
	raw, err := json.MarshalIndent(staff, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(demoStaffFile(p.config.DataDir), append(raw, '\n'), 0o600)
}

// printDemoStaff says how to be the demo lender's superadmin.
func printDemoStaff(out io.Writer, config Config, row func(name, what string)) {
	staff, err := readDemoStaff(config.DataDir)
	if err != nil || staff.Password == "" || config.TenantsFile != "" {
		return
	}
	fmt.Fprint(out, "\n  Demo superadmin (of the console's API, lendgate.agent.v1)\n")
	row("  "+staff.Email, "password "+staff.Password)
	row("  Authenticator", "secret "+staff.TOTPSecret)
}
