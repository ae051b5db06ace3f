package agent_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/agent"
	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	caller    = "stf_00000000000000000000000001"
	colleague = "stf_00000000000000000000000002"
	device    = "dev_00000000000000000000000003"
	session   = "ses_00000000000000000000000004"
	customer  = "per_00000000000000000000000005"
	appID     = "app_00000000000000000000000006"
	loanID    = "loan_00000000000000000000000007"
	decision  = "dec_00000000000000000000000008"
	keyID     = "pky_00000000000000000000000009"
	shop      = "shop-demo"
	requests  = "7f2c1b1e-1111-4111-8111-111111111111"
)

// backends stand in for all services behind the console: they note what they were asked, and by whom.
type backends struct {
	mu      sync.Mutex
	asked   []asked
	records []*identityv1.RecordCallRequest
	fail    error // Of everything but the audit.
	noAudit error
}

type asked struct {
	procedure string
	who       actor.Actor
	req       proto.Message
}

// call answers in place of any service.
func (b *backends) call(ctx context.Context, procedure string, req proto.Message, _ func(context.Context) (proto.Message, error)) (proto.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if record, ok := req.(*identityv1.RecordCallRequest); ok {
		b.records = append(b.records, record)
		return &identityv1.RecordCallResponse{Sequence: 1}, rpcerr.MarkPeer(procedure, b.noAudit)
	}
	b.asked = append(b.asked, asked{procedure, actor.Must(ctx), req})
	if b.fail != nil {
		return nil, rpcerr.MarkPeer(procedure, b.fail)
	}
	return answers(procedure), nil
}

// answers are what backends say; an RPC that is not named says nothing.
func answers(procedure string) proto.Message {
	staff := &identityv1.Staff{Id: colleague, Email: "agent@demo.example", DisplayName: "Demo Agent"}
	switch procedure {
	case identityv1connect.StaffServiceInviteStaffProcedure:
		return &identityv1.InviteStaffResponse{Staff: staff, InvitationToken: "token"}
	case identityv1connect.StaffServiceGetStaffProcedure:
		return &identityv1.GetStaffResponse{Staff: staff}
	case identityv1connect.StaffSessionServiceLogInStaffProcedure:
		return &identityv1.LogInStaffResponse{Session: &identityv1.Session{Id: session, StaffId: caller}, SecondFactorMissing: true}
	case identityv1connect.StaffSessionServiceListStaffSessionsProcedure:
		return &identityv1.ListStaffSessionsResponse{Sessions: []*identityv1.StaffSession{{SessionId: session}}}
	case identityv1connect.PartnerKeyServiceCreatePartnerKeyProcedure:
		return &identityv1.CreatePartnerKeyResponse{PartnerKey: &identityv1.PartnerKey{Id: keyID, PartnerId: shop}, Secret: []byte("horse")}
	case identityv1connect.PartnerKeyServiceListPartnerKeysProcedure:
		return &identityv1.ListPartnerKeysResponse{PartnerKeys: []*identityv1.PartnerKey{{Id: keyID, PartnerId: shop}}}
	case identityv1connect.PartnerKeyServiceRevokePartnerKeyProcedure:
		return &identityv1.RevokePartnerKeyResponse{PartnerKey: &identityv1.PartnerKey{Id: keyID, PartnerId: shop, RevokeTime: timestamppb.New(time.Unix(1, 0))}}
	case identityv1connect.PersonServiceFindPersonProcedure:
		return &identityv1.FindPersonResponse{Person: &identityv1.Person{Id: customer, Phone: "+380501234567"}}
	case loansv1connect.ApplicationServiceGetApplicationProcedure:
		return &loansv1.GetApplicationResponse{
			Application: &loansv1.Application{Id: appID, PersonId: customer, DecisionId: decision}, PayoutDestination: "the borrower's card",
		}
	case loansv1connect.ApplicationServiceListOffersProcedure:
		return &loansv1.ListOffersResponse{Offers: []*loansv1.Offer{{Id: "off_1"}}}
	case scoringv1connect.DecisionServiceGetDecisionProcedure:
		return &scoringv1.GetDecisionResponse{Decision: &scoringv1.Decision{Id: decision, PersonId: customer, Score: 700}}
	case loansv1connect.LoanServiceGetLoanProcedure:
		return &loansv1.GetLoanResponse{Loan: &loansv1.Loan{Id: loanID, PersonId: customer}}
	case loansv1connect.LoanServiceListTransactionsProcedure:
		return &loansv1.ListTransactionsResponse{Transactions: []*loansv1.Transaction{{}}}
	}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", "."))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic(err) // No such RPC: the test is wrong.
	}
	output, err := protoregistry.GlobalTypes.FindMessageByName(found.(protoreflect.MethodDescriptor).Output().FullName())
	if err != nil {
		panic(err)
	}
	return output.New().Interface()
}

