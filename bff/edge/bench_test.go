package edge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/edge"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// redisInMemory answers the edge's commands without a network, so that what is measured is the chain: every nonce is new, every counter
// has room. The real stores have benchmarks of their own.
type redisInMemory struct{}

// DialHook is never reached.
func (redisInMemory) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return next(ctx, network, address)
	}
}

// ProcessHook answers one command.
func (redisInMemory) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, command redis.Cmder) error { return answerCommand(command) }
}

// ProcessPipelineHook answers commands sent together.
func (redisInMemory) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, commands []redis.Cmder) error {
		for _, command := range commands {
			answerCommand(command)
		}
		return nil
	}
}

func answerCommand(command redis.Cmder) error {
	switch c := command.(type) {
	case *redis.BoolCmd:
		c.SetVal(true)
	case *redis.IntCmd:
		c.SetVal(1)
	case *redis.StatusCmd:
		c.SetVal("OK")
	case *redis.StringCmd:
		c.SetVal("1")
	case *redis.Cmd:
		c.SetVal([]any{int64(1), int64(60_000)}) // Of the limiter: one call so far, a minute left.
	}
	return nil
}

// demoHome is a home screen of about 2 KB of JSON.
func demoHome() *mobilev1.GetHomeResponse {
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
	}
	for i := range 4 {
		home.Notices.Notices = append(home.Notices.Notices, &mobilev1.Notice{
			NotificationId: fmt.Sprintf("ntf_01k9demo0000000000000000%d", i), Title: "Payment received",
			Body: "Your demo payment has been received. Thank you.", CreateTime: timestamppb.New(noon.Add(time.Duration(i) * time.Hour)),
		})
	}
	return home
}

// demoProducts are a catalogue of about 2 KB of JSON.
func demoProducts() []*partnerv1.Product {
	var products []*partnerv1.Product
	for i := range 6 {
		products = append(products, &partnerv1.Product{
			Code: fmt.Sprintf("demo-product-%d", i), Names: map[string]string{"en": "Demo instalment loan", "uk": "Демо-кредит"}, AnnualRatePercent: "36.5", MinPrincipal: &typev1.Money{CurrencyCode: "UAH", MinorUnits: 50_000},
			MaxPrincipal: &typev1.Money{CurrencyCode: "UAH", MinorUnits: 5_000_000},
		})
	}
	return products
}

// sink is an answer that is thrown away, so that no server is measured.
type sink struct {
	header http.Header
	status int
	size   int
}

// Header is the answer's header.
func (s *sink) Header() http.Header { return s.header }

// WriteHeader notes the status.
func (s *sink) WriteHeader(status int) { s.status = status }

// Write counts bytes.
func (s *sink) Write(p []byte) (int, error) {
	s.size += len(p)
	return len(p), nil
}

// cpuTime is what all threads of this process have spent on a processor, in nanoseconds, by the kernel's own count: on a busy machine it
// holds still where the wall clock does not. 0 where there is no such count.
func cpuTime() int64 {
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	total := int64(0)
	for _, file := range files {
		text, _ := os.ReadFile(file)
		spent, _, _ := strings.Cut(string(text), " ")
		nanoseconds, _ := strconv.ParseInt(spent, 10, 64)
		total += nanoseconds
	}
	return total
}

// benchCallers is how many ask at once.
const benchCallers = 16

// BenchmarkChain measures a request through the whole chain, without a server and without Redis: a phone's home screen signed by its P-256
// key, the same signed by its session's key, and a partner's catalogue signed by HMAC; beside them the bare handler of connect-go that does nothing else.
func BenchmarkChain(b *testing.B) {
	run := func(b *testing.B, handler http.Handler, next func() *http.Request) {
		requests := make([]*http.Request, 400) // At a time, so that the garbage collector has no more to look at than a server's would.
		b.ReportAllocs()
		size, spent := atomic.Int64{}, int64(0)
		for done := 0; done < b.N; done += len(requests) {
			b.StopTimer()
			requests = requests[:min(len(requests), b.N-done)]
			for i := range requests {
				requests[i] = next()
			}
			runtime.GC()
			began := cpuTime()
			b.StartTimer()
			var callers sync.WaitGroup
			for caller := range benchCallers {
				callers.Go(func() {
					for i := caller; i < len(requests); i += benchCallers {
						w := sink{header: make(http.Header, 16), status: http.StatusOK}
						handler.ServeHTTP(&w, requests[i])
						if w.status != http.StatusOK {
							b.Errorf("answered %d", w.status)
						}
						size.Store(int64(w.size))
					}
				})
			}
			callers.Wait()
			b.StopTimer()
			spent += cpuTime() - began
		}
		b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(size.Load()), "B/answer")
	}
	open := edge.Config{PerDevice: 1 << 40, PerPartner: 1 << 40}
	newBenchRig := func(b *testing.B) *rig {
		r, _ := newRigLogging(b, open, slog.New(slog.NewJSONHandler(io.Discard, nil))) //nolint:sloglint // Making the line is part of what is measured.
		r.client.AddHook(redisInMemory{})
		r.screens.home, r.screens.products = demoHome(), demoProducts()
		return r
	}
	b.Run("a phone's home screen", func(b *testing.B) {
		r := newBenchRig(b)
		run(b, r.edge.Handler(), func() *http.Request { return served(r.sign(b, r.home(b))) })
	})
	b.Run("a phone's home screen by its session's key", func(b *testing.B) {
		r := newBenchRig(b)
		phone := r.bySession(b, r.token)
		run(b, r.edge.Handler(), func() *http.Request { return served(signedBy(b, phone, r.home(b))) })
	})
	b.Run("the same by REST, each answer made anew", func(b *testing.B) {
		r := newBenchRig(b)
		phone, made := r.bySession(b, r.token), 0
		run(b, r.edge.Handler(), func() *http.Request {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, r.server.URL+"/v1/home?readMask=greeting,loans,notices", http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			made++
			req.Header.Set(edge.AppVersionHeader, "3.0."+strconv.Itoa(made)) // Of another version of the app, so no kept answer is for it.
			return served(signedBy(b, phone, r.loggedIn(req)))
		})
	})
	b.Run("a partner's catalogue", func(b *testing.B) {
		r := newBenchRig(b)
		run(b, r.edge.Handler(), func() *http.Request { return served(r.signAs(b, r.keys["shop-hmac"], r.products(b))) })
	})
	b.Run("a bare handler", func(b *testing.B) {
		r := newBenchRig(b)
		_, handler := mobilev1connect.NewHomeServiceHandler(bareHome{home: demoHome()}, connect.WithCompressMinBytes(1<<20))
		run(b, handler, func() *http.Request { return served(r.home(b)) })
	})
}

// bareHome answers and does nothing else.
type bareHome struct {
	mobilev1connect.UnimplementedHomeServiceHandler
	home *mobilev1.GetHomeResponse
}

// GetHome shows the home screen.
func (h bareHome) GetHome(context.Context, *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	return h.home, nil
}

// served makes a client's request one that a server has received.
func served(r *http.Request) *http.Request {
	r.RequestURI, r.Host, r.RemoteAddr = r.URL.RequestURI(), r.URL.Host, "192.0.2.7:40000"
	return r
}
