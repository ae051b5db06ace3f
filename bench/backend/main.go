// Command backend is identity, loans and push of the measuring room as a process of its own: it answers from memory in Connect, gRPC and
// gRPC-Web, over HTTP/1.1 and HTTP/2 without TLS, and to our own processes over links. Every contestant that dials backends dials this one, so that its cost is the same for all
// and none of theirs.
package main

import (
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/bench/scene"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/internal/clock"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address of the services")
	direct := flag.String("direct", "127.0.0.1:0", "address that the conductor changes the play at")
	static := flag.String("static", "127.0.0.1:0", "address that answers everything with the file of -answer, for plain proxies")
	answer := flag.String("answer", "", "file with a home screen in JSON")
	cast := flag.String("cast", "remote", "name of the cast that identity knows")
	people := flag.Int("people", 500, "how many people the cast has")
	flag.Parse()
	if err := run(*listen, *direct, *static, *answer, *cast, *people); err != nil {
		slog.Error("backend", "error", err.Error())
		os.Exit(1)
	}
}

func run(listen, direct, static, answer, name string, n int) error {
	people, err := scene.Cast(name, n)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(answer)
	if err != nil {
		return err
	}
	home := &mobilev1.GetHomeResponse{}
	if err := protojson.Unmarshal(body, home); err != nil {
		return err
	}
	backends := scene.NewBackends(people, clock.System{}.Now())
	log := slog.New(slog.DiscardHandler)
	door, err := scene.NewDoor(log, clock.System{})
	if err != nil {
		return err
	}
	failed := make(chan error, 3)
	for address, handler := range map[string]http.Handler{
		listen: backends.Links(door, log).Handler(backends.Routes(scene.Ready{Answer: home})), direct: backends.Direct(), static: fixed(body),
	} {
		// A path is a unix socket: the nearest way between two processes of one machine.
		network := "tcp"
		if strings.HasPrefix(address, "/") {
			network = "unix"
		}
		listener, err := net.Listen(network, address)
		if err != nil {
			return err
		}
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- server.Serve(listener) }()
	}
	return errors.Join(<-failed)
}

// fixed answers everything with the same JSON.
func fixed(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
}