// room is the whole package before its backends.
type room struct {
	*backends
	auth      *agent.Auth
	staff     *agent.Staff
	roles     *agent.Roles
	audit     *agent.Audit
	portfolio *agent.Portfolio
	keys      *agent.PartnerKeys
	forgotten *forgotten
}

func newRoom() *room {
	b := &backends{}
	records := agent.Records{Audit: identityv1connect.NewAuditServiceInproc(nil, b.call)}
	sessions := identityv1connect.NewStaffSessionServiceInproc(nil, b.call)
	gone := &forgotten{}
	return &room{
		backends: b, forgotten: gone,
		keys: &agent.PartnerKeys{PartnerKeys: identityv1connect.NewPartnerKeyServiceInproc(nil, b.call), Records: records, Forget: gone.forget},
		auth: &agent.Auth{
			Devices: identityv1connect.NewDeviceServiceInproc(nil, b.call), Sessions: identityv1connect.NewSessionServiceInproc(nil, b.call),
			StaffSessions: sessions, Records: records, AppVersion: func(context.Context) string { return "1.2.3" },
		},
		staff: &agent.Staff{Staff: identityv1connect.NewStaffServiceInproc(nil, b.call), Sessions: sessions, Records: records},
		roles: &agent.Roles{Roles: identityv1connect.NewRoleServiceInproc(nil, b.call), Records: records},
		audit: &agent.Audit{Records: records},
		portfolio: &agent.Portfolio{
			Persons: identityv1connect.NewPersonServiceInproc(nil, b.call), Applications: loansv1connect.NewApplicationServiceInproc(nil, b.call),
			Loans: loansv1connect.NewLoanServiceInproc(nil, b.call), Decisions: scoringv1connect.NewDecisionServiceInproc(nil, b.call), Records: records,
		},
	}
}

// asCaller is the caller, as the edge would make it.
func asCaller(ctx context.Context) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: "demo", Kind: actor.KindStaff, StaffID: caller, DeviceID: device, SessionID: session, Permissions: actor.StaffPermissions(), RequestID: "req-1",
	})
}

// call is one RPC of the room.
type call struct {
	req proto.Message
	do  func(ctx context.Context, r *room) (proto.Message, error)
	// backend is the RPC that is asked first, subjects what the record says that it was about.
	backend  string
	subjects []string
}

// ask makes a call of a method and its request.
func ask[Req, Res proto.Message](method func(r *room) func(context.Context, Req) (Res, error), req Req, backend string, subjects ...string) call {
	return call{req: req, backend: backend, subjects: subjects, do: func(ctx context.Context, r *room) (proto.Message, error) { return method(r)(ctx, req) }}
}

