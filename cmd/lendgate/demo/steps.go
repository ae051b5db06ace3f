package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// What the demo borrower asks for.
const (
	demoProduct  = "cash"
	demoCurrency = "UAH"
	// In minor units: 20,000 hryvnias. It lies within the demo product's limits and what the demo income bears.
	demoPrincipal   = 20_000_00
	demoInstalments = 12
)

// steps is the whole journey in order. A step may run again after a break, with the request_ids of its first time, so each must bear its
// own repeat. The order is fixed: a journey's file counts how many steps are done.
func (d *demo) steps() []step {
	return []step{
		{"enrol the device: a P-256 key that signs every request", d.enrol},
		{"ask for a login code", d.askCode},
		{"log in with the code from the text message", d.logIn},
		{"register for push messages", d.registerPush},
		{"give consents and fill in the profile", d.fillProfile},
		{"register a payout card on the bank's form", d.registerCard},
		{"ask what a loan would cost", d.quote},
		{"apply", d.applyForLoan},
		{"hear on the websocket that offers wait", d.awaitOffers},
		{"choose an offer", d.chooseOffer},
		{"read the agreement", d.readAgreement},
		{"sign it with a code from a text message", d.sign},
		{"hear that the money has arrived", d.awaitMoney},
		{"find the push message", d.findPush},
		{"pay an instalment on the bank's page", d.payInstalment},
		{"pay off early", d.payOff},
		{"hear that the loan is closed", d.awaitClosed},
		{"check the books", d.checkBooks},
	}
}

// enrol shows the device's key to the platform. It is signed by that key, which proves that the phone has it; no session is needed yet.
func (d *demo) enrol(ctx context.Context) (string, error) {
	request, err := d.journey.request("enrol")
	if err != nil {
		return "", err
	}
	public, err := d.phone.publicKey()
	if err != nil {
		return "", err
	}
	res, err := d.phone.auth.EnrollDevice(withRequestID(ctx, request), &mobilev1.EnrollDeviceRequest{
		RequestId: request, PublicKey: public, Platform: identityv1.Platform_PLATFORM_WEB, Model: "lendgate demo",
	})
	if err != nil {
		return "", err
	}
	d.journey.DeviceID = res.GetDevice().GetId()
	return d.journey.DeviceID, nil
}

// askCode begins the login. The masked number in the answer lets a person see where the message goes.
func (d *demo) askCode(ctx context.Context) (string, error) {
	request, err := d.journey.request("start-login")
	if err != nil {
		return "", err
	}
	res, err := d.phone.auth.StartLogin(withRequestID(ctx, request), &mobilev1.StartLoginRequest{RequestId: request, Phone: d.journey.Phone})
	if err != nil {
		return "", err
	}
	d.journey.ChallengeID = res.GetChallenge().GetId()
	return "sent to " + res.GetChallenge().GetMaskedPhone(), nil
}

// logIn confirms the code. The session is bound to the device: its token is worth nothing without a key that signs, the session's or the
// device's.
func (d *demo) logIn(ctx context.Context) (string, error) {
	code, err := d.outside.code(ctx, d.journey.Phone, 0)
	if err != nil {
		return "", err
	}
	request, err := d.journey.request("confirm-login")
	if err != nil {
		return "", err
	}
	res, err := d.phone.auth.ConfirmLogin(withRequestID(ctx, request), &mobilev1.ConfirmLoginRequest{
		RequestId: request, ChallengeId: d.journey.ChallengeID, Code: code,
	})
	if err != nil {
		return "", err
	}
	d.journey.PersonID = res.GetSession().GetPersonId()
	d.journey.AccessToken, d.journey.RefreshToken = res.GetTokens().GetAccessToken(), res.GetTokens().GetRefreshToken()
	d.phone.keepSessionKey(d.journey.AccessToken, res.GetSessionKey())
	return "as " + d.journey.PersonID, nil
}

// registerPush gives the token that Firebase gave to the app.
func (d *demo) registerPush(ctx context.Context) (string, error) {
	request, err := d.journey.request("register-push")
	if err != nil {
		return "", err
	}
	_, err = d.phone.profile.RegisterPushToken(withRequestID(ctx, request), &mobilev1.RegisterPushTokenRequest{RequestId: request, Token: d.journey.PushToken})
	return "through the Firebase SDK", err
}

