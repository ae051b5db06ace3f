package scene

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
)

// How much of everything a home screen has.
const (
	homeLoans    = 5
	homeNotices  = 3
	shopProducts = 8
)

// content is what the backends answer with. It is made once and never changed: answers are shared between calls.
type content struct {
	person *identityv1.GetPersonResponse
	// loans are two answers: as they were, and after a payment on the first loan.
	loans        [2]*loansv1.ListLoansResponse
	applications *loansv1.ListApplicationsResponse
	notices      *pushv1.ListNotificationsResponse
	products     *loansv1.ListProductsResponse
}

// opened is when everything in the content was made.
func opened() time.Time { return time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC) }

func newContent() *content {
	c := &content{
		person: &identityv1.GetPersonResponse{Person: demoPerson()},
		// The application became the newest loan, so that the home screen shows no card for it.
		applications: &loansv1.ListApplicationsResponse{
			Applications: []*loansv1.Application{{
				Id: named(id.Application, 1), PersonId: named(id.Person, 1), State: loansv1.Application_STATE_DISBURSED,
				Principal: uah(1_000_000), CreateTime: timestamppb.New(opened()),
			}},
			Page: &typev1.PageInfo{},
		},
		notices:  &pushv1.ListNotificationsResponse{Page: &typev1.PageInfo{}},
		products: &loansv1.ListProductsResponse{Page: &typev1.PageInfo{}},
	}
	for variant := range c.loans {
		c.loans[variant] = &loansv1.ListLoansResponse{Page: &typev1.PageInfo{}}
		for i := range homeLoans {
			paid := int64(0)
			if i == 0 {
				paid = int64(variant) * 125_050
			}
			c.loans[variant].Loans = append(c.loans[variant].Loans, demoLoan(i, paid))
		}
	}
	for i := range homeNotices {
		c.notices.Notifications = append(c.notices.Notifications, demoNotice(i))
	}
	for i := range shopProducts {
		c.products.Products = append(c.products.Products, demoProduct(i))
	}
	return c
}

func demoPerson() *identityv1.Person {
	return &identityv1.Person{
		Id: named(id.Person, 1), State: identityv1.Person_STATE_ACTIVE, Phone: "+380500000001", Locale: "uk", Version: 3,
		CreateTime: timestamppb.New(opened()),
		Profile: &identityv1.Profile{
			GivenName: "Демо", FamilyName: "Приклад", BirthDate: &typev1.Date{Year: 1990, Month: 5, Day: 17}, TaxId: "3300000000",
			Email: "demo@example.com", Address: "01001, Київ, вулиця Прикладна, 1", Employment: identityv1.Employment_EMPLOYMENT_EMPLOYED,
			MonthlyIncome: uah(4_500_000), MonthlyObligations: uah(300_000), EmployedSince: &typev1.Date{Year: 2019, Month: 3, Day: 1},
		},
	}
}

// demoLoan is the loan of a place in the list; paid is in kopecks.
func demoLoan(i int, paid int64) *loansv1.Loan {
	owed := int64(1_000_000+i*175_025) - paid
	return &loansv1.Loan{
		Id: named(id.Loan, i), PersonId: named(id.Person, 1), AgreementId: named(id.Agreement, i), ApplicationId: named(id.Application, i),
		ProductId: named(id.Product, 1), Number: fmt.Sprintf("DEMO-2026-%06d", i+1), State: loansv1.Loan_STATE_ACTIVE,
		Principal: uah(1_500_000), PrincipalOutstanding: uah(owed), TotalOutstanding: uah(owed + 84_512), Overdue: uah(0), Overpaid: uah(0),
		NextDueDate: &typev1.Date{Year: 2026, Month: 12, Day: int32(i + 1)}, NextDue: uah(125_050 + int64(i)*1_111),
		DisburseDate: &typev1.Date{Year: 2026, Month: 3, Day: 2}, MaturityDate: &typev1.Date{Year: 2027, Month: 3, Day: 2},
		BusinessDate: &typev1.Date{Year: 2026, Month: 11, Day: 21}, CreateTime: timestamppb.New(opened()),
	}
}

func demoNotice(i int) *pushv1.Notification {
	return &pushv1.Notification{
		Id: named(id.Notification, i), PersonId: named(id.Person, 1), Template: "payment-due", Channel: pushv1.Channel_CHANNEL_PUSH, Locale: "uk",
		State: pushv1.Notification_STATE_DELIVERED, Title: "Payment due", Body: fmt.Sprintf("Instalment %d of DEMO-2026-%06d is due soon.", i+1, i+1),
		Provider: "fcm", Attempts: 1, CreateTime: timestamppb.New(opened().Add(time.Duration(i) * time.Hour)),
		SendTime: timestamppb.New(opened().Add(time.Duration(i)*time.Hour + time.Second)),
	}
}

func demoProduct(i int) *loansv1.Product {
	return &loansv1.Product{
		Id: named(id.Product, i), Code: fmt.Sprintf("demo-%d", i+1), Version: 1, Names: map[string]string{"en": "Demo loan", "uk": "Демо-кредит"},
		EffectiveTime: timestamppb.New(opened()),
		Terms: &loansv1.ProductTerms{
			MinPrincipal: uah(100_000), MaxPrincipal: uah(20_000_000), MinInstalments: 3, MaxInstalments: 36,
			Frequency: loansv1.Frequency_FREQUENCY_MONTHLY, AnnualRatePercent: "36.5",
		},
	}
}

// uah is an amount in kopecks.
func uah(minorUnits int64) *typev1.Money {
	return &typev1.Money{MinorUnits: minorUnits, CurrencyCode: "UAH"}
}

// named is the identifier of a place in a list, the same in every process.
func named(prefix string, i int) string {
	return id.Format(prefix, id.Derive(uuid.NameSpaceOID, fmt.Sprintf("bench/%s%d", prefix, i)))
}
