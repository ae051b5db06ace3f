// Package localtemporal runs the Temporal server of one machine, which is the
// program cmd/temporald in a module of its own.
//
// It owns two steps that are apart because the first takes minutes once and
// can run while other things start: Build compiles the program, or finds it
// compiled, and Start runs it on a PostgreSQL server until Stop.
//
// Promises:
//   - The program is compiled again exactly when its sources, its pinned
//     dependencies or the compiler change.
//   - The server ends with the process that started it, SIGKILL included, on
//     every system. It takes free ports at each start, so that nothing a killed
//     predecessor left can be in its way.
//   - All state is in PostgreSQL: workflows go on after any kind of end.
//
// Who has a Temporal cluster gives its address and does not need this package.
package localtemporal
