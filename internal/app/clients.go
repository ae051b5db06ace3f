package app

import (
	"fmt"
	"log/slog"
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
	"github.com/lendgate/lendgate/internal/link"
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
	partnerKeys struct {
		identityv1connect.PartnerKeyServiceHandler
	}
	staff struct {
		identityv1connect.StaffServiceHandler
	}
	staffSessions struct {
		identityv1connect.StaffSessionServiceHandler
	}
	roles struct {
		identityv1connect.RoleServiceHandler
	}
	audit struct {
		identityv1connect.AuditServiceHandler
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
	partnerKeys   identityv1connect.PartnerKeyServiceClient
	staff         identityv1connect.StaffServiceClient
	staffSessions identityv1connect.StaffSessionServiceClient
	roles         identityv1connect.RoleServiceClient
	audit         identityv1connect.AuditServiceClient
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

// dialer makes clients: in this process for the services that run here, over links for the others.
type dialer struct {
	door    *inproc.Door
	local   func(service string) bool
	peers   map[string]peer
	tracing *otelconnect.Interceptor
}

// peer is a service in another process.
type peer struct {
	link *link.Peer
	// url and http reach it by Connect, when it has no link.
	url  string
	http *http.Client
}

// newPeers are the services of other processes. Those that one process runs share its link.
func newPeers(config Config, door *inproc.Door, log *slog.Logger, local func(service string) bool) (map[string]peer, error) {
	peers, byAddress := map[string]peer{}, map[link.Address]peer{}
	for _, service := range ServiceNames() {
		if local(service) {
			continue
		}
		if config.Peers[service] == "" {
			return nil, fmt.Errorf("the service %s runs neither here nor at a known address: LENDGATE_PEERS=%s=http://…", service, service)
		}
		address, err := link.ParseAddress(config.Peers[service])
		if err != nil {
			return nil, fmt.Errorf("LENDGATE_PEERS: %s: %w", service, err)
		}
		if _, known := byAddress[address]; !known {
			byAddress[address] = peer{
				link: link.NewPeer(link.PeerConfig{Address: address, Door: door, Log: log}),
				url:  address.URL(), http: &http.Client{Transport: door.Transport(address.Transport())},
			}
		}
		peers[service] = byAddress[address]
	}
	return peers, nil
}

// dial makes one client.
func dial[H, C any](d dialer, service string, handler H,
	inproc func(H, inproc.CallFunc) C, remote func(connect.HTTPClient, string, ...connect.ClientOption) C,
) C {
	if d.local(service) {
		return inproc(handler, d.door.Call)
	}
	to := d.peers[service]
	over := remote(to.http, to.url, connect.WithInterceptors(d.tracing, d.door.ClientInterceptor()))
	return inproc(any(over).(H), to.link.Call) // Clients and handlers have one method set.
}

func (d dialer) clients(h *handlers) clients {
	return clients{
		devices:       dial(d, "identity", identityv1connect.DeviceServiceHandler(&h.devices), identityv1connect.NewDeviceServiceInproc, identityv1connect.NewDeviceServiceClient),
		sessions:      dial(d, "identity", identityv1connect.SessionServiceHandler(&h.sessions), identityv1connect.NewSessionServiceInproc, identityv1connect.NewSessionServiceClient),
		challenges:    dial(d, "identity", identityv1connect.ChallengeServiceHandler(&h.challenges), identityv1connect.NewChallengeServiceInproc, identityv1connect.NewChallengeServiceClient),
		persons:       dial(d, "identity", identityv1connect.PersonServiceHandler(&h.persons), identityv1connect.NewPersonServiceInproc, identityv1connect.NewPersonServiceClient),
		partnerKeys:   dial(d, "identity", identityv1connect.PartnerKeyServiceHandler(&h.partnerKeys), identityv1connect.NewPartnerKeyServiceInproc, identityv1connect.NewPartnerKeyServiceClient),
		staff:         dial(d, "identity", identityv1connect.StaffServiceHandler(&h.staff), identityv1connect.NewStaffServiceInproc, identityv1connect.NewStaffServiceClient),
		staffSessions: dial(d, "identity", identityv1connect.StaffSessionServiceHandler(&h.staffSessions), identityv1connect.NewStaffSessionServiceInproc, identityv1connect.NewStaffSessionServiceClient),
		roles:         dial(d, "identity", identityv1connect.RoleServiceHandler(&h.roles), identityv1connect.NewRoleServiceInproc, identityv1connect.NewRoleServiceClient),
		audit:         dial(d, "identity", identityv1connect.AuditServiceHandler(&h.audit), identityv1connect.NewAuditServiceInproc, identityv1connect.NewAuditServiceClient),
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

// routes serves the services of this process to the others: by Connect, and over links.
func (h *handlers) routes(local func(service string) bool, links *link.Server, options ...connect.HandlerOption) *http.ServeMux {
	mux := http.NewServeMux()
	mount := func(make func(options ...connect.HandlerOption) (string, http.Handler), calls map[string]inproc.Handle) {
		mux.Handle(make(options...))
		links.Mount(calls)
	}
	if local("identity") {
		mount(identityv1connect.DeviceServiceRoutes(&h.devices))
		mount(identityv1connect.SessionServiceRoutes(&h.sessions))
		mount(identityv1connect.ChallengeServiceRoutes(&h.challenges))
		mount(identityv1connect.PersonServiceRoutes(&h.persons))
		mount(identityv1connect.PartnerKeyServiceRoutes(&h.partnerKeys))
		mount(identityv1connect.StaffServiceRoutes(&h.staff))
		mount(identityv1connect.StaffSessionServiceRoutes(&h.staffSessions))
		mount(identityv1connect.RoleServiceRoutes(&h.roles))
		mount(identityv1connect.AuditServiceRoutes(&h.audit))
	}
	if local("loans") {
		mount(loansv1connect.ProductServiceRoutes(&h.products))
		mount(loansv1connect.ApplicationServiceRoutes(&h.applications))
		mount(loansv1connect.AgreementServiceRoutes(&h.agreements))
		mount(loansv1connect.LoanServiceRoutes(&h.loans))
	}
	if local("payments") {
		mount(paymentsv1connect.PaymentServiceRoutes(&h.payments))
		mount(paymentsv1connect.LedgerServiceRoutes(&h.ledger))
	}
	if local("scoring") {
		mount(scoringv1connect.DecisionServiceRoutes(&h.decisions))
	}
	if local("push") {
		mount(pushv1connect.NotificationServiceRoutes(&h.notifications))
		mount(pushv1connect.StreamServiceRoutes(&h.streams))
	}
	if local("flows") {
		mount(flowsv1connect.ApplicationFlowServiceRoutes(&h.flows))
	}
	return mux
}
