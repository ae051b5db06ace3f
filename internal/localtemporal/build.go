package localtemporal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lendgate/lendgate/internal/child"
)

// ErrNoSource means that the program can neither be found nor compiled here.
var ErrNoSource = errors.New("cmd/temporald is not available")

// progressInterval is the least time between two lines about a compilation.
const progressInterval = 5 * time.Second

// BuildOptions say where from and where to.
type BuildOptions struct {
	// Source is the folder of cmd/temporald. Empty means that of the lendgate
	// source tree that the working directory or this program lies in.
	Source string
	// BinDir is where compiled programs are kept.
	BinDir string
	// Progress hears what takes longer than a moment. It may be nil.
	Progress func(line string)
}

func (o BuildOptions) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Compiled returns the path that Build would return, and whether the program
// is there already, so that Build takes no time. It compiles nothing.
func Compiled(ctx context.Context, o BuildOptions) (binary string, ok bool, err error) {
	p, err := o.plan(ctx)
	if err != nil {
		return "", false, err
	}
	_, err = os.Stat(p.binary)
	return p.binary, err == nil, nil
}

// Build returns the path of the compiled program. The first call compiles it,
// which takes minutes and needs the Go toolchain; later calls find it.
func Build(ctx context.Context, o BuildOptions) (binary string, err error) {
	p, err := o.plan(ctx)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(p.binary); err == nil {
		return p.binary, nil
	}
	if err := os.MkdirAll(o.BinDir, 0o755); err != nil {
		return "", err
	}
	// Two compilers at once would each do all the work.
	lock, err := child.WaitLock(ctx, filepath.Join(o.BinDir, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(p.binary); err == nil {
		return p.binary, nil
	}
	if err := p.compile(ctx, o); err != nil {
		return "", err
	}
	removeOthers(p.binary)
	return p.binary, nil
}

// plan is what to compile, with what, to where.
type plan struct{ goTool, source, binary string }

func (o BuildOptions) plan(ctx context.Context) (plan, error) {
	source, err := o.source()
	if err != nil {
		return plan{}, err
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return plan{}, fmt.Errorf("%w: compiling it needs the Go toolchain: install Go from https://go.dev/dl, "+
			"or set LENDGATE_TEMPORAL_ADDRESS to a Temporal server of your own", ErrNoSource)
	}
	hash, err := fingerprint(ctx, goTool, source)
	if err != nil {
		return plan{}, fmt.Errorf("look at the sources of temporald: %w", err)
	}
	// The program may run in another folder than we do.
	binary, err := filepath.Abs(filepath.Join(o.BinDir, "temporald-"+hash))
	return plan{goTool: goTool, source: source, binary: binary}, err
}

// source finds the folder of cmd/temporald.
func (o BuildOptions) source() (string, error) {
	if o.Source != "" {
		return o.Source, nil
	}
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			source := filepath.Join(dir, "cmd", "temporald")
			if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
				return source, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("%w: there is no lendgate source tree around %s: run in a clone of lendgate, "+
		"or set LENDGATE_TEMPORAL_ADDRESS to a Temporal server of your own", ErrNoSource, strings.Join(starts, " or "))
}

// fingerprint sums up all that decides what the compiler makes.
func fingerprint(ctx context.Context, goTool, source string) (string, error) {
	version := exec.CommandContext(ctx, goTool, "env", "GOVERSION", "GOOS", "GOARCH")
	version.Dir = source // go.mod may choose the toolchain.
	sum := sha256.New()
	out, err := version.Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	sum.Write(out)
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		return "", err
	}
	files = append(files, filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"))
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(path), len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// compile makes the binary aside and moves it into place, so that a build that
// was killed does no harm.
func (p plan) compile(ctx context.Context, o BuildOptions) error {
	begin := time.Now()
	o.say("compiling the Temporal server; the first time takes minutes")
	staging := p.binary + ".new"
	defer os.Remove(staging) // It is gone if all went well.

	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	// No -trimpath: without it the packages that the main module compiles, too,
	// in the same versions, are compiled once for both.
	cmd := p.command("build", "-v", "-ldflags=-s -w", "-o", staging, ".")
	cmd.Stderr = write
	told := make(chan string, 1)
	go func() { told <- follow(read, p.packages(), o) }()
	err = child.Run(ctx, cmd)
	_ = write.Close() // Ends follow.
	complaint := <-told
	if err != nil {
		return fmt.Errorf("compile %s: %w: %s", p.source, err, complaint)
	}
	if err := os.Rename(staging, p.binary); err != nil {
		return err
	}
	o.say("compiled the Temporal server in %s", time.Since(begin).Round(100*time.Millisecond))
	return nil
}

// command prepares a run of the go tool in the module of the program.
func (p plan) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.goTool, args...)
	cmd.Dir = p.source
	cmd.Env = append(os.Environ(), "GOWORK=off") // A workspace of somebody's would change the pins.
	return cmd
}

// packages is how many packages the compiler will name at most: it does not
// name those that are compiled already. It serves progress lines only, so zero
// stands for any failure.
func (p plan) packages() int {
	out, err := p.command("list", "-deps", "-f", "{{if not .Standard}}+{{end}}", ".").Output()
	if err != nil {
		return 0
	}
	return bytes.Count(out, []byte("+"))
}

// follow turns the output of go build into a progress line now and then, and
// returns the lines that were errors.
func follow(output io.Reader, total int, o BuildOptions) string {
	var complaints []string
	compiled, next := 0, time.Now().Add(progressInterval)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
		case strings.ContainsAny(line, " \t"):
			// The name of a package has no blank, so this is a message.
			complaints = append(complaints, line)
		default:
			compiled++
		}
		if now := time.Now(); now.After(next) {
			next = now.Add(progressInterval)
			o.say("compiling the Temporal server: %d of at most %d packages", compiled, total)
		}
	}
	return strings.Join(complaints, "; ")
}

// removeOthers deletes the results of earlier sources, which are large. One
// that still runs goes on running.
func removeOthers(binary string) {
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(binary), "temporald-????????????"))
	for _, other := range slices.DeleteFunc(others, func(path string) bool { return path == binary }) {
		_ = os.Remove(other) // Left over, it costs nothing but room.
	}
}
