package payments_test

import (
	"testing"

	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/payments"
)

// BenchmarkPostTransaction posts two legs between hot accounts through the door, one request an operation, from several callers at once.
func BenchmarkPostTransaction(b *testing.B) {
	kit := servicetest.New(b, "payments")
	service, err := payments.New(payments.Deps{
		DB: kit.DB, Sealer: kit.Sealer, Clock: kit.Clock, Tokens: kit.Tokens, Tenants: kit.Tenants,
		Providers: []payments.Provider{&mortal{}}, Log: kit.Log,
	})
	if err != nil {
		b.Fatal(err)
	}
	ledger := paymentsv1connect.NewLedgerServiceInproc(service, kit.Door.Call)
	ctx := servicetest.AsService(b.Context(), "operator")
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := ledger.PostTransaction(ctx, transfer("funds-bank", "owner-capital", 1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
