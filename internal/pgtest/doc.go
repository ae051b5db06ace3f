// Package pgtest gives each test a migrated PostgreSQL database of its own.
//
//	url := pgtest.Database(t, "loans", migrations.Up)
//
// The first test of a test binary starts a throwaway server, in memory where
// the machine has /dev/shm, and runs the migrations once in a template. Each
// test then gets a copy, which takes some 20 ms, and the copy is dropped with
// the test. Tests may run in parallel: they share the server and nothing else,
// except that roles belong to the server.
//
// The server does not sync to disk. It ends, and its folder goes, when the test
// binary ends in whatever way; what a crash of the machine leaves is removed by
// the next run.
//
// LENDGATE_TEST_DATABASE_URL names a server to use instead, with a user who may
// create databases and whatever else the migrations need. Databases that killed
// runs left on it are removed, those of runs that go on are not.
package pgtest
