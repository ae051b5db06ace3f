package app

import (
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/otelconnect"

	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	"github.com/lendgate/lendgate/internal/inproc"
)

// handlers are the services of this process. Services refer to each other in circles, so clients are made first and the handlers behind
// them are filled in as they are built; a service that lives elsewhere stays nil.
type handlers struct {
	devices struct {
		identityv1connect.DeviceServiceHandler
	}
	sessions struct {
		identityv1connect.SessionServiceHandler
	}
	challenges struct {
		identityv1connect.ChallengeServiceHandler
	}
	persons struct {
		identityv1connect.PersonServiceHandler
	}
	products struct {
		loansv1connect.ProductServiceHandler
	}
	applications struct {
		loansv1connect.ApplicationServiceHandler
	}
	agreements struct {
		loansv1connect.AgreementServiceHandler
	}
	loans struct {
		loansv1connect.LoanServiceHandler
	}
	payments struct {
		paymentsv1connect.PaymentServiceHandler
	}
	ledger struct {
		paymentsv1connect.LedgerServiceHandler
	}
	decisions struct {
		scoringv1connect.DecisionServiceHandler
	}
	notifications struct {
		pushv1connect.NotificationServiceHandler
	}
	streams struct {
		pushv1connect.StreamServiceHandler
	}
	flows struct {
		flowsv1connect.ApplicationFlowServiceHandler
	}
}

// clients reach every service, wherever it runs.
type clients struct {
	devices       identityv1connect.DeviceServiceClient
	sessions      identityv1connect.SessionServiceClient
	challenges    identityv1connect.ChallengeServiceClient
	persons       identityv1connect.PersonServiceClient
	products      loansv1connect.ProductServiceClient
	applications  loansv1connect.ApplicationServiceClient
	agreements    loansv1connect.AgreementServiceClient
	loans         loansv1connect.LoanServiceClient
	payments      paymentsv1connect.PaymentServiceClient
	ledger        paymentsv1connect.LedgerServiceClient
	decisions     scoringv1connect.DecisionServiceClient
	notifications pushv1connect.NotificationServiceClient
	streams       pushv1connect.StreamServiceClient
	flows         flowsv1connect.ApplicationFlowServiceClient
}

// dialer makes clients: in this process for the services that run here, over HTTP for the others.
type dialer struct {
	door    *inproc.Door
	http    *http.Client
	local   func(service string) bool
	peers   map[string]string
	tracing *otelconnect.Interceptor
}

// dial makes one client.
func dial[H, C any](d dialer, service string, handler H,
	inproc func(H, inproc.CallFunc) C, remote func(connect.HTTPClient, string, ...connect.ClientOption) C,
) C {
	if d.local(service) {
		return inproc(handler, d.door.Call)
	}
	return remote(d.http, d.peers[service], connect.WithInterceptors(d.tracing, d.door.ClientInterceptor()))
}

