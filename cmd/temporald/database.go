package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
	"google.golang.org/protobuf/types/known/durationpb"
)

// database says how to reach the PostgreSQL server.
type database struct {
	host     string // a name, an address, or the folder of a unix socket
	port     int
	user     string
	password string
}

// store is the server's own description of one database.
func (d database) store(name string) *config.SQL {
	cfg := &config.SQL{
		PluginName:      postgresql.PluginNamePGX,
		User:            d.user,
		Password:        d.password,
		DatabaseName:    name,
		ConnectProtocol: "tcp",
		ConnectAddr:     net.JoinHostPort(d.host, strconv.Itoa(d.port)),
		// Two pools of this size fit well into the cluster's 200 connections.
		MaxConns:        20,
		MaxIdleConns:    4,
		MaxConnLifetime: time.Hour,
	}
	if strings.HasPrefix(d.host, "/") {
		// A folder cannot stand in the address part of a connection string.
		// The attribute wins over the placeholder.
		cfg.ConnectAddr = net.JoinHostPort("localhost", strconv.Itoa(d.port))
		cfg.ConnectAttributes = map[string]string{"host": d.host}
	}
	return cfg
}

// prepare creates what is missing of the two databases and upgrades their
// schema. It changes nothing when they are current.
func prepare(ctx context.Context, d database, logger log.Logger, state, visibility string) error {
	for _, name := range []string{state, visibility} {
		if err := d.create(ctx, name); err != nil {
			return err
		}
	}
	if err := upgrade(d.store(state), "postgresql/v12/temporal", logger); err != nil {
		return err
	}
	return upgrade(d.store(visibility), "postgresql/v12/visibility", logger)
}

// create makes the database unless it exists. It asks the database itself
// first, so that a role without the right to create databases can serve two
// that somebody made for it.
func (d database) create(ctx context.Context, name string) error {
	conn, err := d.connect(ctx, name)
	if err == nil {
		return conn.Close(ctx)
	}
	if !isState(err, "3D000") { // invalid_catalog_name: no such database
		return fmt.Errorf("connect to database %s: %w", name, err)
	}
	conn, err = d.connect(ctx, "postgres")
	if err != nil {
		return fmt.Errorf("connect to create database %s: %w", name, err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	// duplicate_database, or unique_violation in its catalogue: somebody was faster.
	if err != nil && !isState(err, "42P04") && !isState(err, "23505") {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (d database) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	// Parsing an empty string takes libpq's defaults; all of them that matter
	// are then set, because values need no quoting that way.
	cfg, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database = d.host, uint16(d.port), d.user, d.password, name
	return pgx.ConnectConfig(ctx, cfg)
}

func isState(err error, sqlState string) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == sqlState
}

// upgrade applies the versions of the embedded schema that the database lacks.
func upgrade(store *config.SQL, name string, logger log.Logger) error {
	conn, err := sql.NewConnection(store, logger)
	if err != nil {
		return fmt.Errorf("connect to database %s: %w", store.DatabaseName, err)
	}
	defer conn.Close()
	setup := &schema.SetupConfig{InitialVersion: "0.0"} // only the version tables, if missing
	if err := schema.NewSetupSchemaTask(conn, setup, logger).Run(); err != nil {
		return fmt.Errorf("set up schema %s: %w", name, err)
	}
	if err := schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: name}, logger).Run(); err != nil {
		return fmt.Errorf("upgrade schema %s: %w", name, err)
	}
	return nil
}

// register makes the namespace unless it exists, and returns once the server
// answers for it.
func register(ctx context.Context, address, namespace string, retention time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: address})
	if err != nil {
		return fmt.Errorf("connect to the own frontend: %w", err)
	}
	defer namespaces.Close()

	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace:                        namespace,
			Description:                      "lendgate",
			WorkflowExecutionRetentionPeriod: durationpb.New(retention),
		})
		var exists *serviceerror.NamespaceAlreadyExists
		if err == nil || errors.As(err, &exists) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("register namespace %s: %w", namespace, err)
		case <-retry.C:
		}
	}
}
