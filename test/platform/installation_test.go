package platform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/child"
)

const (
	// startPatience bounds a start on a machine under load: the first one creates a cluster and migrates it.
	startPatience = 2 * time.Minute
	// stopPatience bounds a stop, which drains and shuts three servers down.
	stopPatience = time.Minute
	// glance is the pause between two looks at something that changes outside of this process.
	glance = 20 * time.Millisecond
)

// installation is a data folder and the `lendgate up` that runs on it, when one does.
type installation struct {
	programs *programs
	dir      string
	// edge is the address of the edge through all restarts, as it is for an operator: third parties keep it for their notifications.
	edge string

	process  *child.Process
	platform app.Platform
	// starts counts, to tell the output of one start from another's.
	starts int
}

// newInstallation makes the folder of an installation that has never been started. It is removed with the scratch folder.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	p, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(scratch, "installation-")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o711), os.Mkdir(filepath.Join(dir, "bin"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := link(p.temporald, filepath.Join(dir, "bin", filepath.Base(p.temporald))); err != nil {
		t.Fatal(err)
	}
	in := &installation{programs: p, dir: dir, edge: freeAddress(t)}
	return in
}

// link shares a file, or copies it when the folders lie on different disks.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
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

// environment is the tester's own without any setting of lendgate, and with those of this installation.
func (in *installation) environment(settings ...string) []string {
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "LENDGATE_") })
	return append(environment, append([]string{"LENDGATE_DATA_DIR=" + in.dir, "LENDGATE_EDGE_ADDRESS=" + in.edge}, settings...)...)
}

// launch runs the binary with its output in a file of the folder. The process is told to stop when the test binary dies in any way.
func (in *installation) launch(t *testing.T, output string, settings []string, args ...string) *child.Process {
	t.Helper()
	file, err := os.Create(filepath.Join(in.dir, output))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	command := exec.Command(in.programs.lendgate, args...)
	command.Dir, command.Env = in.programs.root, in.environment(settings...)
	command.Stdout, command.Stderr = file, file
	process, err := child.Start(command, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	return process
}

// output is the name of the file that the last start of up wrote to.
func (in *installation) output() string { return fmt.Sprintf("up-%d.out", in.starts) }

// start runs `lendgate up` and waits until it says where it listens.
func (in *installation) start(t *testing.T) {
	t.Helper()
	in.starts++
	stale := filepath.Join(in.dir, "platform.json")
	if err := os.Remove(stale); err != nil && !errors.Is(err, os.ErrNotExist) { // A killed platform leaves it.
		t.Fatal(err)
	}
	in.process = in.launch(t, in.output(), nil, "up")
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	err := await(ctx, func() (bool, error) {
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
		t.Fatalf("the platform does not start: %v\n%s", err, in.read(in.output()))
	}
}

// use starts the installation for this test alone: it is stopped, and looked after when the test has failed.
func (in *installation) use(t *testing.T) {
	t.Helper()
	in.reportOn(t)
	t.Cleanup(func() {
		if err := in.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	in.start(t)
}

// stop asks the platform to stop and waits. A platform that does not run is no error.
func (in *installation) stop() error {
	if in.process == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return in.process.Stop(ctx, syscall.SIGTERM)
}

// kill ends the process as a power cut would: nothing is said and nothing is saved.
func (in *installation) kill(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(in.process.PID(), syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9: %v\n%s", err, in.read(in.output()))
	}
	<-in.process.Done()
}

// read is the text of a file of the folder; an absent one is empty.
func (in *installation) read(name string) string {
	raw, err := os.ReadFile(filepath.Join(in.dir, name))
	if err != nil {
		return ""
	}
	return string(raw)
}

// reportOn shows what the platform said when the test has failed: its last output, and the lines of its log that tell of trouble.
func (in *installation) reportOn(t *testing.T) {
	t.Helper()
	began := len(in.read("lendgate.log"))
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		t.Logf("%s:\n%s", in.output(), in.read(in.output()))
		log := in.read("lendgate.log")
		t.Logf("lendgate.log:\n%s", troubles(log[min(began, len(log)):]))
	})
}

// troubles are the last lines of a JSON log above INFO.
func troubles(log string) string {
	const most = 40
	var lines []string
	for line := range strings.Lines(log) {
		var entry struct {
			Level string `json:"level"`
		}
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Level == "WARN" || entry.Level == "ERROR" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-most):], "")
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

// status asks a URL by GET and tells the status; 0 when nobody answers.
func status(ctx context.Context, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// survivors are the living processes of this installation: those that have its folder on their command line or in their environment.
func (in *installation) survivors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no /proc to look for processes in")
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline")) // It may have ended meanwhile.
		environment, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		// A process that has ended and was not yet waited for has an empty line and an empty environment.
		if bytes.Contains(line, []byte(in.dir)) || bytes.Contains(environment, []byte(in.dir)) {
			found = append(found, fmt.Sprintf("%d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// expectNobody fails when processes of the installation are left once it has ended. Those that the kernel has told to go get a moment.
func (in *installation) expectNobody(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var left []string
	if await(ctx, func() (bool, error) { left = in.survivors(t); return len(left) == 0, nil }) != nil {
		t.Errorf("the platform has ended and left behind:\n%s", strings.Join(left, "\n"))
	}
}