// calls are all RPCs that leave a record, by procedure without the package.
func calls() map[string]call {
	const password = "correct horse battery"
	return map[string]call{
		"AuthService/AcceptInvitation": ask(func(r *room) func(context.Context, *agentv1.AcceptInvitationRequest) (*agentv1.AcceptInvitationResponse, error) {
			return r.auth.AcceptInvitation
		}, &agentv1.AcceptInvitationRequest{RequestId: requests, InvitationToken: "token", Password: password}, "StaffSessionService/AcceptInvitation"),
		"AuthService/LogIn": ask(func(r *room) func(context.Context, *agentv1.LogInRequest) (*agentv1.LogInResponse, error) {
			return r.auth.LogIn
		},
			&agentv1.LogInRequest{RequestId: requests, Email: "boss@demo.example", Password: password}, "StaffSessionService/LogInStaff", session, caller),
		"AuthService/BeginSecondFactor": ask(func(r *room) func(context.Context, *agentv1.BeginSecondFactorRequest) (*agentv1.BeginSecondFactorResponse, error) {
			return r.auth.BeginSecondFactor
		}, &agentv1.BeginSecondFactorRequest{RequestId: requests}, "StaffSessionService/BeginSecondFactor"),
		"AuthService/VerifySecondFactor": ask(func(r *room) func(context.Context, *agentv1.VerifySecondFactorRequest) (*agentv1.VerifySecondFactorResponse, error) {
			return r.auth.VerifySecondFactor
		}, &agentv1.VerifySecondFactorRequest{RequestId: requests, Code: "123456"}, "StaffSessionService/VerifySecondFactor"),
		"AuthService/LogOut": ask(func(r *room) func(context.Context, *agentv1.LogOutRequest) (*agentv1.LogOutResponse, error) {
			return r.auth.LogOut
		},
			&agentv1.LogOutRequest{RequestId: requests}, "SessionService/EndSession"),
		"AuthService/GetMe": ask(func(r *room) func(context.Context, *agentv1.GetMeRequest) (*agentv1.GetMeResponse, error) {
			return r.auth.GetMe
		},
			&agentv1.GetMeRequest{}, "StaffSessionService/GetOwnStaff"),
		"AuthService/ChangePassword": ask(func(r *room) func(context.Context, *agentv1.ChangePasswordRequest) (*agentv1.ChangePasswordResponse, error) {
			return r.auth.ChangePassword
		}, &agentv1.ChangePasswordRequest{RequestId: requests, CurrentPassword: password, NewPassword: password + "!"}, "StaffSessionService/ChangePassword"),
		"StaffService/InviteStaff": ask(func(r *room) func(context.Context, *agentv1.InviteStaffRequest) (*agentv1.InviteStaffResponse, error) {
			return r.staff.InviteStaff
		},
			&agentv1.InviteStaffRequest{RequestId: requests, Email: "agent@demo.example", DisplayName: "Demo Agent", Roles: []string{"admin"}},
			"StaffService/InviteStaff", "admin", colleague),
		"StaffService/ReinviteStaff": ask(func(r *room) func(context.Context, *agentv1.ReinviteStaffRequest) (*agentv1.ReinviteStaffResponse, error) {
			return r.staff.ReinviteStaff
		}, &agentv1.ReinviteStaffRequest{RequestId: requests, StaffId: colleague}, "StaffService/ReinviteStaff", colleague),
		"StaffService/ListStaff": ask(func(r *room) func(context.Context, *agentv1.ListStaffRequest) (*agentv1.ListStaffResponse, error) {
			return r.staff.ListStaff
		},
			&agentv1.ListStaffRequest{Page: &typev1.PageRequest{PageSize: 7}}, "StaffService/ListStaff"),
		"StaffService/GetStaff": ask(func(r *room) func(context.Context, *agentv1.GetStaffRequest) (*agentv1.GetStaffResponse, error) {
			return r.staff.GetStaff
		},
			&agentv1.GetStaffRequest{StaffId: colleague}, "StaffService/GetStaff", colleague),
		"StaffService/SetStaffRoles": ask(func(r *room) func(context.Context, *agentv1.SetStaffRolesRequest) (*agentv1.SetStaffRolesResponse, error) {
			return r.staff.SetStaffRoles
		}, &agentv1.SetStaffRolesRequest{RequestId: requests, StaffId: colleague, Version: 3, Roles: []string{"underwriter", "admin"}},
			"StaffService/SetStaffRoles", "admin", colleague, "underwriter"),
		"StaffService/SuspendStaff": ask(func(r *room) func(context.Context, *agentv1.SuspendStaffRequest) (*agentv1.SuspendStaffResponse, error) {
			return r.staff.SuspendStaff
		},
			&agentv1.SuspendStaffRequest{RequestId: requests, StaffId: colleague}, "StaffService/SuspendStaff", colleague),
		"StaffService/ResumeStaff": ask(func(r *room) func(context.Context, *agentv1.ResumeStaffRequest) (*agentv1.ResumeStaffResponse, error) {
			return r.staff.ResumeStaff
		},
			&agentv1.ResumeStaffRequest{RequestId: requests, StaffId: colleague}, "StaffService/ResumeStaff", colleague),
		"StaffService/ResetSecondFactor": ask(func(r *room) func(context.Context, *agentv1.ResetSecondFactorRequest) (*agentv1.ResetSecondFactorResponse, error) {
			return r.staff.ResetSecondFactor
		}, &agentv1.ResetSecondFactorRequest{RequestId: requests, StaffId: colleague}, "StaffService/ResetSecondFactor", colleague),
		"StaffService/ListOwnSessions": ask(func(r *room) func(context.Context, *agentv1.ListOwnSessionsRequest) (*agentv1.ListOwnSessionsResponse, error) {
			return r.staff.ListOwnSessions
		}, &agentv1.ListOwnSessionsRequest{}, "StaffSessionService/ListStaffSessions"),
		"StaffService/EndSessions": ask(func(r *room) func(context.Context, *agentv1.EndSessionsRequest) (*agentv1.EndSessionsResponse, error) {
			return r.staff.EndSessions
		},
			&agentv1.EndSessionsRequest{RequestId: requests, StaffId: colleague, SessionId: session}, "StaffSessionService/EndStaffSessions", session, colleague),
		"RoleService/ListRoles": ask(func(r *room) func(context.Context, *agentv1.ListRolesRequest) (*agentv1.ListRolesResponse, error) {
			return r.roles.ListRoles
		},
			&agentv1.ListRolesRequest{}, "RoleService/ListRoles"),
		"RoleService/CreateRole": ask(func(r *room) func(context.Context, *agentv1.CreateRoleRequest) (*agentv1.CreateRoleResponse, error) {
			return r.roles.CreateRole
		},
			&agentv1.CreateRoleRequest{
				RequestId: requests, Name: "nights", Title: "Nights", Audience: identityv1.Role_AUDIENCE_STAFF,
				Permissions: []typev1.Permission{typev1.Permission_PERMISSION_CHAT_ANSWER},
			}, "RoleService/CreateRole", "nights"),
		"RoleService/UpdateRole": ask(func(r *room) func(context.Context, *agentv1.UpdateRoleRequest) (*agentv1.UpdateRoleResponse, error) {
			return r.roles.UpdateRole
		},
			&agentv1.UpdateRoleRequest{
				RequestId: requests, Name: "nights", Version: 2, Title: "Nights", Permissions: []typev1.Permission{typev1.Permission_PERMISSION_CHAT_ANSWER},
			}, "RoleService/UpdateRole", "nights"),
		"RoleService/DeleteRole": ask(func(r *room) func(context.Context, *agentv1.DeleteRoleRequest) (*agentv1.DeleteRoleResponse, error) {
			return r.roles.DeleteRole
		},
			&agentv1.DeleteRoleRequest{RequestId: requests, Name: "nights", Version: 2}, "RoleService/DeleteRole", "nights"),
		"AuditService/ListAuditRecords": ask(func(r *room) func(context.Context, *agentv1.ListAuditRecordsRequest) (*agentv1.ListAuditRecordsResponse, error) {
			return r.audit.ListAuditRecords
		}, &agentv1.ListAuditRecordsRequest{Actor: "staff:" + colleague, Subject: customer, Procedure: "/x/Y"}, "AuditService/ListAuditRecords"),
		"AuditService/VerifyAuditRecords": ask(func(r *room) func(context.Context, *agentv1.VerifyAuditRecordsRequest) (*agentv1.VerifyAuditRecordsResponse, error) {
			return r.audit.VerifyAuditRecords
		}, &agentv1.VerifyAuditRecordsRequest{FromSequence: 5}, "AuditService/VerifyAuditRecords"),
		"PartnerKeyService/CreatePartnerKey": ask(func(r *room) func(context.Context, *agentv1.CreatePartnerKeyRequest) (*agentv1.CreatePartnerKeyResponse, error) {
			return r.keys.CreatePartnerKey
		}, newKey(), "PartnerKeyService/CreatePartnerKey", keyID, shop),
		"PartnerKeyService/ListPartnerKeys": ask(func(r *room) func(context.Context, *agentv1.ListPartnerKeysRequest) (*agentv1.ListPartnerKeysResponse, error) {
			return r.keys.ListPartnerKeys
		}, &agentv1.ListPartnerKeysRequest{PartnerId: shop}, "PartnerKeyService/ListPartnerKeys", shop),
		"PartnerKeyService/RevokePartnerKey": ask(func(r *room) func(context.Context, *agentv1.RevokePartnerKeyRequest) (*agentv1.RevokePartnerKeyResponse, error) {
			return r.keys.RevokePartnerKey
		}, &agentv1.RevokePartnerKeyRequest{RequestId: requests, PartnerKeyId: keyID}, "PartnerKeyService/RevokePartnerKey", keyID),
		"PortfolioService/FindCustomer": ask(func(r *room) func(context.Context, *agentv1.FindCustomerRequest) (*agentv1.FindCustomerResponse, error) {
			return r.portfolio.FindCustomer
		}, &agentv1.FindCustomerRequest{Phone: "+380501234567"}, "PersonService/FindPerson", customer),
		"PortfolioService/ListApplications": ask(func(r *room) func(context.Context, *agentv1.ListApplicationsRequest) (*agentv1.ListApplicationsResponse, error) {
			return r.portfolio.ListApplications
		}, &agentv1.ListApplicationsRequest{PersonId: customer, State: loansv1.Application_STATE_OFFERED, Page: &typev1.PageRequest{PageSize: 5}},
			"ApplicationService/ListApplications", customer),
		"PortfolioService/GetApplication": ask(func(r *room) func(context.Context, *agentv1.GetApplicationRequest) (*agentv1.GetApplicationResponse, error) {
			return r.portfolio.GetApplication
		}, &agentv1.GetApplicationRequest{ApplicationId: appID}, "ApplicationService/GetApplication", appID, decision, customer),
		"PortfolioService/GetLoan": ask(func(r *room) func(context.Context, *agentv1.GetLoanRequest) (*agentv1.GetLoanResponse, error) {
			return r.portfolio.GetLoan
		},
			&agentv1.GetLoanRequest{LoanId: loanID}, "LoanService/GetLoan", loanID, customer),
	}
}

