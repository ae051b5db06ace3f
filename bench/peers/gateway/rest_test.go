package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// BenchmarkREST asks grpc-gateway's runtime for a home screen that is ready, in one process: the handler is what protoc-gen-grpc-gateway
// writes for GET /v1/home with a local server. No checks at all. bff/edge's BenchmarkChain has our whole chain by the same request.
func BenchmarkREST(b *testing.B) {
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
	}))
	home, filter := readyHome(), &utilities.DoubleArray{Encoding: map[string]int{}, Base: []int(nil), Check: []int(nil)}
	err := mux.HandlePath(http.MethodGet, "/v1/home", func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		_, outbound := runtime.MarshalerForRequest(mux, r)
		var stream runtime.ServerTransportStream
		ctx := grpc.NewContextWithServerTransportStream(r.Context(), &stream)
		ctx, err := runtime.AnnotateIncomingContext(ctx, mux, r, mobilev1connect.HomeServiceGetHomeProcedure, runtime.WithHTTPPathPattern("/v1/home"))
		req := &mobilev1.GetHomeRequest{}
		if err == nil {
			err = r.ParseForm()
		}
		if err == nil {
			err = runtime.PopulateQueryParameters(req, r.Form, filter)
		}
		if err != nil {
			runtime.HTTPError(ctx, mux, outbound, w, r, err)
			return
		}
		ctx = runtime.NewServerMetadataContext(ctx, runtime.ServerMetadata{HeaderMD: stream.Header(), TrailerMD: stream.Trailer()})
		runtime.ForwardResponseMessage(ctx, mux, outbound, w, r, home)
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	size, began := 0, cpuTime()
	for b.Loop() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/v1/home?readMask=greeting,loans,notices", http.NoBody)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if size = w.Body.Len(); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(size), "B/answer")
}

// cpuTime is what this process has computed, in nanoseconds.
func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// readyHome is the screen of bff/edge's benchmark.
func readyHome() *mobilev1.GetHomeResponse {
	amount := func(units int64, text string) *mobilev1.Amount {
		return &mobilev1.Amount{Money: &typev1.Money{CurrencyCode: "UAH", MinorUnits: units}, Display: text}
	}
	ok := func() *mobilev1.SectionStatus { return &mobilev1.SectionStatus{State: 1} }
	home := &mobilev1.GetHomeResponse{
		Greeting: &mobilev1.GreetingSection{Status: ok(), GivenName: "Demo"},
		Loans:    &mobilev1.LoansSection{Status: ok()}, Notices: &mobilev1.NoticesSection{Status: ok()},
	}
	for i := range 4 {
		home.Loans.Loans = append(home.Loans.Loans, &mobilev1.LoanCard{
			LoanId: fmt.Sprintf("loan_01k9demo00000000000000000%d", i), Number: fmt.Sprintf("DL-2026-000%d", i), State: "ACTIVE", StateText: "Діє",
			Outstanding: amount(1_234_500, "12 345,00 ₴"), NextDue: amount(123_450, "1 234,50 ₴"), NextDueDate: &typev1.Date{Year: 2026, Month: 4, Day: 2},
		})
		home.Notices.Notices = append(home.Notices.Notices, &mobilev1.Notice{
			NotificationId: fmt.Sprintf("ntf_01k9demo0000000000000000%d", i), Title: "Payment received",
			Body: "Your demo payment has been received. Thank you.", CreateTime: timestamppb.New(time.Date(2026, 3, 2, 12+i, 0, 0, 0, time.UTC)),
		})
	}
	return home
}
