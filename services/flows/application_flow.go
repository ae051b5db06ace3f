package flows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// TaskQueue is where the engine keeps work for our workers. Running processes know it, so it stays.
const TaskQueue = "lendgate-applications"

// workflowID names the one process of an application. The tenant is part of it, so no lender can reach another's processes. It is also what
// sealed payloads are bound to.
func workflowID(tenantID, applicationID string) string {
	return "application/" + tenantID + "/" + applicationID
}

// StartApplicationFlow begins the process of an application, or answers with the one there is. Screens call it right after the application
// was made and events call it again, so a repeat is the usual case; the application's id makes it idempotent and no request_id has to.
func (s *Service) StartApplicationFlow(ctx context.Context, req *flowsv1.StartApplicationFlowRequest) (*flowsv1.StartApplicationFlowResponse, error) {
	// With the caller's own actor: whose application it is, loans knows.
	application, err := s.application(ctx, req.GetApplicationId())
	if err != nil {
		return nil, err
	}
	standing, err := s.start(ctx, application)
	if err != nil {
		return nil, err
	}
	return &flowsv1.StartApplicationFlowResponse{Flow: flow(req.GetApplicationId(), standing)}, nil
}

// start makes sure that an application has a process, and answers with where that stands. An application that has ended needs none: the
// engine forgets processes some days after their end, and they are not begun again.
func (s *Service) start(ctx context.Context, application *loansv1.Application) (Standing, error) {
	if standing, ended := endedStanding(application); ended {
		return standing, nil
	}
	who := actor.Must(ctx)
	bounded, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	_, err := s.temporal.ExecuteWorkflow(bounded, client.StartWorkflowOptions{
		ID: workflowID(who.TenantID, application.GetId()), TaskQueue: TaskQueue,
		// Neither a running nor an ended process is an error: the SDK then answers with that one.
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, Application, Subject{
		TenantID: who.TenantID, ApplicationID: application.GetId(), PersonID: application.GetPersonId(), RequestID: who.RequestID,
	})
	if err != nil {
		return Standing{}, s.fromEngine(ctx, err)
	}
	// Asked and not assumed: the process may be there since long.
	return s.ask(ctx, application.GetId())
}

// GetApplicationFlow answers with where the process stands. A process of somebody else is answered as absent.
func (s *Service) GetApplicationFlow(ctx context.Context, req *flowsv1.GetApplicationFlowRequest) (*flowsv1.GetApplicationFlowResponse, error) {
	standing, err := s.standing(ctx, req.GetApplicationId())
	if err != nil {
		return nil, err
	}
	return &flowsv1.GetApplicationFlowResponse{Flow: flow(req.GetApplicationId(), standing)}, nil
}

// ResumeIdentity tells the process to look at the profile and the consents again. It promises to look and not to find: the answer is where
// the process stood when it was told.
func (s *Service) ResumeIdentity(ctx context.Context, req *flowsv1.ResumeIdentityRequest) (*flowsv1.ResumeIdentityResponse, error) {
	standing, err := s.standing(ctx, req.GetApplicationId())
	switch {
	case err != nil:
		return nil, err
	case standing.Step == flowsv1.ApplicationFlow_STEP_ENDED:
		return nil, flowEnded(standing.Outcome)
	case standing.Step == flowsv1.ApplicationFlow_STEP_IDENTITY:
		// At a later step there is nothing to look at, and a signal would only lie about.
		if err := s.signal(ctx, actor.Must(ctx).TenantID, req.GetApplicationId(), signalIdentityChanged); err != nil {
			return nil, err
		}
	}
	return &flowsv1.ResumeIdentityResponse{Flow: flow(req.GetApplicationId(), standing)}, nil
}

// ChooseOffer takes the person's choice. The engine remembers the update by its request_id, the loans service the acceptance by an id
// derived from it, so neither happens twice.
func (s *Service) ChooseOffer(ctx context.Context, req *flowsv1.ChooseOfferRequest) (*flowsv1.ChooseOfferResponse, error) {
	answer, err := s.update(ctx, updateChooseOffer, req, func(caller Caller) any {
		return Choice{Caller: caller, OfferID: req.GetOfferId(), Locale: req.GetLocale()}
	}, typev1.ErrorReason_ERROR_REASON_OFFER_NOT_FOUND, typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED,
		typev1.ErrorReason_ERROR_REASON_PROFILE_INCOMPLETE, typev1.ErrorReason_ERROR_REASON_PERSON_BLOCKED)
	if err != nil {
		return nil, err
	}
	return &flowsv1.ChooseOfferResponse{Flow: flow(req.GetApplicationId(), answer.Standing), AgreementId: answer.AgreementID}, nil
}

// SignAgreement takes the person's signature. A wrong code is an answer, not an end: the process goes on waiting, and another try is
// another request_id.
func (s *Service) SignAgreement(ctx context.Context, req *flowsv1.SignAgreementRequest) (*flowsv1.SignAgreementResponse, error) {
	answer, err := s.update(ctx, updateSignAgreement, req, func(caller Caller) any {
		return Signature{
			Caller: caller, AgreementID: req.GetAgreementId(), DocumentSHA256: req.GetDocumentSha256(), ChallengeID: req.GetChallengeId(),
			Code: req.GetCode(),
		}
	}, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND, typev1.ErrorReason_ERROR_REASON_AGREEMENT_CHANGED,
		typev1.ErrorReason_ERROR_REASON_CODE_WRONG, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED,
		typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)
	if err != nil {
		return nil, err
	}
	return &flowsv1.SignAgreementResponse{Flow: flow(req.GetApplicationId(), answer.Standing), LoanId: answer.LoanID}, nil
}

// CancelApplicationFlow withdraws the application. It holds up to the signature; after that there is a loan.
func (s *Service) CancelApplicationFlow(ctx context.Context, req *flowsv1.CancelApplicationFlowRequest) (*flowsv1.CancelApplicationFlowResponse, error) {
	answer, err := s.update(ctx, updateWithdraw, req, func(caller Caller) any { return Withdrawal{Caller: caller} })
	if err != nil {
		return nil, err
	}
	return &flowsv1.CancelApplicationFlowResponse{Flow: flow(req.GetApplicationId(), answer.Standing)}, nil
}

// driving is a request that drives a process.
type driving interface {
	proto.Message
	GetRequestId() string
	GetApplicationId() string
}

// update sends a request into the process under its request_id, waits for the answer and passes the given reasons, beside those that all
// updates have. The engine answers a repeat with the first answer, refusals included.
func (s *Service) update(ctx context.Context, name string, req driving, argument func(Caller) any, reasons ...rpcerr.Reason) (Answer, error) {
	who := actor.Must(ctx)
	request, err := fingerprint(who, req)
	if err != nil {
		return Answer{}, err
	}
	from, ok := caller(who, request)
	if !ok {
		return Answer{}, flowNotFound()
	}
	// It waits for the outcome: a person in front of a screen wants to know whether the offer is theirs.
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: req.GetRequestId(), WorkflowID: workflowID(who.TenantID, req.GetApplicationId()), UpdateName: name,
		Args: []any{argument(from)}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var answer Answer
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err != nil {
		return Answer{}, s.fromUpdate(ctx, req, request, err, reasons)
	}
	// The engine answers by the id alone. What it was the answer to comes back with it and is compared here.
	if !bytes.Equal(answer.Request, request) {
		return Answer{}, keyReused()
	}
	return answer, nil
}

// fromUpdate translates the error of an update. Reasons that the contract does not name for the RPC are a fault of ours and become
// INTERNAL.
func (s *Service) fromUpdate(ctx context.Context, req driving, request []byte, err error, reasons []rpcerr.Reason) error {
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		// Either there is no process, or it has ended.
		standing, err := s.standing(ctx, req.GetApplicationId())
		if err != nil {
			return err
		}
		if standing.Step != flowsv1.ApplicationFlow_STEP_ENDED {
			return fmt.Errorf("the process of %s has failed at %s", req.GetApplicationId(), stepName(standing.Step))
		}
		return flowEnded(standing.Outcome)
	}
	r, ok := asRefusal(err)
	if !ok {
		return s.fromEngine(ctx, err)
	}
	if r.Request != nil && !bytes.Equal(r.Request, request) {
		return keyReused()
	}
	reasons = append(reasons, typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND, typev1.ErrorReason_ERROR_REASON_FLOW_ENDED,
		typev1.ErrorReason_ERROR_REASON_FLOW_STEP_NOT_OPEN)
	if !slices.Contains(reasons, r.Reason) {
		return fmt.Errorf("unexpected refusal %s: %s", rpcerr.Name(r.Reason), r.Message)
	}
	return r.rpcError()
}

