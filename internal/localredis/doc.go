// Package localredis provides the Redis of one machine: a redis-server of its
// own on a free port if the machine has the program, else an imitation inside
// this process.
//
// It promises a Redis that speaks the commands lendgate uses on 127.0.0.1 and
// that ends with this process, SIGKILL included (Linux). It keeps nothing
// across starts in either form: lendgate holds nothing in Redis that it cannot
// do without.
//
// Stay within what both forms and Redis 6.2 know: no expiry of hash fields, no
// sharded channels, no functions, no client tracking, no CONFIG SET.
//
// There is no password: whoever can open connections from this machine can
// read and write. A deployment uses a Redis of its own.
package localredis
