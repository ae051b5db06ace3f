// Package localpg runs a private PostgreSQL server for one machine: the one
// that `lendgate up` keeps its data in, and the throwaway ones of the tests.
//
// It owns three steps. Find looks for PostgreSQL 15 or newer on the machine
// and installs it when there is none. Start makes a cluster in a folder, or
// finds the one that is there, and serves it on a free port of 127.0.0.1.
// Stop shuts it down.
//
// Promises:
//   - It never touches a cluster that it did not make, the machine's own least
//     of all.
//   - It works as root, although PostgreSQL refuses to run as root.
//   - The server ends with the process that started it, SIGKILL included
//     (Linux). Whatever a killed launcher leaves in the folder, the next Start
//     deals with. Two launchers on one folder: the second gets an error.
//   - Only who can read the folder's password file can connect.
//
// Its URLs name the superuser, whom row-level security does not bind: services
// must change to a role of their own.
//
// It does not replicate, back up or upgrade between major versions, and is no
// way to run PostgreSQL in production.
package localpg