// standing answers with where a process of the caller's stands. What the engine has forgotten long after its end, loans still knows.
func (s *Service) standing(ctx context.Context, applicationID string) (Standing, error) {
	standing, err := s.ask(ctx, applicationID)
	if rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND {
		application, appErr := s.application(ctx, applicationID)
		if rpcerr.ReasonOf(appErr) == typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND {
			return Standing{}, err
		}
		if appErr != nil {
			return Standing{}, appErr
		}
		if standing, ended := endedStanding(application); ended {
			return standing, nil
		}
	}
	if err != nil {
		return Standing{}, err
	}
	if !owns(actor.Must(ctx), standing) {
		return Standing{}, flowNotFound()
	}
	return standing, nil
}

// ask queries a process. It works on one that has ended, too. The query is answered by a worker, from the history: without a running worker
// it ends by the timeout.
func (s *Service) ask(ctx context.Context, applicationID string) (Standing, error) {
	bounded, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	value, err := s.temporal.QueryWorkflow(bounded, workflowID(actor.Must(ctx).TenantID, applicationID), "", queryStanding)
	if err != nil {
		return Standing{}, s.fromEngine(ctx, err)
	}
	var standing Standing
	if err := value.Get(&standing); err != nil {
		return Standing{}, fmt.Errorf("read standing: %w", err)
	}
	return standing, nil
}