// fillProfile gives what an application cannot be decided without: two consents, to the text that was shown, and a whole profile.
func (d *demo) fillProfile(ctx context.Context) (string, error) {
	config, err := d.phone.app.GetAppConfig(ctx, &mobilev1.GetAppConfigRequest{})
	if err != nil {
		return "", err
	}
	consent, err := d.journey.request("consents")
	if err != nil {
		return "", err
	}
	_, err = d.phone.profile.GiveConsents(withRequestID(ctx, consent), &mobilev1.GiveConsentsRequest{
		RequestId: consent, TextVersion: config.GetConsentTextVersion(),
		Purposes: []identityv1.ConsentPurpose{identityv1.ConsentPurpose_CONSENT_PURPOSE_PERSONAL_DATA, identityv1.ConsentPurpose_CONSENT_PURPOSE_CREDIT_BUREAU},
	})
	if err != nil {
		return "", err
	}
	update, err := d.journey.request("profile")
	if err != nil {
		return "", err
	}
	res, err := d.phone.profile.UpdateProfile(withRequestID(ctx, update), &mobilev1.UpdateProfileRequest{
		RequestId: update, Locale: d.phone.locale, Profile: demoProfile(),
	})
	if err != nil {
		return "", err
	}
	// Asked here, since an incomplete profile would show only as an application that waits.
	if missing := res.GetPerson().GetMissingFields(); len(missing) > 0 {
		return "", fmt.Errorf("the profile still misses %v", missing)
	}
	return "complete", nil
}

// demoProfile is obviously of nobody.
func demoProfile() *identityv1.Profile {
	return &identityv1.Profile{
		GivenName: "Demo", FamilyName: "Borrower", BirthDate: &typev1.Date{Year: 1990, Month: 5, Day: 17}, TaxId: "3300900010",
		Address: "1 Example Street, Kyiv", Employment: identityv1.Employment_EMPLOYMENT_EMPLOYED,
		// An income that bears the loan under the built-in policy, and obligations of zero, which is not the same as none told.
		MonthlyIncome:      &typev1.Money{MinorUnits: 40_000_00, CurrencyCode: demoCurrency},
		MonthlyObligations: &typev1.Money{CurrencyCode: demoCurrency},
		EmployedSince:      &typev1.Date{Year: 2019, Month: 3, Day: 1},
	}
}

// registerCard opens the bank's form, fills it in as the person would in a browser, and waits until the bank has told of the card. The
// number of the card never passes the platform.
func (d *demo) registerCard(ctx context.Context) (string, error) {
	request, err := d.journey.request("card")
	if err != nil {
		return "", err
	}
	res, err := d.phone.apply.RegisterCard(withRequestID(ctx, request), &mobilev1.RegisterCardRequest{RequestId: request})
	if err != nil {
		return "", err
	}
	d.journey.CardID, d.journey.CardForm = res.GetCard().GetId(), res.GetCard().GetFormUrl()
	if d.journey.CardForm != "" {
		if err := d.outside.fill(ctx, d.journey.CardForm); err != nil {
			return "", err
		}
	}
	masked := ""
	err = poll(ctx, func() (bool, error) {
		// Looking at the screen is what makes the platform ask the bank about cards.
		screen, err := d.phone.apply.GetApply(ctx, &mobilev1.GetApplyRequest{})
		for _, card := range screen.GetCards().GetCards() {
			if card.GetId() == d.journey.CardID && card.GetState() == paymentsv1.Card_STATE_ACTIVE {
				masked = card.GetMaskedNumber()
				return true, nil
			}
		}
		return false, err
	})
	return masked, err
}

// quote asks for the price before anything is applied for; it leaves nothing behind.
func (d *demo) quote(ctx context.Context) (string, error) {
	res, err := d.phone.apply.QuoteLoan(ctx, &mobilev1.QuoteLoanRequest{ProductCode: demoProduct, Principal: demoMoney(), Instalments: demoInstalments})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d × %s, in all %s, APR %s %%", len(res.GetSchedule().GetInstalments()), res.GetRegularInstalment().GetDisplay(),
		res.GetTotalPayable().GetDisplay(), res.GetSchedule().GetAprPercent()), nil
}

// demoMoney is the principal on the wire.
func demoMoney() *typev1.Money {
	return &typev1.Money{MinorUnits: demoPrincipal, CurrencyCode: demoCurrency}
}

// applyForLoan applies. The answer is there at once; the decision is the process's and is heard of on the websocket.
func (d *demo) applyForLoan(ctx context.Context) (string, error) {
	request, err := d.journey.request("apply")
	if err != nil {
		return "", err
	}
	res, err := d.phone.apply.Apply(withRequestID(ctx, request), &mobilev1.ApplyRequest{
		RequestId: request, ProductCode: demoProduct, Principal: demoMoney(), Instalments: demoInstalments, CardId: d.journey.CardID,
	})
	if err != nil {
		return "", err
	}
	d.journey.ApplicationID = res.GetApplication().GetApplicationId()
	return d.journey.ApplicationID, nil
}

// awaitOffers waits for features to be gathered and the decision to be taken; no person has a part in it.
func (d *demo) awaitOffers(ctx context.Context) (string, error) {
	if _, err := d.socket.await(ctx, realtimev1.StatusEvent_KIND_APPLICATION_OFFERED); err != nil {
		// The silence alone would not say what is wrong.
		return "", errors.Join(err, d.whyNotOffered(ctx))
	}
	return "scored and approved", nil
}

