package allocate_test

import (
	"fmt"

	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
)

// The borrower pays the first instalment on time and asks, ten days later, what
// closing the loan would cost.
func Example() {
	loan, err := allocate.Open(terms(), allocate.Standard())
	if err != nil {
		fmt.Println(err)
		return
	}
	payment := money.Money{MinorUnits: 11_000, Currency: "USD"}
	result, loan, err := allocate.Apply(loan, payment, loan.Instalments[0].Due)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range result.Allocations {
		fmt.Println(a.Number, a.Timing, a.Component, a.Amount)
	}

	quote, err := allocate.Payoff(loan, loan.Instalments[1].From.AddDays(10))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quote.On, quote.Total, "of which interest", quote.Interest, "saved", quote.Saved)
	// Output:
	// 1 DUE FEE 1.00
	// 1 DUE INTEREST 9.00
	// 1 DUE PRINCIPAL 100.00
	// 2026-04-10 203.00 of which interest 2.00 saved 8.00
}