// quiet are the RPCs that leave no record: nobody's device, and what a browser does by itself.
func quiet(name string) bool {
	return name == "AuthService/EnrollDevice" || name == "AuthService/RefreshSession"
}

func TestEveryCallIsPassedOnAndRecorded(t *testing.T) {
	t.Parallel()
	all := calls()
	protoregistry.GlobalFiles.RangeFilesByPackage("lendgate.agent.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				name := string(service.Name()) + "/" + string(service.Methods().Get(j).Name())
				if _, ok := all[name]; !ok && !quiet(name) {
					t.Errorf("no call of %s here", name)
				}
			}
		}
		return true
	})
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom()
			if _, err := c.do(asCaller(t.Context()), r); err != nil {
				t.Fatal(err)
			}
			first := r.asked[0]
			if !strings.HasSuffix(first.procedure, ".v1."+c.backend) || first.who.String() != "staff:"+caller {
				t.Errorf("asked %s as %s", first.procedure, first.who)
			}
			passedOn(t, c.req, first.req)
			if len(r.records) != 1 {
				t.Fatalf("%d records", len(r.records))
			}
			record := r.records[0]
			if record.GetProcedure() != "/lendgate.agent.v1."+name || record.GetActor() != "staff:"+caller || record.GetOutcome() != "ok" || record.GetEdgeRequestId() != "req-1" {
				t.Errorf("recorded %v", record)
			}
			if diff := cmp.Diff(append([]string{}, c.subjects...), append([]string{}, record.GetSubjects()...)); diff != "" {
				t.Errorf("about (-want +got):\n%s", diff)
			}
			if text := record.String(); strings.Contains(text, "@") || strings.Contains(text, "+380") || strings.Contains(text, "horse") || strings.Contains(text, "123456") {
				t.Errorf("the record holds what is personal or secret: %s", text)
			}
		})
		t.Run(name+" refused", func(t *testing.T) {
			t.Parallel()
			r := newRoom()
			r.fail = rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND, "there is no such staff account")
			_, err := c.do(asCaller(t.Context()), r)
			if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND || connect.CodeOf(err) != connect.CodeNotFound {
				t.Errorf("answered %v", err)
			}
			if len(r.records) != 1 || r.records[0].GetOutcome() != "not_found" || r.records[0].GetReason() != "STAFF_NOT_FOUND" {
				t.Errorf("recorded %v", r.records)
			}
		})
		t.Run(name+" without a record", func(t *testing.T) {
			t.Parallel()
			r := newRoom()
			r.noAudit = rpcerr.Unavailable("no database")
			if res, err := c.do(asCaller(t.Context()), r); err == nil || rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
				t.Errorf("answered %v, %v although nothing was written down", res, err)
			}
		})
	}
}

