package main

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestListenerIsFoundByItsPort(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the accounts of processes are Linux's")
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	pid, err := listener(socket.Addr().String())
	if err != nil || pid != os.Getpid() {
		t.Errorf("found process %d (%v), want this one, %d", pid, err, os.Getpid())
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := socket.Addr().String()
	socket.Close()
	if pid, err := listener(address); err == nil {
		t.Errorf("process %d listens on a closed port", pid)
	}
}
