// Package pgdb opens a service's database and runs its transactions.
//
// It owns the pool and the transaction: every one is of exactly one tenant, told to PostgreSQL as app.tenant, which row-level security
// holds rows against; a transaction that the database gave up for concurrency is run again a few times. It knows no table.
package pgdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// attempts is how often a transaction is run that the database gives up for concurrency.
const attempts = 4

// ErrNoTenant is returned when a transaction is asked for without an actor in the context. It is a bug of the caller.
var ErrNoTenant = errors.New("pgdb: no tenant in the context")

// DB is the database of one service.
type DB struct {
	pool      *pgxpool.Pool
	committed chan struct{}
}

// Open connects with the role and the search path that url names. maxConns bounds the pool; 0 means 8.
func Open(ctx context.Context, url string, maxConns int32) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if maxConns == 0 {
		maxConns = 8
	}
	config.MaxConns = maxConns
	config.MaxConnLifetime = 5 * time.Minute // A demoted primary still answers SELECT 1; do not stay with it.
	config.MaxConnIdleTime = time.Minute
	config.ConnConfig.RuntimeParams["application_name"] = "lendgate"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["lock_timeout"] = "5s"
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "60s"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{pool: pool, committed: make(chan struct{}, 1)}, nil
}

// Close closes the pool, waiting for connections in use.
func (db *DB) Close() { db.pool.Close() }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }

// Pool is the pool itself, for libraries that bring their own transactions (River) and for the relay, which has no tenant.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Committed is signalled after commits, several at once as one: a hint for the relay that there may be events to tell.
func (db *DB) Committed() <-chan struct{} { return db.committed }

// InTx runs fn in a transaction of the context's tenant and commits when it returns nil. fn may be run again when the database gave the
// transaction up for concurrency, so it must have no effect but through tx. When the connection broke during the commit the outcome is not
// known: the caller gets UNAVAILABLE and repeats with the same request_id, which finds out.
func (db *DB) InTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			if waitErr := pause(ctx, attempt); waitErr != nil {
				break
			}
		}
		err = db.once(ctx, pgx.TxOptions{}, fn)
		if err == nil {
			select {
			case db.committed <- struct{}{}:
			default: // A signal is waiting already.
			}
			return nil
		}
		if !rpcerr.RetryablePg(err) {
			break
		}
	}
	return rpcerr.FromPg(err)
}

// Read runs fn in a read-only transaction of the context's tenant: one consistent view.
func (db *DB) Read(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return rpcerr.FromPg(db.once(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, fn))
}

func (db *DB) once(ctx context.Context, options pgx.TxOptions, fn func(tx pgx.Tx) error) error {
	who, ok := actor.From(ctx)
	if !ok || who.TenantID == "" {
		return ErrNoTenant
	}
	return pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('app.tenant', $1, true)", who.TenantID); err != nil {
			return fmt.Errorf("set tenant: %w", err)
		}
		return fn(tx)
	})
}

// pause waits a little longer before each attempt, at random, so that rivals do not meet again.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(time.Duration(attempt) * (5*time.Millisecond + rand.N(20*time.Millisecond)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
