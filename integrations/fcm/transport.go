package fcm

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer in bytes; real ones are below 4 KiB.
const maxAnswer = 1 << 20

// attempt is what the transports saw of one Send.
type attempt struct {
	begun      bool          // the SDK made a request
	reached    bool          // it was authorised and is on its way to FCM
	connected  atomic.Bool   // a connection to FCM stood: FCM may know of it
	err        error         // no answer arrived
	status     int           // the answer's status
	retryAfter time.Duration // what the answer asked for
}

type attemptKey struct{}

func withAttempt(ctx context.Context, made *attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, made)
}

func attemptOf(ctx context.Context) *attempt {
	if made, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return made
	}
	return &attempt{}
}

// single stands between the SDK and authorisation. It keeps the SDK from
// repeating: the SDK repeats after a transport error and after 503, so both are
// remembered in the attempt and shown to the SDK as a plain 500.
type single struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s single) RoundTrip(request *http.Request) (*http.Response, error) {
	made := attemptOf(request.Context())
	made.begun = true
	response, err := s.next.RoundTrip(request)
	if err != nil {
		made.err = err
		return &http.Response{
			StatusCode: http.StatusInternalServerError, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: request,
		}, nil
	}
	made.status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		made.retryAfter = time.Duration(seconds) * time.Second
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		response.StatusCode = http.StatusInternalServerError
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxAnswer), response.Body}
	return response, nil
}

// below stands under authorisation and sees only requests to FCM itself.
type below struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b below) RoundTrip(request *http.Request) (*http.Response, error) {
	made := attemptOf(request.Context())
	made.reached = true
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { made.connected.Store(true) },
	})
	return b.next.RoundTrip(request.WithContext(ctx))
}
