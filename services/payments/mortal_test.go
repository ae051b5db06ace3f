package payments_test

import (
	"context"
	"sync"
	"testing"

	"github.com/lendgate/lendgate/services/payments"
)

// mortal is a provider whose process dies at chosen calls: before the bank hears of them, or after it has done them.
type mortal struct {
	payments.Provider
	mu   sync.Mutex
	dies map[string]bool // "before execute", "after prepare"…
	off  int64           // What it adds to amounts that it tells.
}

func (m *mortal) lie(off int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = off
}

func (m *mortal) lies() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.off
}

func (m *mortal) CollectionState(ctx context.Context, paymentID string) (payments.CollectionReport, error) {
	report, err := m.Provider.CollectionState(ctx, paymentID)
	report.Amount += m.lies()
	return report, err
}

// death is the panic of a process that dies.
type death struct{}

func (m *mortal) die(when string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dies[when] {
		delete(m.dies, when)
		panic(death{})
	}
}

func (m *mortal) arm(when string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dies = map[string]bool{when: true}
}

// diesDriving drives a payout like house.drive and tells whether the process died.
func (h *house) diesDriving(t *testing.T, wireID string) (died bool) {
	t.Helper()
	defer func() {
		if cause := recover(); cause != nil {
			if _, ok := cause.(death); !ok {
				panic(cause)
			}
			died = true
		}
	}()
	h.drive(t, wireID)
	return false
}

func (m *mortal) PreparePayout(ctx context.Context, order payments.PayoutOrder) (payments.PayoutReport, error) {
	m.die("before prepare")
	report, err := m.Provider.PreparePayout(ctx, order)
	m.die("after prepare")
	return report, err
}

func (m *mortal) ExecutePayout(ctx context.Context, paymentID string) (payments.PayoutReport, error) {
	m.die("before execute")
	report, err := m.Provider.ExecutePayout(ctx, paymentID)
	m.die("after execute")
	return report, err
}

func (m *mortal) PayoutState(ctx context.Context, paymentID string) (payments.PayoutReport, error) {
	m.die("before ask")
	report, err := m.Provider.PayoutState(ctx, paymentID)
	report.Amount += m.lies()
	m.die("after ask")
	return report, err
}

func (m *mortal) OpenCollection(ctx context.Context, order payments.CollectionOrder) (payments.CollectionReport, error) {
	m.die("before open")
	report, err := m.Provider.OpenCollection(ctx, order)
	m.die("after open")
	return report, err
}
