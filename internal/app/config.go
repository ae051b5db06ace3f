package app

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/lendgate/lendgate/internal/link"
)

// Config is everything that an operator may set, from the environment alone.
type Config struct {
	// DataDir keeps what one machine's installation needs: clusters, keys, the broker's log.
	DataDir string `env:"LENDGATE_DATA_DIR" envDefault:".lendgate"`
	// DatabaseURL is a PostgreSQL ≥ 15 of your own; its user may create roles and schemas. Empty: a private cluster in DataDir.
	DatabaseURL string `env:"LENDGATE_DATABASE_URL"`
	// RedisURL is a Redis ≥ 7 of your own. Empty: a local one.
	RedisURL string `env:"LENDGATE_REDIS_URL"`
	// TemporalAddress is the frontend of a Temporal cluster of your own. Empty: a local server on the same PostgreSQL.
	TemporalAddress string `env:"LENDGATE_TEMPORAL_ADDRESS"`
	// KafkaBrokers are brokers of your own. Empty: one in this process with its log in DataDir.
	KafkaBrokers []string `env:"LENDGATE_KAFKA_BROKERS"`
	// MasterKeyFile holds the installation's master key: 32 random bytes or more. Empty: DataDir/master.key, made when absent.
	MasterKeyFile string `env:"LENDGATE_MASTER_KEY_FILE"`
	// TenantsFile is a JSON array of lenders. Empty: one demo lender.
	TenantsFile string `env:"LENDGATE_TENANTS_FILE"`
	// LimitsFile is a JSON object of the edge's limits. Empty: the built-in ones.
	LimitsFile string `env:"LENDGATE_LIMITS_FILE"`
	// EdgeAddress is where phones connect. Port 0 takes a free one.
	EdgeAddress string `env:"LENDGATE_EDGE_ADDRESS" envDefault:"127.0.0.1:8080"`
	// EdgeTLSCertificate and EdgeTLSKey are PEM files. Empty: no TLS here, which is for a proxy in front or for one machine.
	EdgeTLSCertificate string `env:"LENDGATE_EDGE_TLS_CERTIFICATE"`
	EdgeTLSKey         string `env:"LENDGATE_EDGE_TLS_KEY"`
	// EdgeAuthorities are the hosts that signatures may be made for. Empty: any, which is for one machine.
	EdgeAuthorities []string `env:"LENDGATE_EDGE_AUTHORITIES"`
	// EdgeTrustedProxies are the networks whose X-Forwarded-For is believed, such as "10.0.0.0/8". Empty: none, the peer is the caller.
	EdgeTrustedProxies []netip.Prefix `env:"LENDGATE_EDGE_TRUSTED_PROXIES"`
	// EdgeConnectionsPerAddress is how many connections one address may have. 0, or trusted proxies, which all callers share: no bound.
	EdgeConnectionsPerAddress int `env:"LENDGATE_EDGE_CONNECTIONS_PER_ADDRESS" envDefault:"2048"`
	// EdgeAnswerKey is the number of the key by which the edge signs answers, from 1. Count it up to exchange the key.
	EdgeAnswerKey uint32 `env:"LENDGATE_EDGE_ANSWER_KEY" envDefault:"1"`
	// PublicURL is the edge's address as third parties reach it, for webhooks. Empty: EdgeAddress.
	PublicURL string `env:"LENDGATE_PUBLIC_URL"`
	// InternalAddress is where our own processes reach the services of this one: host:port, or "unix:///path".
	InternalAddress string `env:"LENDGATE_INTERNAL_ADDRESS" envDefault:"127.0.0.1:0"`
	// OpsAddress serves health, readiness and metrics.
	OpsAddress string `env:"LENDGATE_OPS_ADDRESS" envDefault:"127.0.0.1:0"`
	// Peers are the other processes, as service=url: "loans=http://10.0.0.7:7000", or "loans=unix:///path".
	Peers map[string]string `env:"LENDGATE_PEERS" envKeyValSeparator:"="`
	// SimulatorsURL is where running simulators of third parties answer. Empty: they run in this process (up) or there are none (serve).
	SimulatorsURL string `env:"LENDGATE_SIMULATORS_URL"`
	// TraceEndpoint is an OTLP/HTTP collector, such as "http://127.0.0.1:4318". Empty: traces are made and not sent.
	TraceEndpoint string `env:"LENDGATE_TRACE_ENDPOINT"`
	// LogLevel is debug, info, warn or error.
	LogLevel slog.Level `env:"LENDGATE_LOG_LEVEL" envDefault:"info"`
	// DrainTime bounds how long a stop waits for requests in hand.
	DrainTime time.Duration `env:"LENDGATE_DRAIN_TIME" envDefault:"10s"`
	// DrainGrace is how long a stop goes on serving after it has told balancers on /readyz, and clients on every answer, to go elsewhere.
	DrainGrace time.Duration `env:"LENDGATE_DRAIN_GRACE" envDefault:"0s"`

	// TBank, TurboSMS and FCM are the accounts at third parties. Empty ones are those of the simulators.
	TBank    TBankConfig    `envPrefix:"LENDGATE_TBANK_"`
	TurboSMS TurboSMSConfig `envPrefix:"LENDGATE_TURBOSMS_"`
	FCM      FCMConfig      `envPrefix:"LENDGATE_FCM_"`
}

