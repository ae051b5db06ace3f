package platform_test

import (
	"context"
	"fmt"
	"net/http"
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

// TestJourneyInSeveralProcesses runs the same journey with every service and the edge apart: no two of them call each other without the
// network between. It begins on an empty folder, by the verbs of the runbook.
func TestJourneyInSeveralProcesses(t *testing.T) {
	slow(t)
	in := newInstallation(t)
	in.reportOn(t)
	s := &several{in: in}
	s.settings = s.ground(t)
	for _, name := range append(app.ServiceNames(), app.EdgePart) {
		s.parts = append(s.parts, &part{services: name, internal: freeAddress(t), ops: freeAddress(t)})
	}
	for _, p := range s.parts {
		s.start(t, p)
	}
	var err error
	if in.platform, err = app.FindPlatform(in.dir); err != nil {
		t.Fatal(err)
	}
	for range 2 { // The second time changes nothing.
		in.succeed(t, "seed")
	}
	in.succeed(t, "doctor")
	invited := in.succeed(t, "staff", "invite", "--email=boss@demo.example", "--name=Demo Boss")
	if !strings.Contains(invited, "Demo Boss <boss@demo.example> is invited to demo. Roles: superadmin") {
		t.Errorf("nobody is let in:\n%s", invited)
	}

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

// ground runs `lendgate up --ground`, the servers and simulators that the parts share, and answers with the settings that it prints for them.
func (s *several) ground(t *testing.T) []string {
	t.Helper()
	const output = "ground.out"
	ground := s.in.launch(t, output, nil, "up", "--ground")
	t.Cleanup(func() { s.stop(t, ground, output) })
	var settings []string
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	err := await(ctx, func() (bool, error) {
		settings = nil
		for line := range strings.Lines(s.in.read(output)) {
			name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "='")
			if found && strings.HasPrefix(name, "LENDGATE_") && strings.HasSuffix(line, "'\n") {
				settings = append(settings, name+"="+strings.TrimSuffix(value, "'"))
			}
		}
		select {
		case <-ground.Done():
			return false, fmt.Errorf("it ended: %v", ground.Err())
		default:
			return len(settings) > 0 && strings.HasPrefix(settings[len(settings)-1], "LENDGATE_PUBLIC_URL="), nil
		}
	})
	if err != nil {
		t.Fatalf("the ground does not start: %v\n%s", err, s.in.read(output))
	}
	return settings
}

// stop asks one process to stop and fails when that takes long or does not go well. One that was killed and has ended is fine.
func (s *several) stop(t *testing.T, process *child.Process, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := process.Stop(ctx, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Logf("%s:\n%s", output, troubles(s.in.read(output)))
	}
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
	process, output := p.process, p.output()
	t.Cleanup(func() { s.stop(t, process, output) })
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

// breakOff begins a journey, kills one part some time after, and starts it again.
func (s *several) breakOff(t *testing.T, p *part, after time.Duration) {
	t.Helper()
	s.in.process = p.process
	s.in.breakOff(t, after)
	s.start(t, p)
}
