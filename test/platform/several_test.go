package platform_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/child"
)

// part is one process of an installation that runs in several.
type part struct {
	// services are what `serve` is told to run.
	services string
	internal string
	ops      string
	process  *child.Process
	starts   int
}

// several is an installation whose parts run in processes of their own, on a machine that they share.
type several struct {
	in       *installation
	settings []string
	parts    []*part
}

// TestJourneyInSeveralProcesses runs the same journey with the edge and the services apart from each other: no process has two services
// that call each other without the network between them, save loans and payments, whose books the demo reads at one address.
func TestJourneyInSeveralProcesses(t *testing.T) {
	slow(t)
	in := newInstallation(t)
	in.start(t) // Once as one process, for the demo data; the parts take the same installation over.
	if err := in.stop(); err != nil {
		t.Fatal(err)
	}
	in.reportOn(t)
	s := &several{in: in, settings: in.ground(t)}
	for _, services := range []string{"identity,push", "loans,payments", "scoring,flows", "edge"} {
		s.parts = append(s.parts, &part{services: services, internal: freeAddress(t), ops: freeAddress(t)})
	}
	for _, p := range s.parts {
		s.start(t, p)
	}
	s.announce(t)

	report, err := in.demo(t.Context(), s.settings)
	expectWhole(t, report, err)
	t.Logf("a loan through %d processes in %.1f s", len(s.parts), report.Seconds)
	made, err := completedPayouts(t.Context(), in.platform.SimulatorsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("each process killed in the middle comes back", func(t *testing.T) {
		for _, p := range s.parts {
			s.breakOff(t, p, time.Duration(report.Seconds*float64(time.Second))/2)
			t.Logf("%s killed; the journey %s", p.services, s.in.resume(t))
		}
		expectOnePayoutMore(t, in.platform.SimulatorsURL, made, len(s.parts))
	})
	for _, p := range s.parts {
		ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
		if err := p.process.Stop(ctx, syscall.SIGTERM); err != nil || p.process.Err() != nil {
			t.Errorf("%s stops with %v, %v\n%s", p.services, err, p.process.Err(), in.read(p.output()))
		}
		cancel()
	}
}

// ground starts the servers and simulators that the parts share, within this test, and answers with the settings that name them.
func (in *installation) ground(t *testing.T) []string {
	t.Helper()
	for _, setting := range in.environment() {
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "LENDGATE_") {
			t.Setenv(name, value)
		}
	}
	config, err := app.LoadConfig()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := app.Ground(ctx, config, write)
		ended <- err
		_ = write.CloseWithError(err) // A pipe's end never fails to close.
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the machine: %v", err)
		}
	})
	var settings []string
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		settings = append(settings, lines.Text())
		if strings.HasPrefix(lines.Text(), "LENDGATE_PUBLIC_URL=") {
			return settings
		}
	}
	t.Fatalf("the machine does not start: %v", lines.Err())
	return nil
}

func (p *part) output() string {
	return fmt.Sprintf("serve-%s-%d.out", strings.ReplaceAll(p.services, ",", "-"), p.starts)
}

// start runs one part and waits until it is ready. Its peers may be away: they are called when they are needed.
func (s *several) start(t *testing.T, p *part) {
	t.Helper()
	var peers []string
	for _, other := range s.parts {
		for service := range strings.SplitSeq(other.services, ",") {
			if other != p && service != "edge" {
				peers = append(peers, service+"=http://"+other.internal)
			}
		}
	}
	p.starts++
	settings := append([]string{
		"LENDGATE_PEERS=" + strings.Join(peers, ","), "LENDGATE_INTERNAL_ADDRESS=" + p.internal, "LENDGATE_OPS_ADDRESS=" + p.ops,
	}, s.settings...)
	p.process = s.in.launch(t, p.output(), settings, "serve", "--services="+p.services)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := p.process.Stop(ctx, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", p.output(), troubles(s.in.read(p.output())))
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	err := await(ctx, func() (bool, error) {
		select {
		case <-p.process.Done():
			return false, fmt.Errorf("it ended: %v", p.process.Err())
		default:
			return status(ctx, "http://"+p.ops+"/readyz") == http.StatusOK, nil
		}
	})
	if err != nil {
		t.Fatalf("serve --services=%s does not get ready: %v\n%s", p.services, err, s.in.read(p.output()))
	}
}

// announce writes down where the parts listen, as `up` does for its own: the demo reads it. The books are kept where loans and payments are.
func (s *several) announce(t *testing.T) {
	t.Helper()
	s.in.platform = app.Platform{EdgeURL: "http://" + s.in.edge, PID: os.Getpid()}
	for _, p := range s.parts {
		if p.services == "loans,payments" {
			s.in.platform.InternalURL, s.in.platform.OpsURL = "http://"+p.internal, "http://"+p.ops
		}
	}
	for _, setting := range s.settings {
		if url, ok := strings.CutPrefix(setting, "LENDGATE_SIMULATORS_URL="); ok {
			s.in.platform.SimulatorsURL = url
		}
	}
	raw, err := json.Marshal(s.in.platform)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.in.dir, "platform.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// breakOff begins a journey, kills one part some time after, and starts it again.
func (s *several) breakOff(t *testing.T, p *part, after time.Duration) {
	t.Helper()
	s.in.process = p.process
	s.in.breakOff(t, after)
	s.start(t, p)
}
