package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/child"
)

// superuser owns the cluster.
const superuser = "lendgate"

// startPatience bounds the wait for a server that neither serves nor ends. It
// is long because recovery after a crash comes first.
const startPatience = 2 * time.Minute

// passingPatience bounds the wait for a reason that passes within moments.
const passingPatience = 15 * time.Second

// logLimit is the size in bytes above which the log is put aside at a start.
const logLimit = 8 << 20

// ErrInUse means that another living process runs the cluster of the folder.
var ErrInUse = errors.New("the PostgreSQL cluster is in use")

// Options say what to run.
type Options struct {
	Binaries Binaries
	// Dir holds all that belongs to the cluster: data, password, log, lock.
	Dir string
	// Durable makes a commit survive a loss of power. Leave it off only for
	// data that nobody misses: everything is faster, and a crash of the
	// machine may cost the whole cluster.
	Durable bool
	// Progress hears what takes longer than a moment. It may be nil.
	Progress func(line string)

	// account overrides the choice of account in tests.
	account *account
}

// Cluster is a running server.
type Cluster struct {
	dir      string
	port     int
	password string
	process  *child.Process
	lock     io.Closer
}

// Start serves the cluster in o.Dir, which is made if there is none. It returns
// when the server accepts connections. The error wraps ErrInUse when another
// process has started the same folder.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	// Others may pass through but not look in: the server's account must reach
	// its data, which only that account can read.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	lock, err := child.Lock(filepath.Join(dir, "lock"))
	if errors.Is(err, child.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, lock: lock}
	if err := c.start(ctx, o); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, o Options) error {
	if o.account == nil {
		chosen, err := chooseAccount(ctx, o.Binaries)
		if err != nil {
			return err
		}
		o.account = &chosen
	}
	owner := *o.account
	password, err := initialize(ctx, o, owner)
	if err != nil {
		return err
	}
	c.password = password
	data := filepath.Join(c.dir, "data")
	if err := owner.own(data); err != nil {
		return err
	}
	if err := clearOrphan(ctx, data); err != nil {
		return err
	}
	return c.launchUntilClear(ctx, o, data)
}

// errPassing means that the server could not start for a reason that goes away.
var errPassing = errors.New("not yet")

// launchUntilClear repeats a launch that failed for a passing reason.
func (c *Cluster) launchUntilClear(ctx context.Context, o Options, data string) error {
	deadline := time.After(passingPatience)
	for {
		err := c.launch(ctx, o, data)
		if !errors.Is(err, errPassing) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// passing tells from what the server said whether its failure will pass.
func passing(said string) bool {
	// Somebody took the port between our finding it free and the server's use.
	return strings.Contains(said, "could not bind") ||
		// A server was killed, and processes of it are still on their way out.
		strings.Contains(said, "is still in use")
}

// launch starts the server once, on a free port, and waits until it serves.
func (c *Cluster) launch(ctx context.Context, o Options, data string) error {
	port, err := child.FreePort()
	if err != nil {
		return err
	}
	log, err := openLog(filepath.Join(c.dir, "postgres.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}

	args := []string{"-D", data}
	for _, setting := range settings(port, o.Durable) {
		args = append(args, "-c", setting)
	}
	// The server must outlive ctx, which bounds the start alone.
	cmd := o.account.command(context.WithoutCancel(ctx), filepath.Join(o.Binaries.Dir, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	// SIGINT is PostgreSQL's fast shutdown: it ends sessions, writes a
	// checkpoint and leaves.
	if c.process, err = child.Start(cmd, syscall.SIGINT); err != nil {
		return err
	}
	c.port = port
	if err := c.awaitReady(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = c.process.Stop(stopCtx, syscall.SIGINT) // The first error is the one that tells.
		said, _ := io.ReadAll(io.NewSectionReader(log, begin, logLimit))
		err = fmt.Errorf("PostgreSQL does not start: %w; its log %s ends with: %s", err, log.Name(), lastLine(string(said)))
		if passing(string(said)) {
			err = fmt.Errorf("%w: %w", errPassing, err)
		}
		return err
	}
	return nil
}

// openLog opens the log to append to, after putting a large one aside.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// awaitReady returns when the server accepts connections or has ended.
func (c *Cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if sqlState(err) == "28P01" { // invalid_password
			return fmt.Errorf("the password in %s is not the cluster's: %w", filepath.Join(c.dir, "password"), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.process.Done():
			return fmt.Errorf("the server ended: %v", c.process.Err())
		case <-retry.C:
		}
	}
}

// URL is the address of the database called db, with the superuser's name and
// password. The database need not exist.
func (c *Cluster) URL(db string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:     "/" + db,
		RawQuery: "sslmode=disable", // It never leaves the machine.
	}
	return u.String()
}

// EnsureDatabase creates the database called name unless it exists.
func (c *Cluster) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if err != nil && sqlState(err) != "42P04" { // duplicate_database
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// sqlState returns the five characters that PostgreSQL classifies err by, or
// nothing if the error is not the server's.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// PID is the process id of the server.
func (c *Cluster) PID() int { return c.process.PID() }

// Done is closed when the server has ended, asked or not.
func (c *Cluster) Done() <-chan struct{} { return c.process.Done() }

// Stop shuts the server down and frees the folder. Sessions are ended and their
// open transactions rolled back. When ctx ends first, the server is killed; the
// next start then recovers. Stopping twice is no error.
func (c *Cluster) Stop(ctx context.Context) error {
	err := c.process.Stop(ctx, syscall.SIGINT)
	_ = c.lock.Close() // It may be closed already.
	return err
}
