package amortize_test

import (
	"fmt"
	"time"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

// A loan of 317.26 at 0.798 % a day, in four level payments on the 4th, under
// the caps of the UK: payments round up, interest rounds down.
func ExampleBuild() {
	start := civil.Date{Year: 2025, Month: time.April, Day: 1}
	monthly := amortize.Frequency{Every: 1, Unit: amortize.Month, Anchor: 4}
	dues, err := monthly.Dues(civil.Date{Year: 2025, Month: time.April, Day: 4}, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	schedule, err := amortize.Build(amortize.Terms{
		Principal:    money.Money{MinorUnits: 31726, Currency: "GBP"},
		Start:        start,
		Dues:         dues,
		Rate:         amortize.Rate{Percent: "0.798", Per: amortize.PerDay},
		Method:       amortize.Declining,
		Amortization: amortize.EqualInstalment,
		Final:        amortize.FinalLower,
		Rounding:     amortize.Rounding{Payment: money.Up, Interest: money.Down},
		Cap:          amortize.Cap{Total: "100", Daily: "0.8"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range schedule.Instalments {
		fmt.Println(i.Number, i.Due, i.Total, i.Principal, i.Interest, i.Balance)
	}
	// Output:
	// 1 2025-04-04 109.17 101.58 7.59 215.68
	// 2 2025-05-04 109.17 57.54 51.63 158.14
	// 3 2025-06-04 109.17 70.05 39.12 88.09
	// 4 2025-07-04 109.17 88.09 21.08 0.00
}