// TBankConfig is the account at T-Bank: one terminal for payments, one for payouts.
type TBankConfig struct {
	URL                string `env:"URL"`
	TerminalKey        string `env:"TERMINAL_KEY"`
	PasswordFile       string `env:"PASSWORD_FILE"`
	PayoutTerminalKey  string `env:"PAYOUT_TERMINAL_KEY"`
	PayoutSerialNumber string `env:"PAYOUT_SERIAL_NUMBER"`
	PayoutKeyFile      string `env:"PAYOUT_KEY_FILE"`
}

// TurboSMSConfig is the account at TurboSMS.
type TurboSMSConfig struct {
	URL          string `env:"URL"`
	TokenFile    string `env:"TOKEN_FILE"`
	WebhookFile  string `env:"WEBHOOK_SECRET_FILE"`
	RegisteredAs string `env:"SENDER" envDefault:"lendgate"`
}

// FCMConfig is the project at Firebase Cloud Messaging.
type FCMConfig struct {
	URL                string `env:"URL"`
	ProjectID          string `env:"PROJECT_ID"`
	ServiceAccountFile string `env:"SERVICE_ACCOUNT_FILE"`
}

// LoadConfig reads the environment. All faults are reported at once.
func LoadConfig() (Config, error) {
	config, err := env.ParseAs[Config]()
	if err != nil {
		return config, fmt.Errorf("configuration: %w", err)
	}
	if config.DataDir, err = filepath.Abs(config.DataDir); err != nil {
		return config, fmt.Errorf("LENDGATE_DATA_DIR: %w", err)
	}
	if config.EdgeTLSCertificate != "" {
		// Other verbs read it, too, wherever they are started.
		if config.EdgeTLSCertificate, err = filepath.Abs(config.EdgeTLSCertificate); err != nil {
			return config, fmt.Errorf("LENDGATE_EDGE_TLS_CERTIFICATE: %w", err)
		}
	}
	if config.MasterKeyFile == "" {
		config.MasterKeyFile = filepath.Join(config.DataDir, "master.key")
	}
	return config, config.validate()
}

func (c Config) validate() error {
	var faults []error
	for name, value := range map[string]string{
		"LENDGATE_DATABASE_URL": c.DatabaseURL, "LENDGATE_REDIS_URL": c.RedisURL, "LENDGATE_PUBLIC_URL": c.PublicURL,
		"LENDGATE_SIMULATORS_URL": c.SimulatorsURL, "LENDGATE_TRACE_ENDPOINT": c.TraceEndpoint,
	} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "") {
			faults = append(faults, fmt.Errorf("%s: not a URL with a host", name)) // The value may hold a password: it is not shown.
		}
	}
	if (c.EdgeTLSCertificate == "") != (c.EdgeTLSKey == "") {
		faults = append(faults, errors.New("LENDGATE_EDGE_TLS_CERTIFICATE and LENDGATE_EDGE_TLS_KEY: both or neither"))
	}
	if c.EdgeAnswerKey == 0 {
		faults = append(faults, errors.New("LENDGATE_EDGE_ANSWER_KEY: a number from 1"))
	}
	for name, address := range c.Peers {
		if !slices.Contains(ServiceNames(), name) {
			faults = append(faults, fmt.Errorf("LENDGATE_PEERS: there is no service %q, only %s", name, strings.Join(ServiceNames(), ", ")))
		}
		if _, err := link.ParseAddress(address); err != nil {
			faults = append(faults, fmt.Errorf("LENDGATE_PEERS: %s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// edgeScheme is what addresses of the edge begin with.
func (c Config) edgeScheme() string {
	if c.EdgeTLSCertificate != "" {
		return "https"
	}
	return "http"
}

// connectionsPerAddress is how many connections an address may have; 0 for no bound. Behind a proxy its address is not the callers'.
func (c Config) connectionsPerAddress() int {
	if len(c.EdgeTrustedProxies) > 0 {
		return 0
	}
	return c.EdgeConnectionsPerAddress
}

// readSecret reads a secret from a file, without the newline that editors add.
func readSecret(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// readRSAKey reads a private key in PKCS #8 PEM.
func readRSAKey(path string) (*rsa.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("no PKCS #8 private key") // The parser's words could show bytes of it.
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("no RSA key")
	}
	return key, nil
}
