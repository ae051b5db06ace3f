package link

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
)

// BenchmarkScreen makes the calls of a screen: three side by side, one screen after the other. Both ends are in this process, so what it says is
// the cost of both. "by Connect" is how the same is done without a link.
func BenchmarkScreen(b *testing.B) {
	r := newRig(b, &loanStandIn{}, settings{})
	mux := http.NewServeMux()
	mux.Handle(loansv1connect.NewLoanServiceHandler(&loanStandIn{}, connect.WithInterceptors(r.door.Interceptor())))
	server := httptest.NewUnstartedServer(r.door.Guard(mux))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	b.Cleanup(server.Close)
	address, err := ParseAddress(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	over := loansv1connect.NewLoanServiceClient(&http.Client{Transport: r.door.Transport(address.Transport())}, address.URL(),
		connect.WithInterceptors(r.door.ClientInterceptor()))
	for name, loans := range map[string]loansv1connect.LoanServiceClient{"over a link": r.loans, "by Connect": over} {
		b.Run(name, func(b *testing.B) {
			ctx, loan := asPerson(context.Background()), newLoan()
			b.ReportAllocs()
			before := cpuNanos(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					var group sync.WaitGroup
					for range 3 {
						group.Go(func() {
							if _, err := loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: loan}); err != nil {
								b.Error(err)
							}
						})
					}
					group.Wait()
				}
			})
			b.ReportMetric(float64(cpuNanos(b)-before)/float64(b.N)/3, "cpu-ns/call")
		})
	}
}

// cpuNanos is the CPU time of all threads of this process so far, by the scheduler's own count; 0 where there is none.
func cpuNanos(b *testing.B) int64 {
	b.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	var sum int64
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/schedstat")
		if err != nil {
			continue // The thread has ended.
		}
		nanos, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(nanos, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum
}
