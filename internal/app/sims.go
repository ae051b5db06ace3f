package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	fcmsim "github.com/lendgate/lendgate/integrations/fcm/sim"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	tbanksim "github.com/lendgate/lendgate/integrations/tbank/sim"
	turbosim "github.com/lendgate/lendgate/integrations/turbosms/sim"
)

// The names of the demo accounts at the simulators. They open nothing elsewhere.
const (
	simTerminal       = "DemoTerminal"
	simPayoutTerminal = "DemoTerminalE2C"
	simSerialNumber   = "00d3m0"
	simProject        = "lendgate-demo"
)

// simulators are the third parties of one machine: each speaks its vendor's wire format, keeps its own books in a file, and knows us by demo
// credentials that are made at the first start.
type simulators struct {
	url      string
	bank     *tbanksim.Simulator
	sms      *turbosim.Simulator
	push     *fcmsim.Simulator
	accounts simAccounts
}

// simAccounts are the credentials that our side uses towards the simulators.
type simAccounts struct {
	bankPassword, smsToken, smsSecret string
	payoutKey                         *rsa.PrivateKey
	pushAccount                       fcmsim.Account
}

// startSimulators makes the third parties. url is where they will be reached; they reach us at the configuration's PublicURL.
func startSimulators(config Config, url string, log *slog.Logger) (*simulators, error) {
	lenders, err := loadTenants(config.TenantsFile)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(config.DataDir, "simulators")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	accounts, err := readSimAccounts(config.DataDir, url)
	if err != nil {
		return nil, err
	}
	s := &simulators{url: url, accounts: accounts}
	err = errors.Join(
		s.openBank(dir, config.PublicURL, lenders.Default().Currency, log), s.openSMS(dir, config.PublicURL, log), s.openPush(dir, log),
	)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// readSimAccounts reads our credentials towards the simulators at url, drawn at the first start.
func readSimAccounts(dataDir, url string) (simAccounts, error) {
	dir := filepath.Join(dataDir, "simulators")
	var a simAccounts
	var err error
	for _, secret := range []struct {
		name string
		into *string
	}{{"bank-password", &a.bankPassword}, {"sms-token", &a.smsToken}, {"sms-secret", &a.smsSecret}} {
		if *secret.into, err = demoSecret(filepath.Join(dir, secret.name)); err != nil {
			return a, err
		}
	}
	if a.payoutKey, err = simkit.OpenKey(filepath.Join(dir, "payout.key")); err != nil {
		return a, err
	}
	key, err := simkit.OpenKey(filepath.Join(dir, "push.key"))
	if err != nil {
		return a, err
	}
	a.pushAccount, err = fcmsim.NewAccount(simProject, url+"/fcm", key)
	return a, err
}

// demoRetries are the pauses between notifications of the simulated vendors: theirs are hours, which nobody at a desk waits for.
func demoRetries() []time.Duration {
	retries := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
	for range 60 {
		retries = append(retries, 30*time.Second)
	}
	return retries
}

func (s *simulators) openBank(dir, publicURL, currency string, log *slog.Logger) error {
	var err error
	s.bank, err = tbanksim.New(tbanksim.Options{
		Terminals: []tbanksim.Terminal{{
			Key: simTerminal, Password: s.accounts.bankPassword, Currency: currency, NotificationURL: webhookURL(publicURL, DemoTenant, "tbank"),
		}},
		PayoutTerminals: []tbanksim.PayoutTerminal{{
			Key: simPayoutTerminal, SerialNumber: simSerialNumber, PublicKey: &s.accounts.payoutKey.PublicKey,
		}},
		StatePath: filepath.Join(dir, "tbank.json"), PublicURL: s.url + "/tbank", NotificationSchedule: demoRetries(), Logger: log,
	})
	return err
}

func (s *simulators) openSMS(dir, publicURL string, log *slog.Logger) error {
	var err error
	s.sms, err = turbosim.New(turbosim.Options{
		Token: s.accounts.smsToken, WebhookURL: webhookURL(publicURL, DemoTenant, "turbosms"), WebhookSecret: s.accounts.smsSecret,
		StatePath: filepath.Join(dir, "turbosms.json"), WebhookSchedule: demoRetries(), Logger: log,
	})
	return err
}

func (s *simulators) openPush(dir string, log *slog.Logger) error {
	var err error
	s.push, err = fcmsim.New(fcmsim.Options{Accounts: []fcmsim.Account{s.accounts.pushAccount}, StatePath: filepath.Join(dir, "fcm.json"), Logger: log})
	return err
}

// handler serves all simulators under one address.
func (s *simulators) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/tbank/", http.StripPrefix("/tbank", s.bank))
	mux.Handle("/turbosms/", http.StripPrefix("/turbosms", s.sms))
	mux.Handle("/fcm/", http.StripPrefix("/fcm", s.push))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated third parties</title>
<style>body{font:16px system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}</style><h1>Simulated third parties</h1>
<ul><li><a href="/turbosms/_sim/inbox">Text messages</a>, where one-time codes arrive</li>
<li><a href="/tbank/_sim/payouts">Payouts</a> and <a href="/tbank/_sim/payments">payments</a> at the bank</li>
<li><a href="/tbank/_sim/notifications">Notifications</a> of the bank to us</li>
<li><a href="/fcm/_sim/messages">Push messages</a></li></ul>`)
	})
	return mux
}

// stop writes their books down.
func (s *simulators) stop(context.Context) error {
	s.bank.Close()
	s.sms.Close()
	s.push.Close()
	return nil
}

// webhookURL is where a third party tells us of something.
func webhookURL(publicURL, tenantID, provider string) string {
	return publicURL + webhookPrefix + "/" + tenantID + "/" + provider
}

// demoSecret reads a secret of the demo accounts, drawn at the first start.
func demoSecret(path string) (string, error) {
	if secret, err := readSecret(path); err == nil {
		return secret, nil
	}
	raw := make([]byte, 24)
	rand.Read(raw)
	secret := base64.RawURLEncoding.EncodeToString(raw)
	return secret, os.WriteFile(path, []byte(secret), 0o600)
}