// whyNotOffered says what became of the application when no offer came. It asks although the step's time is over, hence without the step's
// context.
func (d *demo) whyNotOffered(ctx context.Context) error {
	screen, err := d.phone.apply.GetApplication(context.WithoutCancel(ctx), &mobilev1.GetApplicationRequest{ApplicationId: d.journey.ApplicationID})
	if err != nil {
		return err
	}
	return fmt.Errorf("the application is %s, missing %v, reasons %v", screen.GetApplication().GetState(), screen.GetMissing(), screen.GetReasons())
}

// chooseOffer takes the first offer, the one with the smallest instalment, and keeps the choice: after a break the same one is chosen,
// since a repeat with another offer would be refused.
func (d *demo) chooseOffer(ctx context.Context) (string, error) {
	screen, err := d.phone.apply.GetApplication(ctx, &mobilev1.GetApplicationRequest{ApplicationId: d.journey.ApplicationID})
	if err != nil {
		return "", err
	}
	if d.journey.OfferID == "" {
		if len(screen.GetOffers()) == 0 {
			// An earlier try may have chosen already; only without a choice offers are needed.
			return "", fmt.Errorf("there are no offers; the application is %s", screen.GetApplication().GetState())
		}
		d.journey.OfferID = screen.GetOffers()[0].GetOfferId()
	}
	request, err := d.journey.request("choose")
	if err != nil {
		return "", err
	}
	res, err := d.phone.apply.ChooseOffer(withRequestID(ctx, request), &mobilev1.ChooseOfferRequest{
		RequestId: request, ApplicationId: d.journey.ApplicationID, OfferId: d.journey.OfferID,
	})
	if err != nil {
		return "", err
	}
	d.journey.AgreementID = res.GetAgreementId()
	return fmt.Sprintf("one of %d", max(1, len(screen.GetOffers()))), nil
}

// readAgreement computes the hash of what it was shown. That hash, and not the one that the platform names, is signed.
func (d *demo) readAgreement(ctx context.Context) (string, error) {
	res, err := d.phone.apply.GetAgreement(ctx, &mobilev1.GetAgreementRequest{AgreementId: d.journey.AgreementID})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(res.GetDocument())
	if !bytes.Equal(sum[:], res.GetAgreement().GetDocumentSha256()) {
		return "", errors.New("the document is not the one that the agreement names")
	}
	// Kept, so that a resumed journey signs the document that was read and no other.
	d.journey.DocumentHash = sum[:]
	return fmt.Sprintf("No. %s, PDF of %d kB", res.GetAgreement().GetNumber(), len(res.GetDocument())/1024), nil
}

// sign asks for a code and signs with it. When the answer to an earlier try was lost, the same request is sent again and answered the same.
// The text message with the code for the signature is the second one of this number.
func (d *demo) sign(ctx context.Context) (string, error) {
	ask, err := d.journey.request("signature-code")
	if err != nil {
		return "", err
	}
	challenge, err := d.phone.apply.RequestSignatureCode(withRequestID(ctx, ask), &mobilev1.RequestSignatureCodeRequest{RequestId: ask, AgreementId: d.journey.AgreementID})
	if err != nil {
		return "", err
	}
	code, err := d.outside.code(ctx, d.journey.Phone, 1) // The first was the login's.
	if err != nil {
		return "", err
	}
	request, err := d.journey.request("sign")
	if err != nil {
		return "", err
	}
	res, err := d.phone.apply.SignAgreement(withRequestID(ctx, request), &mobilev1.SignAgreementRequest{
		RequestId: request, ApplicationId: d.journey.ApplicationID, AgreementId: d.journey.AgreementID,
		DocumentSha256: d.journey.DocumentHash, ChallengeId: challenge.GetChallengeId(), Code: code,
	})
	if err != nil {
		return "", err
	}
	d.journey.LoanID = res.GetLoanId()
	return d.journey.LoanID, nil
}

// awaitMoney waits until the bank has paid and loans has booked it: the event comes after the schedule is fixed.
func (d *demo) awaitMoney(ctx context.Context) (string, error) {
	event, err := d.socket.await(ctx, realtimev1.StatusEvent_KIND_LOAN_DISBURSED)
	if err != nil {
		return "", err
	}
	// The currency has two decimals, as the demo's has.
	return fmt.Sprintf("%d.%02d %s on the card", event.GetAmount().GetMinorUnits()/100, event.GetAmount().GetMinorUnits()%100, event.GetAmount().GetCurrencyCode()), nil
}

// findPush looks into the phone's tray. Push may come later than the websocket, so it is waited for.
func (d *demo) findPush(ctx context.Context) (string, error) {
	count := 0
	err := poll(ctx, func() (bool, error) {
		var err error
		count, err = d.outside.pushes(ctx, d.journey.PushToken)
		return count > 0, err
	})
	return fmt.Sprintf("%d in the tray", count), err
}
