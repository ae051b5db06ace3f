package main

import (
	"net"
	"testing"

	"go.temporal.io/server/common/primitives"
)

func TestPickPortsServesLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:7233", ":7233", "192.0.2.1:7233", "localhost:7233", "127.0.0.1", "127.0.0.1:-1", "127.0.0.1:x", "127.0.0.1:70000"} {
		if l, err := pickPorts(address); err == nil {
			t.Errorf("pickPorts(%q) took it: %+v", address, l)
		}
	}
}

func TestPickPortsGivesEachServiceAPort(t *testing.T) {
	t.Parallel()
	l, err := pickPorts("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		if hosts := l.hosts()[service]; hosts.Self != l.address(service) || l.ports[service] == 0 {
			t.Errorf("%s is told to be %q at %q", service, hosts.Self, l.address(service))
		}
	}
	if host, _, err := net.SplitHostPort(l.frontend()); err != nil || host != "127.0.0.1" {
		t.Errorf("the frontend is at %q, %v", l.frontend(), err)
	}
	if fixed, err := pickPorts("127.0.0.1:7233"); err != nil || fixed.frontend() != "127.0.0.1:7233" {
		t.Errorf("a given port became %q, %v", fixed.frontend(), err)
	}
}

func TestDatabaseReachesSocketFolders(t *testing.T) {
	t.Parallel()
	tcp := database{host: "127.0.0.1", port: 5433}.store("temporal")
	if tcp.ConnectAddr != "127.0.0.1:5433" || len(tcp.ConnectAttributes) != 0 {
		t.Errorf("a host became %q %v", tcp.ConnectAddr, tcp.ConnectAttributes)
	}
	socket := database{host: "/run/postgresql", port: 5433}.store("temporal")
	if socket.ConnectAddr != "localhost:5433" || socket.ConnectAttributes["host"] != "/run/postgresql" {
		t.Errorf("a folder became %q %v", socket.ConnectAddr, socket.ConnectAttributes)
	}
}
