// Command bare is a connect-go handler that answers one ready message: the library without anything around it.
package main

import (
	"context"
	"net/http"

	"github.com/lendgate/lendgate/bench/peers/stage"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

type home struct{ answer *mobilev1.GetHomeResponse }

// GetHome answers with the ready message.
func (h home) GetHome(context.Context, *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	return h.answer, nil
}

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		answer, err := stage.Ready(f.Answer)
		mux := http.NewServeMux()
		mux.Handle(mobilev1connect.NewHomeServiceHandler(home{answer}))
		return mux, err
	})
}
