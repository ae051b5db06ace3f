package localtemporal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lendgate/lendgate/internal/child"
)

// startPatience bounds the wait for a server that neither serves nor ends.
const startPatience = time.Minute

// startAttempts is how often a start is tried: between the server's finding
// its ports free and its use of them, somebody else may take one.
const startAttempts = 3

// logLimit is the size in bytes above which the log is put aside at a start.
const logLimit = 8 << 20

// Options say what to run and on what.
type Options struct {
	// Binary is the program that Build returned.
	Binary string
	// DatabaseURL names the PostgreSQL server and a user of it who may create
	// databases. The server makes two, "temporal" and "temporal_visibility";
	// the database in the URL is not used. The connection is not encrypted.
	DatabaseURL string
	// Namespace is registered at the start. Empty means "default".
	Namespace string
	// Retention is how long finished workflows are kept, at least a day. Zero
	// means seven days.
	Retention time.Duration
	// LogFile is where the server's log is appended.
	LogFile string
}

// Server is a running server.
type Server struct {
	process *child.Process
	address string
	stdin   io.Closer // Closing it is how a server learns that its launcher is gone.
}

// Start runs the server and returns when it serves.
func Start(ctx context.Context, o Options) (*Server, error) {
	args, env, err := arguments(o)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		server, err := launch(ctx, o, args, env)
		if err == nil {
			return server, nil
		}
		if !strings.Contains(err.Error(), "address already in use") || attempt == startAttempts {
			return nil, err
		}
	}
}

// arguments turns the options into the program's flags and environment.
func arguments(o Options) (args, env []string, err error) {
	database, err := url.Parse(o.DatabaseURL)
	if err != nil {
		// The error of url.Parse repeats the URL, and with it the password.
		return nil, nil, errors.New("the database URL of the Temporal server is malformed")
	}
	if database.Hostname() == "" || database.User == nil {
		return nil, nil, errors.New("the database URL of the Temporal server names no host or no user")
	}
	args = []string{
		"--address=127.0.0.1:0", "--exit-with-parent",
		"--db-host=" + database.Hostname(),
		"--db-user=" + database.User.Username(),
	}
	if port := database.Port(); port != "" {
		args = append(args, "--db-port="+port)
	}
	if o.Namespace != "" {
		args = append(args, "--namespace="+o.Namespace)
	}
	if o.Retention != 0 {
		args = append(args, "--retention="+o.Retention.String())
	}
	password, _ := database.User.Password()
	return args, append(os.Environ(), "TEMPORALD_DB_PASSWORD="+password), nil
}

// launch starts the program once and waits until it serves.
func launch(ctx context.Context, o Options, args, env []string) (*Server, error) {
	log, err := openLog(o.LogFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	theirInput, ourInput, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirInput.Close()
	ourOutput, theirOutput, err := os.Pipe()
	if err != nil {
		_ = ourInput.Close()
		return nil, err
	}
	defer ourOutput.Close()

	cmd := exec.Command(o.Binary, args...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirInput, theirOutput, log
	process, err := child.Start(cmd, syscall.SIGTERM)
	_ = theirOutput.Close()
	if err != nil {
		_ = ourInput.Close()
		return nil, err
	}
	s := &Server{process: process, stdin: ourInput}
	if s.address, err = awaitReady(ctx, ourOutput); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.Stop(stopCtx) // The first error is the one that tells.
		said, _ := io.ReadAll(io.NewSectionReader(log, begin, logLimit))
		return nil, fmt.Errorf("Temporal does not start: %w; its log %s ends with: %s", err, o.LogFile, lastLine(string(said)))
	}
	return s, nil
}

// awaitReady reads the one line that the program writes when it serves.
func awaitReady(ctx context.Context, output *os.File) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	// Ending the wait is done by ending the read.
	stop := context.AfterFunc(ctx, func() { _ = output.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", errors.New("it ended before it served")
	}
	var said struct {
		Ready   bool   `json:"ready"`
		Address string `json:"address"`
	}
	if err := json.Unmarshal(line, &said); err != nil || !said.Ready {
		return "", fmt.Errorf("it said %q instead of its address", line)
	}
	return said.Address, nil
}

// openLog opens the log to append to, after putting a large one aside.
func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// Address is host and port of the server's gRPC endpoint.
func (s *Server) Address() string { return s.address }

// PID is the process id of the server.
func (s *Server) PID() int { return s.process.PID() }

// Done is closed when the server has ended, asked or not.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop shuts the server down. When ctx ends first, the server is killed, which
// loses nothing: its state is in PostgreSQL. Stopping twice is no error.
func (s *Server) Stop(ctx context.Context) error {
	err := s.process.Stop(ctx, syscall.SIGTERM)
	_ = s.stdin.Close() // It may be closed already.
	return err
}

// lastLine returns the last line of text that is not blank.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