// signal tells a process that something has changed. Signals carry nothing: they wake the process, which looks for itself.
func (s *Service) signal(ctx context.Context, tenantID, applicationID, name string) error {
	bounded, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	return s.fromEngine(ctx, s.temporal.SignalWorkflow(bounded, workflowID(tenantID, applicationID), "", name, nil))
}

// application reads an application as the caller sees it.
func (s *Service) application(ctx context.Context, applicationID string) (*loansv1.Application, error) {
	res, err := s.backends.Applications.GetApplication(ctx, &loansv1.GetApplicationRequest{ApplicationId: applicationID})
	if err != nil {
		return nil, rpcerr.FromPeer(err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
	}
	return res.GetApplication(), nil
}

// endedStanding is where the process of an application in a final state stands.
func endedStanding(application *loansv1.Application) (Standing, bool) {
	outcome := outcomeOf(application.GetState())
	return Standing{
		PersonID: application.GetPersonId(), Step: flowsv1.ApplicationFlow_STEP_ENDED, Outcome: outcome,
		BeginTime: application.GetCreateTime().AsTime(),
	}, outcome != flowsv1.ApplicationFlow_OUTCOME_UNSPECIFIED
}

// owns tells whether the caller may see a process: its person, or one who sees all.
func owns(who actor.Actor, standing Standing) bool {
	return who.SeesAll() || who.PersonID != "" && who.PersonID == standing.PersonID
}

// fingerprint tells requests of different content or callers apart: nobody is given the answer to another's request. It is sealed on its
// way, as the request may hold a code of few digits.
func fingerprint(who actor.Actor, req proto.Message) ([]byte, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(append([]byte(who.PersonID+"|"), body...))
	return sum[:], nil
}

// keyReused refuses another request under an id that has been used, as package idempotency does for services with a database.
func keyReused() error {
	return rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		"the same request_id came before with another content")
}

// flow is a standing on the wire.
func flow(applicationID string, standing Standing) *flowsv1.ApplicationFlow {
	return &flowsv1.ApplicationFlow{
		ApplicationId: applicationID, Step: standing.Step, Outcome: standing.Outcome, Missing: standing.Missing,
		StartTime: timestamppb.New(standing.BeginTime),
	}
}
