package loans

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// applicationList is the list that page tokens of ListApplications belong to.
const applicationList = "loans.applications"

// CreateApplication implements the ApplicationService. Whose application it is comes from the session and never from the request. The partial
// unique index applications_one_open decides who is first among rivals; the loser is told which application stands in the way.
func (s *Service) CreateApplication(ctx context.Context, req *loansv1.CreateApplicationRequest) (*loansv1.CreateApplicationResponse, error) {
	who := actor.Must(ctx)
	person, ok := who.Person()
	if !ok {
		return nil, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, "only a person applies")
	}
	return idempotency.Do(ctx, s.keeper, loansv1connect.ApplicationServiceCreateApplicationProcedure, req, &loansv1.CreateApplicationResponse{},
		func(tx pgx.Tx) (*loansv1.CreateApplicationResponse, error) {
			p, err := s.liveProduct(ctx, tx, req.GetProductCode())
			if err != nil {
				return nil, err
			}
			if err := p.checkAsk(req.GetPrincipal(), req.GetInstalments()); err != nil {
				return nil, err
			}
			// The version that is live now is kept: terms that change tomorrow do not change what was asked for today.
			params := loansdb.InsertApplicationParams{
				TenantID: who.TenantID, ID: id.New(), PersonID: person, ProductID: p.row.ID, ProductCode: p.row.Code,
				PrincipalMinor: req.GetPrincipal().GetMinorUnits(), Currency: p.row.Currency, Instalments: req.GetInstalments(),
				PayoutDestination: req.GetPayoutDestination(), State: stateName(applicationSubmitted),
				Actor: who.String(), Now: s.keeper.Clock.Now(),
			}
			// No rows means that the index refused; an error of the constraint would have ended the transaction, and with it the chance to
			// look.
			rows, err := s.queries.InsertApplication(ctx, tx, params)
			if err != nil {
				return nil, fmt.Errorf("insert application: %w", err)
			}
			if rows == 0 {
				return nil, s.applicationExists(ctx, tx, params)
			}
			application, err := s.queries.GetApplication(ctx, tx, params.ID)
			if err != nil {
				return nil, fmt.Errorf("read application: %w", err)
			}
			return &loansv1.CreateApplicationResponse{Application: applicationMessage(application)}, s.tellApplicationCreated(ctx, tx, application)
		})
}

// applicationExists names the open application that stands in the way of a new one. The id lets a screen lead the person there instead of
// asking again.
func (s *Service) applicationExists(ctx context.Context, tx pgx.Tx, params loansdb.InsertApplicationParams) error {
	open, err := s.queries.GetOpenApplication(ctx, tx, loansdb.GetOpenApplicationParams{
		TenantID: params.TenantID, PersonID: params.PersonID, ProductCode: params.ProductCode,
	})
	if err != nil {
		return fmt.Errorf("read the open application: %w", err)
	}
	return rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_APPLICATION_EXISTS, "there is an open application already",
		rpcerr.Meta("application_id", id.Format(id.Application, open)))
}

// GetApplication implements the ApplicationService. The destination of the payout is answered beside the application, for the process alone:
// screens show applications and have no use for it.
func (s *Service) GetApplication(ctx context.Context, req *loansv1.GetApplicationRequest) (*loansv1.GetApplicationResponse, error) {
	var row loansdb.Application
	err := s.keeper.DB.Read(ctx, func(tx pgx.Tx) (err error) {
		row, err = s.ownApplication(ctx, tx, req.GetApplicationId(), s.queries.GetApplication)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &loansv1.GetApplicationResponse{Application: applicationMessage(row), PayoutDestination: row.PayoutDestination}, nil
}

// ListApplications implements the ApplicationService. Identifiers rise with time, so their order is that of making, and they are the key of
// the page.
func (s *Service) ListApplications(ctx context.Context, req *loansv1.ListApplicationsRequest) (*loansv1.ListApplicationsResponse, error) {
	who := actor.Must(ctx)
	params, list := applicationFilter(ctx, req)
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	params.After, params.PageSize = after(page), page.Limit()
	var rows []loansdb.Application
	err = s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err = s.queries.ListApplications(ctx, tx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	res := &loansv1.ListApplicationsResponse{}
	rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(row loansdb.Application) uuid.UUID { return row.ID })
	for _, row := range rows {
		res.Applications = append(res.Applications, applicationMessage(row))
	}
	return res, nil
}

// applicationFilter is what a list of applications is narrowed to, and the name of that list for page tokens. A person who cannot be is the
// nil UUID, who has none.
func applicationFilter(ctx context.Context, req *loansv1.ListApplicationsRequest) (loansdb.ListApplicationsParams, string) {
	params := loansdb.ListApplicationsParams{PersonID: ownRows(ctx)}
	list := applicationList
	if params.PersonID == nil && req.GetPersonId() != "" {
		person, _ := id.Parse(id.Person, req.GetPersonId())
		params.PersonID, list = &person, list+"/"+person.String()
	}
	if state := req.GetState(); state != loansv1.Application_STATE_UNSPECIFIED {
		name := stateName(state)
		params.State, list = &name, list+"/"+name
	}
	return params, list
}

// RejectApplication implements the ApplicationService. Only an application that waits for its decision is rejected: what was offered is
// withdrawn by the person or ends by its time. Reasons come from the decision and are kept as codes, most important first.
func (s *Service) RejectApplication(ctx context.Context, req *loansv1.RejectApplicationRequest) (*loansv1.RejectApplicationResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.ApplicationServiceRejectApplicationProcedure, req, &loansv1.RejectApplicationResponse{},
		func(tx pgx.Tx) (*loansv1.RejectApplicationResponse, error) {
			row, err := s.ownApplication(ctx, tx, req.GetApplicationId(), s.queries.LockApplication)
			if err != nil {
				return nil, err
			}
			row, err = s.reject(ctx, tx, row, req.GetDecisionId(), req.GetReasonCodes())
			return &loansv1.RejectApplicationResponse{Application: applicationMessage(row)}, err
		})
}

// reject ends a locked application with reasons, by a decision against it or because nothing fits a decision for it.
func (s *Service) reject(ctx context.Context, tx pgx.Tx, row loansdb.Application, decisionID string, reasons []string) (loansdb.Application, error) {
	decision, err := parseDecision(decisionID)
	if err != nil {
		return row, err
	}
	// Codes and no words: screens translate them, and an adverse-action notice can be written from them years later.
	row.DecisionID, row.ReasonCodes = &decision, reasons
	if row, err = s.move(ctx, tx, row, applicationRejected); err != nil {
		return row, err
	}
	return row, s.tellApplicationRejected(ctx, tx, row)
}

// WithdrawApplication implements the ApplicationService. After the signature there is a loan, which is repaid and not withdrawn. A second
// withdrawal under another request_id is refused by the state, and changes nothing.
func (s *Service) WithdrawApplication(ctx context.Context, req *loansv1.WithdrawApplicationRequest) (*loansv1.WithdrawApplicationResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.ApplicationServiceWithdrawApplicationProcedure, req, &loansv1.WithdrawApplicationResponse{},
		func(tx pgx.Tx) (*loansv1.WithdrawApplicationResponse, error) {
			row, err := s.end(ctx, tx, req.GetApplicationId(), applicationWithdrawn)
			return &loansv1.WithdrawApplicationResponse{Application: applicationMessage(row)}, err
		})
}

