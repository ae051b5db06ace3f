package mobile

import (
	"cmp"
	"context"
	"slices"
	"strings"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Apply shapes the way from a calculator to a signed agreement.
type Apply struct {
	Screens      *Screens
	Products     loansv1connect.ProductServiceClient
	Applications loansv1connect.ApplicationServiceClient
	Agreements   loansv1connect.AgreementServiceClient
	Payments     paymentsv1connect.PaymentServiceClient
	Flows        flowsv1connect.ApplicationFlowServiceClient
	Cards        *ApplicationCards
}

// GetApply composes the apply screen.
func (s *Apply) GetApply(ctx context.Context, req *mobilev1.GetApplyRequest) (*mobilev1.GetApplyResponse, error) {
	screen := &mobilev1.GetApplyResponse{}
	err := s.Screens.compose(ctx, screen, req.GetReadMask(),
		section{"products", func(ctx context.Context) (err error) { screen.Products, err = s.products(ctx); return }},
		section{"application", func(ctx context.Context) (err error) {
			screen.Application, err = s.Cards.section(ctx, s.Screens)
			return
		}},
		section{"cards", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "payments.cards", s.Payments.ListCards, &paymentsv1.ListCardsRequest{})
			screen.Cards = &mobilev1.CardsSection{Status: status, Cards: res.GetCards()}
			return err
		}},
	)
	if err != nil {
		return nil, err
	}
	return screen, nil
}

func (s *Apply) products(ctx context.Context) (*mobilev1.ProductsSection, error) {
	res, status, err := fetch(ctx, s.Screens, "loans.products", s.Products.ListProducts, &loansv1.ListProductsRequest{
		Page: &typev1.PageRequest{PageSize: 100},
	})
	section, say := &mobilev1.ProductsSection{Status: status}, s.Screens.speech(ctx)
	for _, product := range res.GetProducts() {
		terms := product.GetTerms()
		section.Products = append(section.Products, &mobilev1.ProductCard{
			Code: product.GetCode(), Name: say.name(product.GetNames()),
			MinPrincipal: say.amount(terms.GetMinPrincipal()), MaxPrincipal: say.amount(terms.GetMaxPrincipal()),
			MinInstalments: terms.GetMinInstalments(), MaxInstalments: terms.GetMaxInstalments(), AnnualRatePercent: terms.GetAnnualRatePercent(),
		})
	}
	slices.SortFunc(section.Products, func(a, b *mobilev1.ProductCard) int { return strings.Compare(a.GetName(), b.GetName()) })
	return section, err
}

