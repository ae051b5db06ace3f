package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lendgate/lendgate/bench/scene"
)

// The casts. Each contestant with checks has people of its own, so that none uses up another's limits.
const (
	castSize   = 2000
	castRemote = "remote"
	// devices of them take part in the turns; the others are for the run with too much load.
	devices = 500
	// regulars ask again and again, so that what is kept for them for seconds hardly ever ends during a turn, however slow the machine.
	regulars = 50
)

// contestant is a server under test.
type contestant struct {
	name, does string
	// line is its command for a stage. Empty for one that runs already.
	line func(s stage) ([]string, error)
	// needs are programs that must be there, with how to get them.
	needs, install string
	// call is what it is asked; cast by whom. scheme says how requests are signed.
	call func(host string) scene.Call
	cast string
	// crowd is how many of the cast take part in a turn; 0 means devices.
	crowd  int
	scheme scheme
	// equal says that the answer must be the home screen, field for field.
	equal bool
	// optional ones run only when asked for by name or flag.
	optional bool

	address string
	// running is its process, with whose children its cost is counted.
	running int
	people  []scene.Person
}

// scheme is how the requests to a contestant are signed.
type scheme int

const (
	unsigned scheme = iota
	byDevice
	bySession
	byServer
	naively
)

// home asks for the home screen in the same words each time, unlike in others each time.
func home(host string) scene.Call   { return scene.Home(host, false) }
func unlike(host string) scene.Call { return scene.Home(host, true) }

// graphQL asks for the home screen with all its fields.
func graphQL(host string) scene.Call {
	return scene.Call{Host: host, Path: "/graphql", Body: func() []byte {
		return []byte(`{"query":"{ home { greeting { status { state } givenName } loans { status { state } loans { loanId number state stateText ` +
			`outstanding { money { minorUnits currencyCode } display } nextDue { money { minorUnits currencyCode } display } nextDueDate { year month day } } } ` +
			`application { status { state } } notices { status { state } notices { notificationId title body createTime } } } }"}`)
	}}
}

// troupe are all contestants, ours first.
func (o options) troupe() []*contestant {
	ours := func(mode, cast string) func(stage) ([]string, error) {
		return func(s stage) ([]string, error) {
			return []string{
				filepath.Join(o.bin, "ours"), "-mode", mode, "-listen", s.Listen, "-backend", s.Backend, "-redis", "redis://" + s.Redis + "/0",
				"-cast", cast, "-people", fmt.Sprint(castSize), "-shops", s.Shops, "-log", filepath.Join(s.Dir, cast+".log"),
			}, nil
		}
	}
	list := []*contestant{
		{
			name: "ours-inproc", does: "home screen, all checks on, backends in the process",
			line: ours("inproc", "inproc"), call: unlike, cast: "inproc", scheme: bySession, equal: true,
		},
		{
			name: "ours-cached", does: "the same asked again by the same person within seconds",
			line: ours("inproc", "cached"), call: home, cast: "cached", crowd: regulars, scheme: bySession, equal: true,
		},
		{
			name: "ours-hardware", does: "the same signed by the key of the phone's hardware, as money is",
			line: ours("inproc", "hardware"), call: home, cast: "hardware", crowd: regulars, scheme: byDevice, equal: true,
		},
		{
			name: "ours-remote", does: "home screen, all checks on, three backends over the network",
			line: ours("remote", castRemote), call: unlike, cast: castRemote, scheme: bySession, equal: true,
		},
		{
			name: "ours-static", does: "all checks on before a handler that answers one ready message",
			line: ours("static", "static"), call: unlike, cast: "static", scheme: bySession, equal: true,
		},
		{
			name: "ours-partner", does: "a shop's list of products, signed by HMAC, all checks on, backends in the process",
			line: ours("inproc", "partner"), call: scene.ProductList, cast: "partner", scheme: byServer,
		},
	}
	return append(list, o.peerage()...)
}