// passedOn checks that each field of the request which the backend's request has, too, arrived.
func passedOn(t *testing.T, sent, arrived proto.Message) {
	t.Helper()
	sent.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		there := arrived.ProtoReflect().Descriptor().Fields().ByName(field.Name())
		if there == nil || !arrived.ProtoReflect().Get(there).Equal(value) {
			t.Errorf("%s did not arrive: %v", field.Name(), arrived)
		}
		return true
	})
}

func TestTheCallerCannotTakeTheRecordAway(t *testing.T) {
	t.Parallel()
	r := newRoom()
	ctx, cancel := context.WithCancel(asCaller(t.Context()))
	cancel()
	if _, err := r.staff.SuspendStaff(ctx, &agentv1.SuspendStaffRequest{RequestId: requests, StaffId: colleague}); err != nil {
		t.Error(err)
	}
	if len(r.records) != 1 {
		t.Errorf("%d records of a call whose caller went away", len(r.records))
	}
}

func TestABrowserEnrolsAndRefreshes(t *testing.T) {
	t.Parallel()
	r := newRoom()
	key := &identityv1.PublicKey{X: "x", Y: "y"}
	if _, err := r.auth.EnrollDevice(asCaller(t.Context()), &agentv1.EnrollDeviceRequest{RequestId: requests, PublicKey: key, Model: "Firefox on Linux"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.auth.RefreshSession(asCaller(t.Context()), &agentv1.RefreshSessionRequest{RequestId: requests, RefreshToken: "token"}); err != nil {
		t.Fatal(err)
	}
	enrol, refresh := r.asked[0].req.(*identityv1.EnrollDeviceRequest), r.asked[1].req.(*identityv1.RefreshSessionRequest)
	if enrol.GetPlatform() != identityv1.Platform_PLATFORM_WEB || enrol.GetModel() != "Firefox on Linux" || enrol.GetAppVersion() != "1.2.3" || enrol.GetPublicKey() != key {
		t.Errorf("enrolled %v", enrol)
	}
	if refresh.GetDeviceId() != device || refresh.GetRefreshToken() != "token" {
		t.Errorf("refreshed %v", refresh)
	}
	if len(r.records) != 0 {
		t.Errorf("recorded %v", r.records)
	}
	r.fail = rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_INVALID, "no")
	_, err := r.auth.RefreshSession(asCaller(t.Context()), &agentv1.RefreshSessionRequest{RequestId: requests, RefreshToken: "token"})
	if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_INVALID {
		t.Errorf("answered %v", err)
	}
}

func TestAnApplicationIsShownWithItsDecision(t *testing.T) {
	t.Parallel()
	r := newRoom()
	res, err := r.portfolio.GetApplication(asCaller(t.Context()), &agentv1.GetApplicationRequest{ApplicationId: appID})
	if err != nil {
		t.Fatal(err)
	}
	if res.GetDecision().GetScore() != 700 || len(res.GetOffers()) != 1 || strings.Contains(res.String(), "card") {
		t.Errorf("shown %v", res)
	}
}
