// Command temporald is the Temporal workflow server for one machine.
//
// It runs all four Temporal services in one process, sized for a laptop, on a
// PostgreSQL server given by flags. At start it creates its two databases if
// they are missing, brings their schema up to date, registers one namespace,
// and then prints one line on standard output:
//
//	{"ready":true,"address":"127.0.0.1:41233"}
//
// Nothing else is ever written to standard output; the log goes to standard
// error. The password of the database comes from TEMPORALD_DB_PASSWORD, never
// from a flag, because command lines are visible to every user of a machine.
//
// It serves no user interface, no metrics and no authentication, and listens
// on loopback only. A deployment uses a Temporal cluster instead.
//
// This is a module of its own so that nobody who builds lendgate pays for the
// dependencies of the Temporal server. Where it shares dependencies with the
// main module their versions are kept equal, as far as the server's interfaces
// allow, so that the compiler's cache serves both: that saves two thirds of the
// work on a machine that builds both.
package main
