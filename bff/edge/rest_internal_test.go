package edge

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/wirejson"
)

// bound is an RPC bound to its REST paths on an edge without anything else.
func bound(procedure string, request, response proto.Message) *Edge {
	e := &Edge{}
	e.bindREST(&rpc{
		method: inproc.Method{Procedure: procedure, ReadOnly: true}, request: request.ProtoReflect().Type(),
		plan: wirejson.NewCompiler().Compile(response.ProtoReflect().Descriptor()),
	})
	return e
}

// read reads a GET as the chain does.
func (e *Edge) read(path string) (exchange, *call, error) {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	c := &call{Context: r.Context()}
	e.findREST(r, c)
	x, err := e.readREST(r.WithContext(c))
	return x, c, err
}

func TestRESTReadsEveryKindOfParameter(t *testing.T) {
	t.Parallel()
	quote := bound(mobilev1connect.ApplyServiceQuoteLoanProcedure, &mobilev1.QuoteLoanRequest{}, &mobilev1.QuoteLoanResponse{})
	list := bound(agentv1connect.PortfolioServiceListApplicationsProcedure, &agentv1.ListApplicationsRequest{}, &agentv1.ListApplicationsResponse{})
	records := bound(agentv1connect.AuditServiceListAuditRecordsProcedure, &agentv1.ListAuditRecordsRequest{}, &agentv1.ListAuditRecordsResponse{})
	cash := &mobilev1.QuoteLoanRequest{ProductCode: "cash-12", Principal: &typev1.Money{MinorUnits: 9007199254740993, CurrencyCode: "UAH"}, Instalments: 12}
	state := loansv1.Application_State(1)
	tests := map[string]struct {
		edge *Edge
		path string
		want proto.Message
	}{
		"nested fields by the contract's names": {quote, "/v1/products/cash-12/quote?principal.minor_units=9007199254740993&principal.currency_code=UAH&instalments=12", cash},
		"nested fields by JSON's names":         {quote, "/v1/products/cash-12/quote?principal.minorUnits=9007199254740993&principal.currencyCode=UAH&instalments=12", cash},
		"a path in another spelling":            {quote, "/v1/products/%63ash%2d12/quote?instalments=12&principal.minorUnits=9007199254740993&principal.currencyCode=%55AH", cash},
		"an enum by its name":                   {list, "/v1/agent/applications?state=" + state.String(), &agentv1.ListApplicationsRequest{State: state}},
		"an enum by its number":                 {list, "/v1/agent/applications?state=1&page.pageSize=5", &agentv1.ListApplicationsRequest{State: state, Page: &typev1.PageRequest{PageSize: 5}}},
		"a time": {records, "/v1/agent/audit-records?fromTime=2026-03-02T12:00:00Z", &agentv1.ListAuditRecordsRequest{
			FromTime: timestamppb.New(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)),
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, err := test.edge.read(test.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, x.request, protocmp.Transform()); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
	for name, path := range map[string]string{
		"a number that is none":         "/v1/products/cash-12/quote?instalments=twelve",
		"a number that is too large":    "/v1/products/cash-12/quote?instalments=3000000000",
		"a message without its fields":  "/v1/products/cash-12/quote?principal=100",
		"a field of no message":         "/v1/products/cash-12/quote?instalments.value=1",
		"a field beyond the contract":   "/v1/products/cash-12/quote?principal.colour=red",
		"what the path holds already":   "/v1/products/cash-12/quote?productCode=cash-13",
		"bytes that are no UTF-8":       "/v1/products/cash-12/quote?principal.currencyCode=%ff",
		"a name that is only a dot":     "/v1/products/cash-12/quote?.=1",
		"a dot after the name of field": "/v1/products/cash-12/quote?principal.=1",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if x, _, err := quote.read(path); err == nil {
				t.Errorf("read %v", x.request)
			}
		})
	}
}

// FuzzREST looks for a path or query that is not refused properly but panics, or is read into what is no message.
func FuzzREST(f *testing.F) {
	quote := bound(mobilev1connect.ApplyServiceQuoteLoanProcedure, &mobilev1.QuoteLoanRequest{}, &mobilev1.QuoteLoanResponse{})
	f.Add("/v1/products/cash-12/quote?principal.minor_units=1")
	f.Add("/v1/products//quote?a=b&a=c")
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://edge.example/"+strings.TrimLeft(target, "/"), http.NoBody)
		if err != nil {
			return
		}
		c := &call{Context: t.Context()}
		quote.findREST(r, c)
		if c.rpc == nil {
			return
		}
		x, err := quote.readREST(r.WithContext(c))
		if err != nil {
			return
		}
		if _, err := proto.Marshal(x.request); err != nil && !errors.Is(err, proto.Error) {
			t.Errorf("%s was read into what is no message: %v", target, err)
		}
	})
}

// BenchmarkREST is the price of REST alone: finding the RPC, reading the query, writing the answer.
func BenchmarkREST(b *testing.B) {
	e := bound(mobilev1connect.HomeServiceGetHomeProcedure, &mobilev1.GetHomeRequest{}, &mobilev1.GetHomeResponse{})
	home, s := &mobilev1.GetHomeResponse{Loans: &mobilev1.LoansSection{}}, &scratch{}
	for range 8 {
		home.Loans.Loans = append(home.Loans.Loans, &mobilev1.LoanCard{
			LoanId: "loan_01k9demo000000000000000000", Number: "DL-2026-0001", State: "ACTIVE", StateText: "Active",
			Outstanding: &mobilev1.Amount{Money: &typev1.Money{CurrencyCode: "UAH", MinorUnits: 1_234_500}, Display: "12 345.00 UAH"},
			NextDue:     &mobilev1.Amount{Money: &typev1.Money{CurrencyCode: "UAH", MinorUnits: 123_450}, Display: "1 234.50 UAH"},
			NextDueDate: &typev1.Date{Year: 2026, Month: 4, Day: 2},
		})
	}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		_, c, err := e.read("/v1/home?readMask=greeting,loans,notices")
		if err != nil {
			b.Fatal(err)
		}
		content, err := codecJSON.encode(c.rpc, home, s)
		if err != nil {
			b.Fatal(err)
		}
		size = len(content)
	}
	b.ReportMetric(float64(size), "B/answer")
}
