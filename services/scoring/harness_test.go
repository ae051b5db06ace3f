package scoring_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/scoring"
)

// product is what the tests decide on. Its policy is the first one.
const product = "cash-12"

// harness is the service on a database of its own, behind its door.
type harness struct {
	*servicetest.Kit
	service   *scoring.Service
	decisions scoringv1connect.DecisionServiceClient
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	kit := servicetest.New(t, "scoring")
	service := scoring.New(scoring.Deps{Keeper: kit.Keeper})
	h := &harness{Kit: kit, service: service, decisions: scoringv1connect.NewDecisionServiceInproc(service, kit.Door.Call)}
	if err := service.SeedPolicy(h.operator(t), product); err != nil {
		t.Fatal(err)
	}
	return h
}

// flows is who asks for decisions, operator who reads them.
func (h *harness) flows(t testing.TB) context.Context {
	return servicetest.AsService(t.Context(), "flows")
}

func (h *harness) operator(t testing.TB) context.Context {
	return servicetest.AsService(t.Context(), "operator")
}

func (h *harness) decide(t *testing.T, req *scoringv1.DecideApplicationRequest) *scoringv1.Decision {
	t.Helper()
	res, err := h.decisions.DecideApplication(h.flows(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return res.GetDecision()
}

// admin runs fn with the database administrator's connection, which no row-level security binds.
func (h *harness) admin(t *testing.T, fn func(ctx context.Context, conn *pgx.Conn)) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), h.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	fn(t.Context(), conn)
}

// count counts the rows of a table.
func (h *harness) count(t *testing.T, table string) (n int) {
	t.Helper()
	h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM scoring."+pgx.Identifier{table}.Sanitize()).Scan(&n); err != nil {
			t.Fatal(err)
		}
	})
	return n
}

// events are the facts that wait to be told, in order.
func (h *harness) events(t *testing.T) (out []*eventv1.Event) {
	t.Helper()
	h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
		rows, err := conn.Query(ctx, "SELECT payload FROM scoring.outbox_events ORDER BY sequence")
		if err != nil {
			t.Fatal(err)
		}
		payloads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range payloads {
			event := &eventv1.Event{}
			if err := proto.Unmarshal(payload, event); err != nil {
				t.Fatal(err)
			}
			out = append(out, event)
		}
	})
	return out
}

// request is that of the usual applicant, 35 years old, employed, with 30,000 UAH a month, who asks for 20,000 over twelve months. Further
// features replace those of the same name.
func request(features ...*scoringv1.Feature) *scoringv1.DecideApplicationRequest {
	req := &scoringv1.DecideApplicationRequest{
		RequestId: uuid.NewString(), ApplicationId: id.Format(id.Application, id.New()), PersonId: servicetest.NewPerson(), ProductCode: product,
		Principal: uah(2_000_000), Instalment: uah(200_000),
		Features: []*scoringv1.Feature{
			named("age_years", "35"), named("monthly_income_minor", "3000000"), named("employment", "EMPLOYED"), named("requested_instalments", "12"),
		},
	}
	for _, f := range features {
		replaced := false
		for i, old := range req.Features {
			if old.GetName() == f.GetName() {
				req.Features[i], replaced = f, true
			}
		}
		if !replaced {
			req.Features = append(req.Features, f)
		}
	}
	return req
}

func named(name, value string) *scoringv1.Feature {
	return &scoringv1.Feature{Name: name, Value: value, Source: "profile"}
}

func uah(minor int64) *typev1.Money { return &typev1.Money{MinorUnits: minor, CurrencyCode: "UAH"} }

// wantReason checks the reason and the facts of a refusal.
func wantReason(t *testing.T, err error, reason typev1.ErrorReason, metadata map[string]string) {
	t.Helper()
	peer, ok := rpcerr.AsPeer(err)
	if !ok || peer.Reason() != reason {
		t.Fatalf("error %v, want %s", err, rpcerr.Name(reason))
	}
	if diff := cmp.Diff(metadata, rpcerr.MetadataOf(peer.Err)); metadata != nil && diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// asStranger is a service of another lender.
func asStranger(t testing.TB, service string) context.Context {
	return actor.AsService(t.Context(), servicetest.OtherTenant, service)
}
