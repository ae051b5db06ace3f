package platform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoPatience bounds a journey on a machine under load.
const demoPatience = 3 * time.Minute

// journeyReport is what `lendgate demo --json` prints.
type journeyReport struct {
	OK      bool    `json:"ok"`
	Resumed bool    `json:"resumed"`
	LoanID  string  `json:"loan_id"`
	Seconds float64 `json:"seconds"`
	Steps   []struct {
		Step    int     `json:"step"`
		Name    string  `json:"name"`
		Result  string  `json:"result"`
		Seconds float64 `json:"seconds"`
		Error   string  `json:"error"`
	} `json:"steps"`
}

// stepCount is how many steps the journey has; each is told in the report.
const stepCount = 18

// demo runs the phone to its end, or until ctx ends, when it is interrupted as by Ctrl-C and writes its state down.
func (in *installation) demo(ctx context.Context, settings []string, args ...string) (journeyReport, error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	command := exec.CommandContext(ctx, in.programs.lendgate, append([]string{"demo", "--json"}, args...)...)
	command.Dir, command.Env = in.programs.root, in.environment(settings...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	var report journeyReport
	if out.Len() > 0 {
		if decodeErr := json.Unmarshal(out.Bytes(), &report); decodeErr != nil {
			return report, fmt.Errorf("the demo's JSON: %w\n%s", decodeErr, out.String())
		}
	}
	if err != nil {
		return report, fmt.Errorf("lendgate demo: %w\n%s", err, said.String())
	}
	return report, nil
}

// succeed runs another verb to its end, which has to be a good one, and answers with what it printed.
func (in *installation) succeed(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callPatience)
	defer cancel()
	command := exec.CommandContext(ctx, in.programs.lendgate, args...)
	command.Dir, command.Env = in.programs.root, in.environment()
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("lendgate %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// forgetJourney makes the next demo the first one.
func (in *installation) forgetJourney(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(in.dir, "demo")); err != nil {
		t.Fatal(err)
	}
}

// expectWhole fails unless every step of the journey went well and the books were checked at its end.
func expectWhole(t *testing.T, report journeyReport, err error) {
	t.Helper()
	if err != nil || !report.OK {
		t.Fatalf("the journey broke off: %v\n%+v", err, report)
	}
	if len(report.Steps) != stepCount {
		t.Errorf("the journey has %d steps, want %d", len(report.Steps), stepCount)
	}
	for i, step := range report.Steps {
		if step.Step != i+1 || step.Error != "" {
			t.Errorf("step %d: %+v", i+1, step)
		}
		t.Logf("%2d. %-58s %5.2f s  %s", step.Step, step.Name, step.Seconds, step.Result)
	}
	if report.LoanID == "" {
		t.Error("the report names no loan")
	}
}

// bankPayout is a payout as the bank's simulator has it in its own books.
type bankPayout struct {
	PaymentID string `json:"payment_id"`
	Status    string `json:"status"`
	CardID    string `json:"card_id"`
}

// completedPayouts counts the payouts that the bank made, by the card that they went to. Each journey registers a card of its own.
func completedPayouts(ctx context.Context, simulatorsURL string) (map[string]int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, simulatorsURL+"/tbank/_sim/payouts", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var list struct {
		Payouts []bankPayout `json:"payouts"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("the bank's list of payouts: %w", err)
	}
	made := map[string]int{}
	for _, payout := range list.Payouts {
		if payout.Status == "COMPLETED" {
			made[payout.CardID]++
		}
	}
	return made, nil
}