// peerage are the peers. Their security is off, but for the naive one.
func (o options) peerage() []*contestant {
	peer := func(name string) func(stage) ([]string, error) {
		return func(s stage) ([]string, error) {
			return []string{
				filepath.Join(o.bin, "peers", name), "-listen", s.Listen, "-backend", s.Backend, "-answer", s.Answer, "-people", fmt.Sprint(castSize),
			}, nil
		}
	}
	node := func(name string) func(stage) ([]string, error) {
		return func(s stage) ([]string, error) {
			return []string{"node", filepath.Join(o.root, "bench/peers/node", name+".mjs"), "--listen", s.Listen, "--backend", s.Backend}, nil
		}
	}
	return []*contestant{
		{name: "floor", does: "net/http, ready bytes", line: peer("floor"), call: home, equal: true},
		{name: "bare", does: "connect-go handler, one ready message, JSON", line: peer("bare"), call: home, equal: true},
		{name: "grpc-fanout", does: "grpc-go by hand, four calls to three backends", line: peer("grpcfan"), call: home, equal: true},
		{name: "connect-fanout", does: "connect-go, the same four calls over HTTP/1.1", line: peer("fanout"), call: home, equal: true},
		{
			name: "naive", does: "connect-fanout with HMAC, nonces, token and bucket, all in memory",
			line: peer("naive"), call: home, cast: "naive", scheme: naively, equal: true,
		},
		{name: "grpc-gateway", does: "REST to gRPC, one hop to a ready answer", line: peer("gateway"), call: home, equal: true},
		{name: "nginx", does: "plain proxy, one hop to ready bytes", line: o.nginx, needs: "nginx", install: "make bench-peers", call: home, equal: true},
		{name: "haproxy", does: "plain proxy, one hop to ready bytes", line: o.haproxy, needs: "haproxy", install: "make bench-peers", call: home, equal: true},
		{
			name: "caddy", does: "plain proxy, one hop to ready bytes",
			line: o.caddyfile, needs: filepath.Join(o.root, ".lendgate/tools/caddy"), install: "make bench-caddy", call: home, equal: true, optional: !o.caddy,
		},
		{name: "fastify", does: "fastify and undici, the same four calls", line: node("fastify"), needs: "node", install: "Node 20", call: home, equal: true},
		{name: "mercurius", does: "GraphQL with compiled queries, the same four calls", line: node("mercurius"), needs: "node", install: "Node 20", call: graphQL},
	}
}

func (o options) nginx(s stage) ([]string, error) {
	name := filepath.Join(s.Dir, "nginx.conf")
	return []string{"nginx", "-c", name, "-p", s.Dir}, s.fill(filepath.Join(o.root, "bench/peers/proxies/nginx.conf"), name)
}

func (o options) haproxy(s stage) ([]string, error) {
	name := filepath.Join(s.Dir, "haproxy.cfg")
	return []string{"haproxy", "-db", "-f", name}, s.fill(filepath.Join(o.root, "bench/peers/proxies/haproxy.cfg"), name)
}

func (o options) caddyfile(s stage) ([]string, error) {
	name := filepath.Join(s.Dir, "Caddyfile")
	return []string{filepath.Join(o.root, ".lendgate/tools/caddy"), "run", "--adapter", "caddyfile", "--config", name},
		s.fill(filepath.Join(o.root, "bench/peers/proxies/Caddyfile"), name)
}

// missing says what a contestant lacks on this machine; "" when nothing.
func (c *contestant) missing(o options) string {
	if c.needs != "" {
		if _, err := exec.LookPath(c.needs); err != nil {
			return fmt.Sprintf("%s is not installed (%s)", filepath.Base(c.needs), c.install)
		}
	}
	if c.needs == "node" {
		if _, err := os.Stat(filepath.Join(o.root, "bench/peers/node/node_modules")); err != nil {
			return "its packages are not installed (make bench-edge installs them by npm)"
		}
	}
	return ""
}
