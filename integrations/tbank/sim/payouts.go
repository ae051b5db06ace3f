package sim

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Payout is one payout as the bank sees it.
type Payout struct {
	PaymentID string `json:"payment_id"`
	Terminal  string `json:"terminal"`
	OrderID   string `json:"order_id"`
	CardID    string `json:"card_id"`
	PAN       string `json:"pan"`    // masked
	Amount    int64  `json:"amount"` // kopecks
	// Status: CHECKED after Init, CREDIT_CHECKING while in the air, then
	// COMPLETED or REJECTED. Money has left only in COMPLETED.
	Status     string    `json:"status"`
	ErrorCode  string    `json:"error_code"`
	CreatedAt  time.Time `json:"created_at"`
	ExecutedAt time.Time `json:"executed_at,omitzero"`

	Polls     int    `json:"polls"`      // GetState calls until the result shows
	Result    string `json:"result"`     // status that will show
	ResultErr string `json:"result_err"` // its error code
}

// payout authenticates a call of the second half; like acquire otherwise. A
// list, which GetCardList answers, is returned in place of members.
func (s *Simulator) payout(method string,
	work func(r *http.Request, t PayoutTerminal, q request) (any, *refusal),
) http.HandlerFunc {
	operation := "e2c." + method
	return func(w http.ResponseWriter, r *http.Request) {
		s.desk.Serve(w, r, operation, injected, func(w http.ResponseWriter, r *http.Request) {
			q, err := readRequest(r)
			if err != nil {
				s.refuse(w, operation, nil, badParameters)
				return
			}
			t, no := s.authenticate(q)
			if no != nil {
				s.refuse(w, operation, q, *no)
				return
			}
			s.mu.Lock()
			result, no := work(r, t, q)
			s.save()
			s.mu.Unlock()
			if no != nil {
				s.refuse(w, operation, q, *no)
				return
			}
			m, envelope := result.(members)
			if !envelope {
				s.accepted(operation, q, nil)
				simkit.WriteJSON(w, http.StatusOK, result)
				return
			}
			s.accepted(operation, q, map[string]string{"status": fmt.Sprint(m["Status"])})
			s.answer(w, t.Key, m)
		})
	}
}

// authenticate checks terminal, certificate and signature. The vendor's texts
// for a wrong signature are not public: 204 with our own details stands in.
func (s *Simulator) authenticate(q request) (PayoutTerminal, *refusal) {
	t, known := s.payoutTerminal(q.get("TerminalKey"))
	switch {
	case !known:
		return t, &unknownTerminal
	case q.get("X509SerialNumber") != t.SerialNumber:
		return t, &refusal{code: "411", message: "Сертификат не найден"}
	case !q.verifySignature(t):
		return t, &refusal{code: "204", message: "Неверные параметры.", details: "Неверная подпись запроса."}
	}
	return t, nil
}

// payoutTerminal finds a registered payout terminal.
func (s *Simulator) payoutTerminal(key string) (PayoutTerminal, bool) {
	for _, t := range s.options.PayoutTerminals {
		if t.Key == key {
			return t, true
		}
	}
	return PayoutTerminal{}, false
}

// addCustomer refuses a key that exists with 7, as the vendor does.
func (s *Simulator) addCustomer(_ *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	key := q.get("CustomerKey")
	switch {
	case key == "" || len(key) > 36:
		return nil, &refusal{code: "216", message: "Размер поля CustomerKey должен быть от 1 до 36"}
	case s.state.Customers[owner(t.Key, key)]:
		return nil, &refusal{
			code: "7", message: "Неверный статус покупателя",
			details: "Покупатель с таким ключом уже существует.",
		}
	}
	s.state.Customers[owner(t.Key, key)] = true
	return members{"CustomerKey": key}, nil
}

// addCard opens the form on which the customer enters a card.
func (s *Simulator) addCard(r *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	customer := owner(t.Key, q.get("CustomerKey"))
	if !s.state.Customers[customer] {
		return nil, &unknownCustomer
	}
	form := formKey()
	s.state.Bindings[form] = customer
	return members{
		"CustomerKey": q.get("CustomerKey"), "RequestKey": form, "PaymentURL": s.publicURL(r) + "/card/" + form,
	}, nil
}

// getCardList answers a bare array, without the usual envelope.
func (s *Simulator) getCardList(_ *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	customer := owner(t.Key, q.get("CustomerKey"))
	if !s.state.Customers[customer] {
		return nil, &unknownCustomer
	}
	list := []members{}
	for _, c := range s.state.Cards {
		if c.Customer == customer {
			list = append(list, members{
				"CardId": c.CardID, "Pan": c.PAN, "ExpDate": c.Expiry, "CardType": 1, // 1: for payouts
				"Status": map[bool]string{true: "A", false: "D"}[c.Active], "RebillId": "",
			})
		}
	}
	return list, nil
}

