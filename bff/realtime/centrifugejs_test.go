package realtime

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wantEvents is what an application sees during testdata/centrifugejs/driver.mjs, in either framing.
const wantEvents = `
{"event":"connecting","code":0,"reason":"connect called"}
{"event":"error","type":"connect","code":109,"message":"token expired"}
{"event":"connected"}
{"event":"subscribed","channel":"status:person_demo","recoverable":true,"positioned":true,"wasRecovering":false,"recovered":false,"offset":0,"epoch":"e1"}
{"event":"subscribing","channel":"chat:demo","code":0,"reason":"subscribe called"}
{"event":"subscribed","channel":"chat:demo","recoverable":true,"positioned":true,"wasRecovering":false,"recovered":false,"offset":0,"epoch":"e1"}
{"event":"subscribing","channel":"status:person_other","code":0,"reason":"subscribe called"}
{"event":"unsubscribed","channel":"status:person_other","code":103,"reason":"permission denied"}
{"event":"publication","channel":"chat:demo","offset":1,"n":1}
{"event":"publication","channel":"status:person_demo","offset":1,"n":1}
{"event":"publish","code":108,"message":"not available"}
{"event":"history","offset":1,"epoch":"e1","publications":[1]}
{"event":"acknowledged"}
{"event":"rpc","code":104,"message":"method not found"}
{"event":"sent"}
{"event":"pings"}
{"event":"refreshed"}
{"event":"subscribing","channel":"chat:demo","code":1,"reason":"transport closed"}
{"event":"connecting","code":3001,"reason":"shutdown"}
{"event":"connected"}
{"event":"subscribed","channel":"status:person_demo","recoverable":true,"positioned":true,"wasRecovering":true,"recovered":true,"offset":1,"epoch":"e1"}
{"event":"publication","channel":"status:person_demo","offset":2,"n":2}
{"event":"subscribed","channel":"chat:demo","recoverable":true,"positioned":true,"wasRecovering":true,"recovered":true,"offset":1,"epoch":"e1"}
{"event":"publication","channel":"chat:demo","offset":2,"n":2}
{"event":"subscribing","channel":"chat:demo","code":2500,"reason":"insufficient state"}
{"event":"subscribed","channel":"chat:demo","recoverable":true,"positioned":true,"wasRecovering":true,"recovered":true,"offset":2,"epoch":"e1"}
{"event":"publication","channel":"chat:demo","offset":3,"n":3}
{"event":"publication","channel":"chat:demo","offset":4,"n":4}
{"event":"subscribing","channel":"chat:demo","code":2500,"reason":"insufficient state"}
{"event":"subscribed","channel":"chat:demo","recoverable":true,"positioned":true,"wasRecovering":true,"recovered":false,"offset":1,"epoch":"e2"}
{"event":"unsubscribed","channel":"chat:demo","code":0,"reason":"unsubscribe called"}
{"event":"subscribing","channel":"chat:demo","code":0,"reason":"subscribe called"}
{"event":"subscribed","channel":"chat:demo","recoverable":true,"positioned":true,"wasRecovering":true,"recovered":true,"offset":1,"epoch":"e2"}
{"event":"subscribing","channel":"chat:demo","code":1,"reason":"transport closed"}
{"event":"disconnected","code":3503,"reason":"force disconnect"}
{"event":"end","state":"disconnected"}
`

// installSDK installs the pinned SDK from the lock file, never into the tree.
func installSDK(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "centrifugejs"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// TestUnmodifiedCentrifugeJS lets somebody else's client judge the protocol.
func TestUnmodifiedCentrifugeJS(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: the SDK cannot run here", tool)
		}
	}
	dir := installSDK(t)
	eachFraming(t, func(t *testing.T, c codec) {
		f := newFixture(t, func(c *Config) {
			c.PingIntervalMin, c.PingIntervalMax, c.PongTimeout = 2*time.Second, 2*time.Second, 1900*time.Millisecond
			c.DrainWindow = time.Second
		})
		control := httptest.NewServer(http.HandlerFunc(f.control))
		defer control.Close()

		ctx, cancel := context.WithTimeout(t.Context(), 3*testPatience)
		defer cancel()
		driver := exec.CommandContext(ctx, "node", "driver.mjs", "ws"+strings.TrimPrefix(f.url, "http"), control.URL, c.name())
		driver.Dir = dir
		var stdout, stderr bytes.Buffer
		driver.Stdout, driver.Stderr = &stdout, &stderr
		if err := driver.Run(); err != nil {
			t.Errorf("driver: %v\n%s", err, stderr.String())
		}
		if diff := cmp.Diff(lines(wantEvents), lines(stdout.String())); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if got, _ := f.acks.last.Load(demoStatus); got != (Position{Offset: 1, Epoch: "e1"}) {
			t.Errorf("acknowledged %v", got)
		}
	})
}

func lines(text string) []string {
	var out []string
	for scan := bufio.NewScanner(strings.NewReader(strings.TrimSpace(text))); scan.Scan(); {
		out = append(out, scan.Text())
	}
	return out
}

// control does what the driver asks of the server's side.
func (f *fixture) control(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/publish/chat":
		f.log.publish(demoChat, false)
	case "/publish/status":
		f.log.publish(demoStatus, false)
	case "/restart":
		old := f.current.Load()
		f.start()
		if err := old.Drain(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		f.log.publish(demoChat, false)
		f.log.publish(demoStatus, false)
	case "/gap":
		// The log forgets one publication for one read, and the next one is there.
		f.log.change(demoChat, func(st *memoryStream) { st.hole, st.holeOnce = 3, true })
		f.log.publish(demoChat, true)
		f.log.publish(demoChat, false)
	case "/epoch":
		f.log.change(demoChat, func(st *memoryStream) { st.epoch, st.pubs = "e2", nil })
		f.log.publish(demoChat, true)
		f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoChat})
	case "/disconnect":
		f.current.Load().Disconnect(demoTenant, demoPerson, "")
	default:
		http.NotFound(w, r)
	}
}
