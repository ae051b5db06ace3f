// Command floor is net/http answering ready bytes: below this no Go server gets without leaving the standard library.
package main

import (
	"net/http"
	"os"

	"github.com/lendgate/lendgate/bench/peers/stage"
)

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		answer, err := os.ReadFile(f.Answer)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer) // A client that went away hears nothing.
		}), err
	})
}