// payoutInit checks amount, order and card and keeps the payout CHECKED. The
// card decides now what will become of it.
func (s *Simulator) payoutInit(_ *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	amount, ok := q.kopecks("Amount")
	order := q.get("OrderId")
	switch {
	case !ok || amount <= 0:
		return nil, &refusal{code: "620", message: "Проверьте сумму — она не может быть равна 0"}
	case order == "" || len(order) > maxOrderID:
		return nil, &refusal{code: "212", message: "Размер поля OrderId должен быть от 1 до 36"}
	}
	for _, p := range s.state.Payouts {
		if p.Terminal == t.Key && p.OrderID == order {
			return nil, &duplicateOrder
		}
	}
	card := s.card(t.Key, q.get("CardId"))
	if card == nil {
		return nil, &refusal{code: "107", message: "Неверно введен CardId. Проверьте, что такая карта была ранее привязана"}
	}
	if card.Number == CardForeign {
		return nil, &refusal{code: "78", message: "Выплата на иностранную карту недоступна"}
	}
	p := &Payout{
		PaymentID: s.nextID(), Terminal: t.Key, OrderID: order, CardID: card.CardID, PAN: card.PAN,
		Amount: amount, Status: "CHECKED", ErrorCode: "0", CreatedAt: s.clock.Now(),
		Result: "COMPLETED", ResultErr: "0", Polls: s.state.PayoutPolls,
	}
	switch card.Number {
	case CardNoFunds:
		p.Result, p.ResultErr = "REJECTED", "1014"
	case Card3DS:
		p.Polls = max(p.Polls, slowPolls)
	case CardSlowReject:
		p.Result, p.ResultErr, p.Polls = "REJECTED", "1005", max(p.Polls, slowPolls)
	}
	s.state.Payouts[p.PaymentID] = p
	return p.members(), nil
}

// payoutPayment executes a payout once. Repeating it is 3037 while the first is
// in the air and 8 afterwards: neither says what became of the money.
func (s *Simulator) payoutPayment(_ *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	p := s.state.Payouts[q.get("PaymentId")]
	switch {
	case p == nil || p.Terminal != t.Key:
		return nil, &notFound
	case p.Status == "CREDIT_CHECKING":
		return nil, &refusal{code: "3037", message: "Повторный вызов метода недоступен"}
	case p.Status != "CHECKED":
		return nil, &refusal{code: "8", message: "Неверный статус транзакции"}
	}
	p.ExecutedAt = s.clock.Now()
	if p.Polls > 0 {
		p.Status = "CREDIT_CHECKING"
		return p.members(), nil
	}
	s.settle(p)
	if p.Status == "REJECTED" {
		return nil, &refusal{code: p.ErrorCode, message: "Выплата отклонена", status: p.Status}
	}
	return p.members(), nil
}

// payoutState brings a payout in the air one poll nearer to its result.
func (s *Simulator) payoutState(_ *http.Request, t PayoutTerminal, q request) (any, *refusal) {
	p := s.state.Payouts[q.get("PaymentId")]
	if p == nil || p.Terminal != t.Key {
		return nil, &notFound
	}
	if p.Status == "CREDIT_CHECKING" {
		if p.Polls--; p.Polls <= 0 {
			s.settle(p)
		}
	}
	return p.members(), nil
}

// settle lets the result show and notifies of it; s.mu is held.
func (s *Simulator) settle(p *Payout) {
	p.Status, p.ErrorCode = p.Result, p.ResultErr
	t, _ := s.payoutTerminal(p.Terminal)
	s.notify(t.NotificationURL, Notice{
		PaymentID: p.PaymentID, Terminal: p.Terminal, OrderID: p.OrderID, Status: p.Status,
		Success: p.Status == "COMPLETED", ErrorCode: p.ErrorCode, Amount: p.Amount, PAN: p.PAN,
	})
}

// members is the part of an answer that every payout method gives.
func (p *Payout) members() members {
	return members{
		"Status": p.Status, "PaymentId": p.PaymentID, "OrderId": p.OrderID, "Amount": p.Amount,
	}
}

// BindCard makes the customer known and binds a card, as the form would. Demo
// and tests seed payout cards with it.
func (s *Simulator) BindCard(terminal, customerKey, number string) (cardID string, err error) {
	pan, valid := cleanPAN(number)
	if !valid {
		return "", fmt.Errorf("sim: %s is not a card number", mask(pan))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Customers[owner(terminal, customerKey)] = true
	cardID = s.bind(owner(terminal, customerKey), pan)
	s.save()
	return cardID, nil
}

// bind adds a card once per customer; s.mu is held.
func (s *Simulator) bind(customer, pan string) string {
	for _, c := range s.state.Cards {
		if c.Customer == customer && c.Number == pan {
			return c.CardID
		}
	}
	card := &BoundCard{
		CardID: fmt.Sprint(10_001 + len(s.state.Cards)), Customer: customer,
		PAN: mask(pan), Expiry: "1230", Active: true, Number: pan,
	}
	s.state.Cards = append(s.state.Cards, card)
	return card.CardID
}

// card finds a bound card of any customer of the terminal; s.mu is held.
func (s *Simulator) card(terminal, cardID string) *BoundCard {
	for _, c := range s.state.Cards {
		if c.CardID == cardID && c.Active && strings.HasPrefix(c.Customer, owner(terminal, "")) {
			return c
		}
	}
	return nil
}

// owner names a customer within a terminal: terminals do not share customers.
func owner(terminal, customerKey string) string { return terminal + "/" + customerKey }
