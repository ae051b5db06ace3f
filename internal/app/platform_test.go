package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/app"
)

// note writes down what a process says of itself.
func note(t *testing.T, dir, file string, share app.Platform) {
	t.Helper()
	raw, err := json.Marshal(share)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ended is the id of a process that has run and is no more.
func ended(t *testing.T) int {
	t.Helper()
	command := exec.Command("true")
	if err := command.Run(); err != nil {
		t.Skipf("no process can be run: %v", err)
	}
	return command.Process.Pid
}

func TestThePlatformIsTheSumOfItsProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := app.FindPlatform(dir); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("an empty folder is answered with %v", err)
	}
	gone := app.Process{Name: "loans", PID: ended(t)}
	note(t, dir, "platform.json", app.Platform{EdgeURL: "http://killed", Processes: []app.Process{gone}})
	if p, err := app.FindPlatform(dir); err != nil || p.EdgeURL != "http://killed" {
		t.Errorf("a platform that was killed is %+v, %v: doctor has to see it", p, err)
	}
	note(t, dir, "parts/loans.json", app.Platform{Services: map[string]string{"loans": "http://killed"}, Processes: []app.Process{gone}})
	live := func(name string) []app.Process { return []app.Process{{Name: name, PID: os.Getpid()}} }
	note(t, dir, "parts/ground.json", app.Platform{SimulatorsURL: "http://sims", Brokers: []string{"bus:1"}, Processes: live("ground")})
	note(t, dir, "parts/loans-push.json", app.Platform{Services: map[string]string{"loans": "http://a", "push": "http://a"}, Processes: live("loans,push")})
	note(t, dir, "parts/edge.json", app.Platform{EdgeURL: "https://edge", EdgeCertificate: "/edge.pem", Processes: live("edge")})
	got, err := app.FindPlatform(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := app.Platform{
		EdgeURL: "https://edge", EdgeCertificate: "/edge.pem", SimulatorsURL: "http://sims", Brokers: []string{"bus:1"},
		Services:  map[string]string{"loans": "http://a", "push": "http://a"},
		Processes: append(append(live("edge"), live("ground")...), live("loans,push")...),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("platform (-want +got):\n%s", diff)
	}
}

// TestTheEdgesOwnCertificateIsTrusted serves TLS by certificates that nobody has issued.
func TestTheEdgesOwnCertificateIsTrusted(t *testing.T) {
	t.Parallel()
	for name, certified := range map[string]x509.Certificate{
		"for its address":     {IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}},
		"for its public name": {DNSNames: []string{"api.demo.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, file := selfSigned(t, certified)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
			server.StartTLS()
			t.Cleanup(server.Close)
			link, err := app.Platform{EdgeURL: server.URL, EdgeCertificate: file}.EdgeTransport()
			if err != nil {
				t.Fatal(err)
			}
			res, err := (&http.Client{Transport: link}).Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()

			_, another := selfSigned(t, certified)
			stranger, err := app.Platform{EdgeURL: server.URL, EdgeCertificate: another}.EdgeTransport()
			if err != nil {
				t.Fatal(err)
			}
			if res, err := (&http.Client{Transport: stranger}).Get(server.URL); err == nil {
				res.Body.Close()
				t.Error("a certificate that is not the configured one is trusted")
			}
		})
	}
}

// selfSigned makes a certificate and writes it to a file, as an operator would.
func selfSigned(t *testing.T, certificate x509.Certificate) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate.SerialNumber = big.NewInt(1)
	certificate.NotBefore, certificate.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour) //nolint:forbidigo // TLS asks the wall clock.
	raw, err := x509.CreateCertificate(rand.Reader, &certificate, &certificate, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "edge.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, file
}