// QuoteLoan computes what a loan would cost.
func (s *Apply) QuoteLoan(ctx context.Context, req *mobilev1.QuoteLoanRequest) (*mobilev1.QuoteLoanResponse, error) {
	res, err := s.Products.QuoteLoan(ctx, &loansv1.QuoteLoanRequest{
		ProductCode: req.GetProductCode(), Principal: req.GetPrincipal(), Instalments: req.GetInstalments(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	say, schedule := s.Screens.speech(ctx), res.GetSchedule()
	return &mobilev1.QuoteLoanResponse{
		Schedule: schedule, Instalment: say.amount(firstInstalment(schedule)), RegularInstalment: say.amount(regularInstalment(schedule)),
		TotalPayable: say.amount(schedule.GetTotalPayable()),
	}, nil
}

func firstInstalment(schedule *loansv1.Schedule) *typev1.Money {
	if len(schedule.GetInstalments()) == 0 {
		return nil
	}
	return schedule.GetInstalments()[0].GetTotal()
}

// regularInstalment is what most instalments are. The first may bear a fee on top, and the last takes the rest of rounding, so it is the one
// in the middle by size, the smaller of two. Where instalments shrink evenly, it is the middle of them, too.
func regularInstalment(schedule *loansv1.Schedule) *typev1.Money {
	bySize := slices.SortedFunc(slices.Values(schedule.GetInstalments()), func(a, b *loansv1.Instalment) int {
		return cmp.Compare(a.GetTotal().GetMinorUnits(), b.GetTotal().GetMinorUnits())
	})
	if len(bySize) == 0 {
		return nil
	}
	return bySize[(len(bySize)-1)/2].GetTotal()
}

// RegisterCard opens the provider's form for a payout card.
func (s *Apply) RegisterCard(ctx context.Context, req *mobilev1.RegisterCardRequest) (*mobilev1.RegisterCardResponse, error) {
	res, err := s.Payments.RegisterCard(ctx, &paymentsv1.RegisterCardRequest{RequestId: req.GetRequestId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.RegisterCardResponse{Card: res.GetCard()}, nil
}

// Apply makes the application and starts its process. When it breaks off in between, the repeat finds the application and starts the process;
// and the process is started by event too.
func (s *Apply) Apply(ctx context.Context, req *mobilev1.ApplyRequest) (*mobilev1.ApplyResponse, error) {
	if err := s.ownCard(ctx, req.GetCardId()); err != nil {
		return nil, err
	}
	res, err := s.Applications.CreateApplication(ctx, &loansv1.CreateApplicationRequest{
		RequestId: req.GetRequestId(), ProductCode: req.GetProductCode(), Principal: req.GetPrincipal(), Instalments: req.GetInstalments(),
		PayoutDestination: req.GetCardId(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	_, err = s.Flows.StartApplicationFlow(ctx, &flowsv1.StartApplicationFlowRequest{
		RequestId: derive(req.GetRequestId(), "start"), ApplicationId: res.GetApplication().GetId(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.ApplyResponse{Application: applicationCard(s.Screens.speech(ctx), res.GetApplication(), false)}, nil
}

// ownCard refuses a card that the caller cannot be paid out to, before anything is signed. The payout asks again.
func (s *Apply) ownCard(ctx context.Context, cardID string) error {
	res, err := s.Payments.ListCards(ctx, &paymentsv1.ListCardsRequest{})
	if err != nil {
		return rpcerr.PassPeer(err)
	}
	good := func(card *paymentsv1.Card) bool {
		return card.GetId() == cardID && card.GetState() == paymentsv1.Card_STATE_ACTIVE
	}
	if !slices.ContainsFunc(res.GetCards(), good) {
		return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND, "no such card, or its form is not filled in")
	}
	return nil
}

// GetApplication shows one application with what can be done next.
func (s *Apply) GetApplication(ctx context.Context, req *mobilev1.GetApplicationRequest) (*mobilev1.GetApplicationResponse, error) {
	res, err := s.Applications.GetApplication(ctx, &loansv1.GetApplicationRequest{ApplicationId: req.GetApplicationId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	application, say := res.GetApplication(), s.Screens.speech(ctx)
	missing, err := s.Cards.missing(ctx, s.Screens, application)
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	screen := &mobilev1.GetApplicationResponse{
		Application: applicationCard(say, application, len(missing) > 0), Missing: missing,
		AgreementId: application.GetAgreementId(), LoanId: application.GetLoanId(),
	}
	for _, code := range application.GetReasonCodes() {
		screen.Reasons = append(screen.Reasons, say.reason(code))
	}
	if application.GetState() != loansv1.Application_STATE_OFFERED {
		return screen, nil
	}
	offers, err := s.Applications.ListOffers(ctx, &loansv1.ListOffersRequest{ApplicationId: application.GetId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	for _, offer := range offers.GetOffers() {
		screen.Offers = append(screen.Offers, offerCard(say, offer))
	}
	return screen, nil
}

func offerCard(say speech, offer *loansv1.Offer) *mobilev1.OfferCard {
	return &mobilev1.OfferCard{
		OfferId: offer.GetId(), Principal: say.amount(offer.GetPrincipal()), Instalments: offer.GetInstalments(),
		Instalment: say.amount(firstInstalment(offer.GetSchedule())), RegularInstalment: say.amount(regularInstalment(offer.GetSchedule())),
		TotalPayable: say.amount(offer.GetSchedule().GetTotalPayable()), AprPercent: offer.GetSchedule().GetAprPercent(), ExpireTime: offer.GetExpireTime(),
	}
}

// ChooseOffer takes the choice.
func (s *Apply) ChooseOffer(ctx context.Context, req *mobilev1.ChooseOfferRequest) (*mobilev1.ChooseOfferResponse, error) {
	res, err := s.Flows.ChooseOffer(ctx, &flowsv1.ChooseOfferRequest{
		RequestId: req.GetRequestId(), ApplicationId: req.GetApplicationId(), OfferId: req.GetOfferId(), Locale: actor.Must(ctx).Locale,
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.ChooseOfferResponse{AgreementId: res.GetAgreementId()}, nil
}

// GetAgreement shows the agreement with its document.
func (s *Apply) GetAgreement(ctx context.Context, req *mobilev1.GetAgreementRequest) (*mobilev1.GetAgreementResponse, error) {
	agreement, err := s.Agreements.GetAgreement(ctx, &loansv1.GetAgreementRequest{AgreementId: req.GetAgreementId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	document, err := s.Agreements.GetAgreementDocument(ctx, &loansv1.GetAgreementDocumentRequest{AgreementId: req.GetAgreementId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.GetAgreementResponse{Agreement: agreement.GetAgreement(), Document: document.GetContent()}, nil
}

// RequestSignatureCode sends the code that signs.
func (s *Apply) RequestSignatureCode(ctx context.Context, req *mobilev1.RequestSignatureCodeRequest) (*mobilev1.RequestSignatureCodeResponse, error) {
	res, err := s.Agreements.RequestSignatureCode(ctx, &loansv1.RequestSignatureCodeRequest{RequestId: req.GetRequestId(), AgreementId: req.GetAgreementId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.RequestSignatureCodeResponse{ChallengeId: res.GetChallengeId(), MaskedPhone: res.GetMaskedPhone(), ExpireTime: res.GetExpireTime()}, nil
}

// SignAgreement signs by the code.
func (s *Apply) SignAgreement(ctx context.Context, req *mobilev1.SignAgreementRequest) (*mobilev1.SignAgreementResponse, error) {
	res, err := s.Flows.SignAgreement(ctx, &flowsv1.SignAgreementRequest{
		RequestId: req.GetRequestId(), ApplicationId: req.GetApplicationId(), AgreementId: req.GetAgreementId(),
		DocumentSha256: req.GetDocumentSha256(), ChallengeId: req.GetChallengeId(), Code: req.GetCode(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.SignAgreementResponse{LoanId: res.GetLoanId()}, nil
}

// WithdrawApplication ends an application that is not signed.
func (s *Apply) WithdrawApplication(ctx context.Context, req *mobilev1.WithdrawApplicationRequest) (*mobilev1.WithdrawApplicationResponse, error) {
	_, err := s.Flows.CancelApplicationFlow(ctx, &flowsv1.CancelApplicationFlowRequest{RequestId: req.GetRequestId(), ApplicationId: req.GetApplicationId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	res, err := s.Applications.GetApplication(ctx, &loansv1.GetApplicationRequest{ApplicationId: req.GetApplicationId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.WithdrawApplicationResponse{Application: applicationCard(s.Screens.speech(ctx), res.GetApplication(), false)}, nil
}
