package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// routes is the bank's table of contents.
func (s *Simulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/Init", s.acquire("Init", s.init))
	mux.HandleFunc("POST /v2/GetState", s.acquire("GetState", s.getState))
	mux.HandleFunc("POST /v2/CheckOrder", s.acquire("CheckOrder", s.checkOrder))
	mux.HandleFunc("POST /v2/Confirm", s.acquire("Confirm", s.confirm))
	mux.HandleFunc("POST /v2/Cancel", s.acquire("Cancel", s.cancel))

	mux.HandleFunc("POST /e2c/v2/AddCustomer", s.payout("AddCustomer", s.addCustomer))
	mux.HandleFunc("POST /e2c/v2/AddCard", s.payout("AddCard", s.addCard))
	mux.HandleFunc("POST /e2c/v2/GetCardList", s.payout("GetCardList", s.getCardList))
	mux.HandleFunc("POST /e2c/v2/Init", s.payout("Init", s.payoutInit))
	mux.HandleFunc("POST /e2c/v2/Payment", s.payout("Payment", s.payoutPayment))
	mux.HandleFunc("POST /e2c/v2/GetState", s.payout("GetState", s.payoutState))

	mux.HandleFunc("GET /pay/{form}", s.payForm)
	mux.HandleFunc("POST /pay/{form}", s.pay)
	mux.HandleFunc("GET /card/{form}", s.cardForm)
	mux.HandleFunc("POST /card/{form}", s.bindCard)

	s.desk.Handle(mux)
	mux.HandleFunc("GET /_sim/payments", func(w http.ResponseWriter, _ *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, map[string]any{"payments": s.Payments()})
	})
	mux.HandleFunc("GET /_sim/payouts", func(w http.ResponseWriter, _ *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, map[string]any{"payouts": s.Payouts()})
	})
	mux.HandleFunc("GET /_sim/notifications", func(w http.ResponseWriter, _ *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, map[string]any{"notifications": s.Notices()})
	})
	mux.HandleFunc("POST /_sim/settings", func(w http.ResponseWriter, r *http.Request) {
		var settings struct {
			PayoutPolls int `json:"payout_polls"`
		}
		body := http.MaxBytesReader(w, r.Body, 4<<10)
		if err := json.NewDecoder(body).Decode(&settings); err != nil || settings.PayoutPolls < 0 {
			http.Error(w, "want {payout_polls: 0 or more}", http.StatusBadRequest)
			return
		}
		s.SetPayoutPolls(settings.PayoutPolls)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// price prints what a payment is about for people. The wire has no currency: it is that of the terminal's contract.
func (s *Simulator) price(p *Payment) string {
	terminal, _ := s.terminal(p.Terminal)
	return fmt.Sprintf("%d.%02d %s", p.Amount/100, p.Amount%100, cmp.Or(terminal.Currency, "RUB"))
}