func (d dialer) clients(h *handlers) clients {
	return clients{
		devices:       dial(d, "identity", identityv1connect.DeviceServiceHandler(&h.devices), identityv1connect.NewDeviceServiceInproc, identityv1connect.NewDeviceServiceClient),
		sessions:      dial(d, "identity", identityv1connect.SessionServiceHandler(&h.sessions), identityv1connect.NewSessionServiceInproc, identityv1connect.NewSessionServiceClient),
		challenges:    dial(d, "identity", identityv1connect.ChallengeServiceHandler(&h.challenges), identityv1connect.NewChallengeServiceInproc, identityv1connect.NewChallengeServiceClient),
		persons:       dial(d, "identity", identityv1connect.PersonServiceHandler(&h.persons), identityv1connect.NewPersonServiceInproc, identityv1connect.NewPersonServiceClient),
		products:      dial(d, "loans", loansv1connect.ProductServiceHandler(&h.products), loansv1connect.NewProductServiceInproc, loansv1connect.NewProductServiceClient),
		applications:  dial(d, "loans", loansv1connect.ApplicationServiceHandler(&h.applications), loansv1connect.NewApplicationServiceInproc, loansv1connect.NewApplicationServiceClient),
		agreements:    dial(d, "loans", loansv1connect.AgreementServiceHandler(&h.agreements), loansv1connect.NewAgreementServiceInproc, loansv1connect.NewAgreementServiceClient),
		loans:         dial(d, "loans", loansv1connect.LoanServiceHandler(&h.loans), loansv1connect.NewLoanServiceInproc, loansv1connect.NewLoanServiceClient),
		payments:      dial(d, "payments", paymentsv1connect.PaymentServiceHandler(&h.payments), paymentsv1connect.NewPaymentServiceInproc, paymentsv1connect.NewPaymentServiceClient),
		ledger:        dial(d, "payments", paymentsv1connect.LedgerServiceHandler(&h.ledger), paymentsv1connect.NewLedgerServiceInproc, paymentsv1connect.NewLedgerServiceClient),
		decisions:     dial(d, "scoring", scoringv1connect.DecisionServiceHandler(&h.decisions), scoringv1connect.NewDecisionServiceInproc, scoringv1connect.NewDecisionServiceClient),
		notifications: dial(d, "push", pushv1connect.NotificationServiceHandler(&h.notifications), pushv1connect.NewNotificationServiceInproc, pushv1connect.NewNotificationServiceClient),
		streams:       dial(d, "push", pushv1connect.StreamServiceHandler(&h.streams), pushv1connect.NewStreamServiceInproc, pushv1connect.NewStreamServiceClient),
		flows:         dial(d, "flows", flowsv1connect.ApplicationFlowServiceHandler(&h.flows), flowsv1connect.NewApplicationFlowServiceInproc, flowsv1connect.NewApplicationFlowServiceClient),
	}
}

// routes serves the services of this process to the others.
func (h *handlers) routes(local func(service string) bool, options ...connect.HandlerOption) *http.ServeMux {
	mux := http.NewServeMux()
	add := func(service string, mounts ...func() (string, http.Handler)) {
		for _, mount := range mounts {
			if local(service) {
				mux.Handle(mount())
			}
		}
	}
	add("identity",
		func() (string, http.Handler) {
			return identityv1connect.NewDeviceServiceHandler(&h.devices, options...)
		},
		func() (string, http.Handler) {
			return identityv1connect.NewSessionServiceHandler(&h.sessions, options...)
		},
		func() (string, http.Handler) {
			return identityv1connect.NewChallengeServiceHandler(&h.challenges, options...)
		},
		func() (string, http.Handler) {
			return identityv1connect.NewPersonServiceHandler(&h.persons, options...)
		})
	add("loans",
		func() (string, http.Handler) { return loansv1connect.NewProductServiceHandler(&h.products, options...) },
		func() (string, http.Handler) {
			return loansv1connect.NewApplicationServiceHandler(&h.applications, options...)
		},
		func() (string, http.Handler) {
			return loansv1connect.NewAgreementServiceHandler(&h.agreements, options...)
		},
		func() (string, http.Handler) { return loansv1connect.NewLoanServiceHandler(&h.loans, options...) })
	add("payments",
		func() (string, http.Handler) {
			return paymentsv1connect.NewPaymentServiceHandler(&h.payments, options...)
		},
		func() (string, http.Handler) { return paymentsv1connect.NewLedgerServiceHandler(&h.ledger, options...) })
	add("scoring",
		func() (string, http.Handler) {
			return scoringv1connect.NewDecisionServiceHandler(&h.decisions, options...)
		})
	add("push",
		func() (string, http.Handler) {
			return pushv1connect.NewNotificationServiceHandler(&h.notifications, options...)
		},
		func() (string, http.Handler) { return pushv1connect.NewStreamServiceHandler(&h.streams, options...) })
	add("flows",
		func() (string, http.Handler) {
			return flowsv1connect.NewApplicationFlowServiceHandler(&h.flows, options...)
		})
	return mux
}
