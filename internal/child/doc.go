// Package child runs another program for as long as this process lives.
//
// It promises that the program never outlives us: it is stopped by Stop, and
// on Linux the kernel signals it when this process dies in any other way,
// SIGKILL included. Other systems have no such signal; there the caller must
// recognise what a killed predecessor left behind.
//
// The program gets a process group of its own, so that Ctrl-C at a terminal
// reaches only us and we can stop our children in the right order.
//
// It also owns the two small things that every launcher needs: a lock that
// the kernel releases with the process, and a free port.
//
// It does not restart programs and does not read their output.
package child