// ExpireApplication implements the ApplicationService. It asks no clock: the process that waits says when the wait is over.
func (s *Service) ExpireApplication(ctx context.Context, req *loansv1.ExpireApplicationRequest) (*loansv1.ExpireApplicationResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.ApplicationServiceExpireApplicationProcedure, req, &loansv1.ExpireApplicationResponse{},
		func(tx pgx.Tx) (*loansv1.ExpireApplicationResponse, error) {
			row, err := s.end(ctx, tx, req.GetApplicationId(), applicationExpired)
			return &loansv1.ExpireApplicationResponse{Application: applicationMessage(row)}, err
		})
}

// end ends an application before it is signed, and voids its agreement.
func (s *Service) end(ctx context.Context, tx pgx.Tx, wireID string, to loansv1.Application_State) (loansdb.Application, error) {
	row, err := s.ownApplication(ctx, tx, wireID, s.queries.LockApplication)
	if err != nil {
		return row, err
	}
	if row, err = s.move(ctx, tx, row, to); err != nil {
		return row, err
	}
	// A document that nobody will sign must not be signable: the code for it may still lie in a text message.
	if row.AgreementID != nil {
		err := changed(s.queries.UpdateAgreement(ctx, tx, loansdb.UpdateAgreementParams{
			ID: *row.AgreementID, State: stateName(agreementVoided), Actor: actor.Must(ctx).String(), Now: s.keeper.Clock.Now(),
		}))
		if err != nil {
			return row, fmt.Errorf("void agreement: %w", err)
		}
	}
	return row, s.tellApplicationEnded(ctx, tx, row)
}

// ownApplication reads, or locks, an application of the wire's id that the caller may see.
func (s *Service) ownApplication(
	ctx context.Context, tx pgx.Tx, wireID string, read func(context.Context, loansdb.DBTX, uuid.UUID) (loansdb.Application, error),
) (loansdb.Application, error) {
	missing := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND, "no such application")
	applicationID, err := id.Parse(id.Application, wireID)
	if err != nil {
		return loansdb.Application{}, missing
	}
	row, err := read(ctx, tx, applicationID)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !actor.Must(ctx).MaySee(row.PersonID):
		return loansdb.Application{}, missing
	case err != nil:
		return loansdb.Application{}, fmt.Errorf("read application: %w", err)
	}
	return row, nil
}

// move takes a locked application to a state and writes whatever else was set on the row. Every change of state passes here, so none can
// leave the state machine.
func (s *Service) move(ctx context.Context, tx pgx.Tx, row loansdb.Application, to loansv1.Application_State) (loansdb.Application, error) {
	if err := moveApplication(row.State, to); err != nil {
		return row, err
	}
	row.State, row.Actor, row.UpdateTime = stateName(to), actor.Must(ctx).String(), s.keeper.Clock.Now()
	err := changed(s.queries.UpdateApplication(ctx, tx, loansdb.UpdateApplicationParams{
		State: row.State, DecisionID: row.DecisionID, ReasonCodes: row.ReasonCodes, OfferID: row.OfferID, AgreementID: row.AgreementID,
		LoanID: row.LoanID, Actor: row.Actor, Now: row.UpdateTime, ID: row.ID, Version: row.Version,
	}))
	if err != nil {
		return row, fmt.Errorf("update application: %w", err)
	}
	// As the database now has it, for a caller that moves the same row again.
	row.Version++
	return row, nil
}

// parseDecision reads the id of a decision of the scoring service.
func parseDecision(wireID string) (uuid.UUID, error) {
	decision, err := id.Parse(id.Decision, wireID)
	if err != nil {
		return uuid.UUID{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "decision_id is no identifier",
			rpcerr.Field("decision_id", "is no identifier of a decision"))
	}
	return decision, nil
}
