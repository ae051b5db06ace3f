package loans_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestAnIncompleteProfileMakesNoAgreement(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	offer := b.offer(t, b.apply(t, 1_200_000, 12))
	accept := func() (*loansv1.AcceptOfferResponse, error) {
		return b.applications.AcceptOffer(b.ctx, &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId()})
	}
	b.identity.change = func(p *identityv1.Person) { p.MissingFields = []string{"tax_id", "address"} }
	res, err := accept()
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PROFILE_INCOMPLETE)
	if got := metadata(err, "missing"); got != "tax_id,address" {
		t.Errorf("missing %q", got)
	}
	b.identity.change = func(p *identityv1.Person) { p.State = identityv1.Person_STATE_BLOCKED }
	res, err = accept()
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERSON_BLOCKED)
	if n := query[int64](t, b, "SELECT count(*) FROM loans.agreements"); n[0] != 0 {
		t.Errorf("%d agreements", n[0])
	}
}

func TestTheDocumentIsSealedAndIsWhatItsHashSays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	agreement := b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12)))
	req := &loansv1.GetAgreementDocumentRequest{AgreementId: agreement.GetId()}
	res, err := b.agreements.GetAgreementDocument(b.ctx, req)
	document := ok(t, res, err)
	hash := sha256.Sum256(document.GetContent())
	if !bytes.Equal(hash[:], document.GetSha256()) || !bytes.Equal(hash[:], agreement.GetDocumentSha256()) {
		t.Error("the hash is of something else")
	}
	if document.GetContentType() != "application/pdf" || !bytes.HasPrefix(document.GetContent(), []byte("%PDF-")) {
		t.Errorf("%s beginning with %q", document.GetContentType(), document.GetContent()[:5])
	}
	stored := query[[]byte](t, b, "SELECT content FROM loans.documents")
	if len(stored) != 1 || bytes.Contains(stored[0], []byte("%PDF-")) {
		t.Error("the document lies in clear")
	}
	t.Run("others do not see it", func(t *testing.T) {
		other, err := b.agreements.GetAgreementDocument(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
		refused(t, other, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
		stranger, err := b.agreements.GetAgreement(servicetest.AsStranger(t.Context(), b.person),
			&loansv1.GetAgreementRequest{AgreementId: agreement.GetId()})
		refused(t, stranger, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
	})
	t.Run("it goes with the person's key", func(t *testing.T) {
		query[int](t, b, "DELETE FROM loans.subject_keys RETURNING 1")
		res, err := b.agreements.GetAgreementDocument(b.ctx, req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
	})
}

func TestRequestSignatureCode(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	agreement := b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12)))
	req := &loansv1.RequestSignatureCodeRequest{RequestId: requestID(), AgreementId: agreement.GetId()}
	res, err := b.agreements.RequestSignatureCode(b.ctx, req)
	first := ok(t, res, err)
	made := b.identity.challenges[first.GetChallengeId()]
	if !bytes.Equal(made.GetBoundDigest(), agreement.GetDocumentSha256()) || made.GetPersonId() != b.person ||
		made.GetPurpose() != identityv1.Challenge_PURPOSE_SIGN_AGREEMENT || made.GetSubject() != agreement.GetNumber() {
		t.Errorf("asked for %v", made)
	}
	if first.GetMaskedPhone() == "" || first.GetExpireTime() == nil {
		t.Errorf("got %v", first)
	}
	t.Run("a repeat sends nothing new", func(t *testing.T) {
		res, err := b.agreements.RequestSignatureCode(b.ctx, req)
		same(t, first, ok(t, res, err))
		if n := len(b.identity.sent); n != 1 {
			t.Errorf("%d codes", n)
		}
	})
	t.Run("another agreement under the same id is refused before anything is sent", func(t *testing.T) {
		res, err := b.agreements.RequestSignatureCode(b.ctx, &loansv1.RequestSignatureCodeRequest{
			RequestId: req.GetRequestId(), AgreementId: id.Format(id.Agreement, id.New()),
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
	t.Run("an absent and a foreign one are alike", func(t *testing.T) {
		absent, err := b.agreements.RequestSignatureCode(b.ctx, &loansv1.RequestSignatureCodeRequest{
			RequestId: requestID(), AgreementId: id.Format(id.Agreement, id.New()),
		})
		refused(t, absent, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
		foreign, err := b.agreements.RequestSignatureCode(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
		refused(t, foreign, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
	})
}

func TestSignAgreementRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	req := b.signRequest(t, b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12))))
	with := func(change func(*loansv1.SignAgreementRequest)) (*loansv1.SignAgreementResponse, error) {
		other := proto.CloneOf(req)
		change(other)
		return b.agreements.SignAgreement(b.ctx, other)
	}
	t.Run("another document is refused before the code is tried", func(t *testing.T) {
		res, err := with(func(r *loansv1.SignAgreementRequest) { r.DocumentSha256 = make([]byte, 32) })
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_CHANGED)
	})
	t.Run("a wrong code is refused with what is left", func(t *testing.T) {
		res, err := with(func(r *loansv1.SignAgreementRequest) { r.Code = "000000" })
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
		if metadata(err, "attempts_left") != "2" {
			t.Errorf("left %q", metadata(err, "attempts_left"))
		}
	})
	t.Run("an unknown challenge asks for a new code", func(t *testing.T) {
		res, err := with(func(r *loansv1.SignAgreementRequest) { r.ChallengeId = id.Format(id.Challenge, id.New()) })
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED)
	})
	t.Run("somebody else may not", func(t *testing.T) {
		res, err := b.agreements.SignAgreement(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND)
	})
	t.Run("after all that the right code still signs", func(t *testing.T) {
		res, err := with(func(*loansv1.SignAgreementRequest) {})
		ok(t, res, err)
	})
	t.Run("signing again is refused", func(t *testing.T) {
		res, err := with(func(r *loansv1.SignAgreementRequest) { r.RequestId = requestID() })
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_AGREEMENT_STATE_INVALID)
		if metadata(err, "state") != "SIGNED" {
			t.Errorf("state %q", metadata(err, "state"))
		}
	})
}

