// Command fanout is a backend for frontends by connect-go alone: no checks, four calls to three backends, side by side.
package main

import (
	"net/http"

	"github.com/lendgate/lendgate/bench/peers/stage"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		mux := http.NewServeMux()
		mux.Handle(mobilev1connect.NewHomeServiceHandler(stage.NewFanout(f.Backend)))
		return mux, nil
	})
}
