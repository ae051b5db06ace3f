package mobile_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
)

// screen is a composed screen: its request with a mask, and its answer.
type screen struct {
	request func(mask *fieldmaskpb.FieldMask) proto.Message
	ask     func(ctx context.Context, a *app, mask *fieldmaskpb.FieldMask) (proto.Message, error)
	answer  proto.Message
	// calls is how many backends' RPCs the whole screen asks when an application is under way.
	calls int
}

func composedScreens() map[string]screen {
	return map[string]screen{
		"home": {
			func(m *fieldmaskpb.FieldMask) proto.Message { return &mobilev1.GetHomeRequest{ReadMask: m} },
			func(ctx context.Context, a *app, m *fieldmaskpb.FieldMask) (proto.Message, error) {
				return a.home.GetHome(ctx, &mobilev1.GetHomeRequest{ReadMask: m})
			}, &mobilev1.GetHomeResponse{}, 5,
		},
		"profile": {
			func(m *fieldmaskpb.FieldMask) proto.Message { return &mobilev1.GetProfileRequest{ReadMask: m} },
			func(ctx context.Context, a *app, m *fieldmaskpb.FieldMask) (proto.Message, error) {
				return a.profile.GetProfile(ctx, &mobilev1.GetProfileRequest{ReadMask: m})
			}, &mobilev1.GetProfileResponse{}, 3,
		},
		"apply": {
			func(m *fieldmaskpb.FieldMask) proto.Message { return &mobilev1.GetApplyRequest{ReadMask: m} },
			func(ctx context.Context, a *app, m *fieldmaskpb.FieldMask) (proto.Message, error) {
				return a.apply.GetApply(ctx, &mobilev1.GetApplyRequest{ReadMask: m})
			}, &mobilev1.GetApplyResponse{}, 4,
		},
		"loan": {
			func(m *fieldmaskpb.FieldMask) proto.Message {
				return &mobilev1.GetLoanRequest{LoanId: fixtureLoan, ReadMask: m}
			},
			func(ctx context.Context, a *app, m *fieldmaskpb.FieldMask) (proto.Message, error) {
				return a.loan.GetLoan(ctx, &mobilev1.GetLoanRequest{LoanId: fixtureLoan, ReadMask: m})
			}, &mobilev1.GetLoanResponse{}, 3,
		},
		"pay": {
			func(m *fieldmaskpb.FieldMask) proto.Message {
				return &mobilev1.GetPayRequest{LoanId: fixtureLoan, ReadMask: m}
			},
			func(ctx context.Context, a *app, m *fieldmaskpb.FieldMask) (proto.Message, error) {
				return a.pay.GetPay(ctx, &mobilev1.GetPayRequest{LoanId: fixtureLoan, ReadMask: m})
			}, &mobilev1.GetPayResponse{}, 3,
		},
	}
}

// sectionNames are the fields of an answer that carry a SectionStatus.
func sectionNames(answer proto.Message) []string {
	var names []string
	for fields, i := answer.ProtoReflect().Descriptor().Fields(), 0; i < fields.Len(); i++ {
		if message := fields.Get(i).Message(); message != nil && message.Fields().ByName("status") != nil {
			names = append(names, string(fields.Get(i).Name()))
		}
	}
	return names
}

// set are the fields of an answer that are there.
func set(answer proto.Message) []string {
	var names []string
	answer.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		names = append(names, string(field.Name()))
		return true
	})
	slices.Sort(names)
	return names
}

// TestMasksLeaveSectionsUnfetched asks each screen for each of its sections alone. Every backend is asked by reads that change nothing: they
// may be made twice.
func TestMasksLeaveSectionsUnfetched(t *testing.T) {
	t.Parallel()
	methods, err := inproc.LoadMethods()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range composedScreens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			for _, section := range sectionNames(s.answer) {
				a := newApp(t)
				underWay(a)
				answer, err := s.ask(borrower(t.Context()), a, &fieldmaskpb.FieldMask{Paths: []string{section}})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{section}, set(answer)); diff != "" {
					t.Errorf("sections (-want +got):\n%s", diff)
				}
				for _, procedure := range a.board.procedures() {
					if method, _ := methods.Get(procedure); !method.ReadOnly {
						t.Errorf("%s is not a read", procedure)
					}
				}
				asked += len(a.board.procedures())
			}
			if asked != s.calls {
				t.Errorf("its sections asked %d times one by one, wanted %d", asked, s.calls)
			}
			a := newApp(t)
			underWay(a)
			if _, err := s.ask(borrower(t.Context()), a, nil); err != nil || len(a.board.procedures()) != s.calls {
				t.Errorf("the whole screen asked %d times (%v), wanted %d", len(a.board.procedures()), err, s.calls)
			}
		})
	}
}

// underWay makes the switchboard answer with an application whose process can be asked.
func underWay(a *app) {
	a.board.answers[loansv1connect.ApplicationServiceListApplicationsProcedure] = &loansv1.ListApplicationsResponse{
		Applications: []*loansv1.Application{{Id: fixtureApplication, State: loansv1.Application_STATE_SUBMITTED}},
	}
}

// TestMasksNameSectionsAlone holds the rule of each contract: every section may be named, and nothing else, so that a mask never reaches a
// field that its caller could not see.
func TestMasksNameSectionsAlone(t *testing.T) {
	t.Parallel()
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.NewFake(fixtureNow()), actor.NewSigner(bytes.Repeat([]byte{1}, 32), time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range composedScreens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sections := sectionNames(s.answer)
			if err := door.Validate(s.request(&fieldmaskpb.FieldMask{Paths: sections})); err != nil {
				t.Errorf("all sections: %v", err)
			}
			for _, paths := range [][]string{
				{"nothing"}, {sections[0], "nothing"}, {sections[0] + ".status"}, {"*"}, {""}, {strings.ToUpper(sections[0])}, append(slices.Clone(sections), sections[0]),
			} {
				err := door.Validate(s.request(&fieldmaskpb.FieldMask{Paths: paths}))
				if connect.CodeOf(err) != connect.CodeInvalidArgument || wrongField(err) != "read_mask" {
					t.Errorf("%q: %v in %q", paths, err, wrongField(err))
				}
			}
		})
	}
}

// wrongField is the first field that a refusal names.
func wrongField(err error) string {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return ""
	}
	for _, detail := range coded.Details() {
		if value, _ := detail.Value(); value != nil {
			if bad, ok := value.(*errdetails.BadRequest); ok {
				return bad.GetFieldViolations()[0].GetField()
			}
		}
	}
	return ""
}