func TestSignAgreement(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	agreement := b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12)))
	req := b.signRequest(t, agreement)
	res, err := b.agreements.SignAgreement(b.ctx, req)
	first := ok(t, res, err)
	if first.GetAgreement().GetState() != loansv1.Agreement_STATE_SIGNED || first.GetAgreement().GetSignTime() == nil {
		t.Errorf("got %v", first)
	}
	same(t, first.GetAgreement(), b.agreement(t, agreement.GetId()))
	loan := b.loan(t, first.GetLoanId())
	if loan.GetState() != loansv1.Loan_STATE_APPROVED || loan.GetNumber() != agreement.GetNumber() || loan.GetTotalOutstanding().GetMinorUnits() != 0 {
		t.Errorf("got %v", loan)
	}
	t.Run("the evidence is kept and the phone sealed", func(t *testing.T) {
		evidence := query[bool](t, b, `SELECT document_sha256 = $1 AND device_id IS NOT NULL AND position('380' in encode(phone, 'escape')) = 0
			AND actor = $2 FROM loans.signatures`, agreement.GetDocumentSha256(), "person:"+b.person)
		if diff := cmp.Diff([]bool{true}, evidence); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a repeat answers the same", func(t *testing.T) {
		res, err := b.agreements.SignAgreement(b.ctx, req)
		same(t, first, ok(t, res, err))
		if n := query[int64](t, b, "SELECT count(*) FROM loans.loans"); n[0] != 1 {
			t.Errorf("%d loans", n[0])
		}
	})
	want := []string{"application_created", "loan_offered", "offer_accepted", "agreement_signed"}
	if diff := cmp.Diff(want, names(b.facts(t, agreement.GetApplicationId()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestASignatureGoesOnAfterACrash has the code confirmed and the transaction after it fail: the repeat gets the same evidence and signs.
func TestASignatureGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	agreement := b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12)))
	req := b.signRequest(t, agreement)
	exec(t, b, "ALTER TABLE loans.signatures ADD CONSTRAINT broken CHECK (false) NOT VALID")
	res, err := b.agreements.SignAgreement(b.ctx, req)
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_INTERNAL)
	if got := b.agreement(t, agreement.GetId()).GetState(); got != loansv1.Agreement_STATE_PREPARED || len(b.identity.confirmed) != 1 {
		t.Fatalf("the agreement is %s and %d codes are confirmed", got, len(b.identity.confirmed))
	}
	exec(t, b, "ALTER TABLE loans.signatures DROP CONSTRAINT broken")
	res, err = b.agreements.SignAgreement(b.ctx, req)
	if ok(t, res, err).GetAgreement().GetState() != loansv1.Agreement_STATE_SIGNED || len(b.identity.confirmed) != 1 {
		t.Errorf("got %v", res)
	}
}

// TestWhatIsProofCannotBeChanged tries as the service's own role.
func TestWhatIsProofCannotBeChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	b.active(t, 1_200_000, 12)
	for _, table := range []string{"products", "offers", "documents", "signatures", "transactions"} {
		for _, statement := range []string{"UPDATE " + table + " SET tenant_id = tenant_id", "DELETE FROM " + table} {
			if _, err := b.DB.Pool().Exec(t.Context(), statement); err == nil {
				t.Errorf("%s is allowed", statement)
			}
		}
		if err := tryExec(t, b, "UPDATE loans."+table+" SET tenant_id = tenant_id"); err == nil {
			t.Errorf("%s can be changed by an administrator's slip", table)
		}
	}
}

func TestAPeerThatIsAwayIsSaidSo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	offer := b.offer(t, b.apply(t, 1_200_000, 12))
	b.identity.away = true
	req := &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId()}
	res, err := b.applications.AcceptOffer(b.ctx, req)
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE)
	b.identity.away = false
	res, err = b.applications.AcceptOffer(b.ctx, req)
	ok(t, res, err)
}
