package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lendgate/lendgate/internal/localpg"
)

// outsideServer names the environment variable of a server to use instead of a
// throwaway one.
const outsideServer = "LENDGATE_TEST_DATABASE_URL"

// lockSpace is the first key of our advisory locks. The second is a run, or
// zero for migrations.
const lockSpace int32 = 0x6c67

// namePrefix begins the name of each database that this package makes.
const namePrefix = "lendgate_test_"

// server is where the databases of one test binary are.
type server struct {
	url   func(database string) string
	admin *pgxpool.Pool
	run   int32 // tells our databases from those of other binaries on the server
	last  atomic.Int64
	alive io.Closer // tells the cleaner of a throwaway server that we live

	mu        sync.Mutex
	templates map[string]func() (string, error)
}

func startServer(ctx context.Context) (*server, error) {
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // It never fails.
	s := &server{
		run:       int32(binary.BigEndian.Uint32(seed[:]) >> 1), // positive, and short in hexadecimal
		templates: map[string]func() (string, error){},
	}
	home := "postgres"
	if base := os.Getenv(outsideServer); base != "" {
		u, err := url.Parse(base)
		if err != nil {
			return nil, errors.New(outsideServer + " is malformed") // The error of url.Parse may hold a password.
		}
		home = strings.TrimPrefix(u.Path, "/")
		s.url = func(database string) string {
			other := *u
			other.Path = "/" + database
			return other.String()
		}
	} else {
		cluster, alive, err := throwaway(ctx)
		if err != nil {
			return nil, err
		}
		s.url, s.alive = cluster.URL, alive
	}
	config, err := pgxpool.ParseConfig(s.url(home))
	if err != nil {
		return nil, err
	}
	// Tests make and drop databases at the same time, and one connection holds
	// the run's lock for good.
	config.MaxConns = 6
	if s.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if err := s.claimRun(ctx); err != nil {
		return nil, err
	}
	return s, s.sweep(ctx)
}

// newName returns a name that no database of the server has.
func (s *server) newName() string {
	return fmt.Sprintf("%s%x_%d", namePrefix, s.run, s.last.Add(1))
}

// claimRun locks our run for as long as this process lives, on a connection
// that is never given back.
func (s *server) claimRun(ctx context.Context) error {
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", lockSpace, s.run)
	return err
}

// sweep drops the databases of runs that nobody holds the lock of any more. A
// server of our own has none.
func (s *server) sweep(ctx context.Context) error {
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", namePrefix)
	if err != nil {
		return err
	}
	byRun := map[int32][]string{}
	for rows.Next() {
		var database string
		if err := rows.Scan(&database); err != nil {
			return err
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(database, namePrefix), "_")
		if run, err := strconv.ParseInt(text, 16, 32); err == nil {
			byRun[int32(run)] = append(byRun[int32(run)], database)
		}
	}
	if rows.Err() != nil {
		return rows.Err()
	}
	for run, databases := range byRun {
		var dead bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockSpace, run).Scan(&dead); err != nil {
			return err
		}
		if !dead {
			continue
		}
		for _, database := range databases {
			if err := s.drop(ctx, database); err != nil {
				return err
			}
		}
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", lockSpace, run); err != nil {
			return err
		}
	}
	return nil
}

// throwaway starts a server in a new folder. Both go when alive is closed.
func throwaway(ctx context.Context) (cluster *localpg.Cluster, alive io.Closer, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, nil, err
	}
	binaries, err := localpg.Find(ctx, localpg.FindOptions{
		InstallDir: filepath.Join(cache, "lendgate", "postgres"),
		Progress:   func(line string) { fmt.Fprintln(os.Stderr, "pgtest:", line) },
	})
	if err != nil {
		return nil, nil, err
	}
	parent := memoryFolder()
	removeLeftovers(parent)
	dir, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return nil, nil, err
	}
	if alive, err = removeAfterUs(dir); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	if cluster, err = localpg.Start(ctx, localpg.Options{Binaries: binaries, Dir: dir}); err != nil {
		return nil, nil, errors.Join(err, alive.Close())
	}
	return cluster, alive, nil
}
