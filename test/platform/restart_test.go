package platform_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// callers is how many phones keep asking while the platform stops.
const callers = 8

// TestDrain stops a busy platform by SIGTERM: requests in hand are answered, later ones are told to go elsewhere, the exit status is zero
// and nothing is left running. Then the platform starts again, finds its data and is ended by Ctrl-C.
func TestDrain(t *testing.T) {
	slow(t)
	in := newInstallation(t)
	in.use(t)
	visitor := newPhone(t, in.platform.EdgeURL)
	visitor.logIn(t, "+380500000001", "111111")

	late := holdRequest(t, in.edge)
	busy := keepAsking(t, visitor)
	<-busy.warm
	if err := syscall.Kill(in.process.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitDraining(t, in.platform.Processes[0].OpsURL)
	if answer := late.finish(t); answer != http.StatusOK {
		t.Errorf("the request in hand was answered %d", answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
	defer cancel()
	select {
	case <-in.process.Done():
	case <-ctx.Done():
		t.Fatal("the platform does not stop")
	}
	if err := in.process.Err(); err != nil {
		t.Errorf("SIGTERM ends the platform with %v", err)
	}
	for _, fault := range busy.stop() {
		t.Error(fault)
	}
	in.expectNobody(t)
	if _, err := os.Stat(filepath.Join(in.dir, "platform.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("platform.json still tells where the platform was (%v)", err)
	}
	t.Run("the second start finds its data", func(t *testing.T) { secondStart(t, in, visitor) })
	t.Run("Ctrl-C leaves nothing behind", func(t *testing.T) { interrupt(t, in) })
}

// heldRequest is a request that the edge has begun to read and whose content is still to come.
type heldRequest struct {
	conn   net.Conn
	reader *bufio.Reader
}

// holdRequest sends the head of a request and waits for the edge to ask for the content: 100 Continue says that the request is in its hands.
func holdRequest(t *testing.T, address string) *heldRequest {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(callPatience)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /lendgate.mobile.v1.AppService/GetAppConfig HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", address)
	if err != nil {
		t.Fatal(err)
	}
	held := &heldRequest{conn: conn, reader: bufio.NewReader(conn)}
	line, err := held.reader.ReadString('\n')
	if err != nil || !strings.Contains(line, "100") {
		t.Fatalf("the edge does not ask for the content: %q, %v", line, err)
	}
	if _, err := held.reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return held
}

// finish sends the content and tells the status of the answer.
func (h *heldRequest) finish(t *testing.T) int {
	t.Helper()
	if _, err := h.conn.Write([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(h.reader, nil)
	if err != nil {
		t.Fatalf("the request in hand was dropped: %v", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatalf("the answer to the request in hand broke off: %v", err)
	}
	return response.StatusCode
}

// awaitDraining waits until the platform says that it takes no new requests, or no longer says anything.
func awaitDraining(t *testing.T, opsURL string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
	defer cancel()
	if err := await(ctx, func() (bool, error) { return status(ctx, opsURL+"/readyz") != http.StatusOK, nil }); err != nil {
		t.Fatal("the platform does not say that it drains")
	}
}

// crowd asks for a screen over and over.
type crowd struct {
	// warm is closed when each caller was answered once.
	warm   chan struct{}
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu     sync.Mutex
	faults []string
}

func keepAsking(t *testing.T, p *phone) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{warm: make(chan struct{}), cancel: cancel}
	t.Cleanup(cancel)
	var warm sync.WaitGroup
	warm.Add(callers)
	for range callers {
		c.group.Go(func() {
			once := sync.OnceFunc(warm.Done)
			defer once()
			for ctx.Err() == nil {
				err := p.shows(ctx)
				once()
				if refusedToConnect(err) {
					return // The edge has closed its port: the load balancer would have gone elsewhere long ago.
				}
				if err != nil && ctx.Err() == nil && !goingAway(err) {
					c.mu.Lock()
					c.faults = append(c.faults, fmt.Sprintf("while the platform stops, a screen answers %v", err))
					c.mu.Unlock()
					return
				}
			}
		})
	}
	go func() {
		warm.Wait()
		close(c.warm)
	}()
	return c
}

// stop ends the crowd and tells what went wrong for it.
func (c *crowd) stop() []string {
	c.cancel()
	c.group.Wait()
	return c.faults
}

// goingAway is the documented refusal of a platform that stops, and of a phone that asks too often.
func goingAway(err error) bool {
	switch rpcerr.ReasonOf(err) {
	case typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, typev1.ErrorReason_ERROR_REASON_RATE_LIMITED:
		return true
	default:
		return false
	}
}

// refusedToConnect tells that nobody listens any more. A connection that the server closes while it is idle counts as well, for a request
// may be on its way then: it was never taken. That none in hand is dropped is for the held request to show.
func refusedToConnect(err error) bool {
	for _, gone := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// secondStart starts the platform on the same folder: the rows are those of before, the phone's session is good, and the table says so.
func secondStart(t *testing.T, in *installation, visitor *phone) {
	t.Helper()
	in.start(t)
	if err := visitor.shows(t.Context()); err != nil {
		t.Errorf("the session of before the restart: %v", err)
	}
	printed := in.read(in.output())
	for _, wanted := range []string{
		"lendgate is ready", in.platform.EdgeURL, in.platform.SimulatorsURL, in.platform.Processes[0].OpsURL, "PostgreSQL", "Redis", "Temporal", "Event bus",
		"+380500000001", "make demo", "Ctrl-C",
	} {
		if !strings.Contains(printed, wanted) {
			t.Errorf("the table does not show %q:\n%s", wanted, printed)
		}
	}
	doctor := exec.CommandContext(t.Context(), in.programs.lendgate, "doctor")
	doctor.Env = in.environment()
	if said, err := doctor.CombinedOutput(); err != nil {
		t.Errorf("lendgate doctor: %v\n%s", err, said)
	}
	database := in.databaseURL(t)
	before := withoutJobs(settledRows(t, database))
	if err := in.stop(); err != nil {
		t.Fatal(err)
	}
	in.start(t)
	if diff := cmp.Diff(before, withoutJobs(settledRows(t, in.databaseURL(t)))); diff != "" {
		t.Errorf("a start on an installation that has its demo data writes (-before +after):\n%s", diff)
	}
}

// withoutJobs leaves out the queues: each start looks at once for payments that nobody has asked about.
func withoutJobs(rows map[string]string) map[string]string {
	maps.DeleteFunc(rows, func(table, _ string) bool { return strings.HasSuffix(table, ".river_job") })
	return rows
}

// interrupt ends the platform as a person at the terminal does.
func interrupt(t *testing.T, in *installation) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
	defer cancel()
	if err := in.process.Stop(ctx, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := in.process.Err(); err != nil {
		t.Errorf("Ctrl-C ends the platform with %v", err)
	}
	in.expectNobody(t)
	again := exec.CommandContext(t.Context(), in.programs.lendgate, "demo")
	again.Env = in.environment()
	if said, err := again.CombinedOutput(); err == nil || !strings.Contains(string(said), "make run") {
		t.Errorf("the demo without a platform does not say how to start one: %v\n%s", err, said)
	}
}
