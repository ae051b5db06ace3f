// Package queries carries the migrations of every service into the binary. The folder is the second source of truth: what the contracts
// name, the migrations and queries place. It holds no other Go.
package queries

import (
	"embed"
	"io/fs"
)

//go:embed */migrations/*.sql
var files embed.FS

// Migrations are the goose migrations of a service, or of the platform tables that each service's schema has.
func Migrations(service string) (fs.FS, error) { return fs.Sub(files, service+"/migrations") }
