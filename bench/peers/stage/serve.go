package stage

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Flags are what every peer is told.
type Flags struct {
	// Listen is its address, Backend that of the three backends.
	Listen, Backend string
	// Answer is a file with the home screen in JSON, for peers that compute nothing.
	Answer string
	// Cast and People are whom the naive peer knows.
	Cast   string
	People int
}

// Run reads the flags, makes the peer and serves it over HTTP/1.1 until the process ends.
func Run(build func(Flags) (http.Handler, error)) {
	var f Flags
	flag.StringVar(&f.Listen, "listen", "127.0.0.1:0", "address of the peer")
	flag.StringVar(&f.Backend, "backend", "", "address of the backends")
	flag.StringVar(&f.Answer, "answer", "", "file with the home screen in JSON")
	flag.StringVar(&f.Cast, "cast", "naive", "name of the cast that the peer knows")
	flag.IntVar(&f.People, "people", 500, "how many people the cast has")
	flag.Parse()
	handler, err := build(f)
	if err == nil {
		server := &http.Server{Addr: f.Listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		err = server.ListenAndServe()
	}
	if !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
