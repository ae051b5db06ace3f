package edge

import (
	"math/rand/v2"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/dunglas/httpsfv"

	"github.com/lendgate/lendgate/bff/edge/admission"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// shed refuses work that would not be done in time: in a jam what is not important enough to wait in it. It runs before anything is read, so
// that an answer costs next to nothing. While the edge drains it serves on and sends callers away with every answer.
func (e *Edge) shed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.draining.Load() {
			w.Header().Set("Connection", "close") // Over HTTP/2 the server makes GOAWAY of it.
		}
		if e.gate.Hopeless(e.classOf(callOf(r.Context()), r)) {
			e.refuse(w, r, overloaded())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admit takes a place among those that are worked on, after a short wait if need be. It comes after the content was read, so that a client
// that sends slowly takes nobody's place. A websocket takes none: it is no work while it is quiet, and has bounds of its own.
func (e *Edge) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		if c.rpc == nil && r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		pass, ok := e.gate.Enter(r.Context(), e.classOf(c, r))
		if !ok {
			e.refuse(w, r, overloaded())
			return
		}
		pace := &e.otherPace
		if c.rpc != nil {
			pace = &c.rpc.pace
		}
		defer e.gate.Leave(pass, pace)
		next.ServeHTTP(w, r)
	})
}

// overloaded says when to come back: in one to three seconds, by chance, so that those who were refused together do not return together.
func overloaded() error {
	return rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_OVERLOADED, "too much at once; try again",
		rpcerr.RetryAfter(time.Duration(1+rand.IntN(3))*time.Second))
}

const (
	// defaultUrgency is that of a request that names none. Less urgent ones are not waited for by a person, and the least urgent are
	// "background" (RFC 9218 section 4.1).
	defaultUrgency = 3
	leastUrgency   = 7
)

// classOf is how important a request is: what the contract says of its RPC, or less, if the caller says so in the header Priority (RFC 9218).
// Nobody makes their own requests more important.
func (e *Edge) classOf(c *call, r *http.Request) admission.Class {
	class := admission.User
	switch {
	case c.rpc == nil:
		class = e.classOfRaw(r)
	case c.method.Priority == typev1.Priority_PRIORITY_MONEY:
		class = admission.Money
	case c.method.Priority == typev1.Priority_PRIORITY_BACKGROUND:
		class = admission.Background
	}
	if len(r.Header["Priority"]) == 0 {
		return class
	}
	switch wish := urgency(r.Header["Priority"]); {
	case wish >= leastUrgency:
		return admission.Export
	case wish > defaultUrgency:
		return min(class, admission.Background)
	default:
		return class
	}
}

// classOfRaw is the class of what is no RPC. Notifications of third parties tell of money. What nobody has mounted is nobody's.
func (e *Edge) classOfRaw(r *http.Request) admission.Class {
	switch _, pattern := e.raw.Handler(r); {
	case pattern == "":
		return admission.Export
	case r.Method == http.MethodPost:
		return admission.Money
	default:
		return admission.User
	}
}

// urgency reads the parameter u. What cannot be read is ignored, as the RFC asks.
func urgency(fields []string) int64 {
	parameters, err := httpsfv.UnmarshalDictionary(fields)
	if err != nil {
		return defaultUrgency
	}
	member, _ := parameters.Get("u")
	item, ok := member.(httpsfv.Item)
	if !ok {
		return defaultUrgency
	}
	if wish, ok := item.Value.(int64); ok && wish >= 0 && wish <= leastUrgency {
		return wish
	}
	return defaultUrgency
}
