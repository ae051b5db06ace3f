package sim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// request is a call as the bank reads it: root members by name, undecoded.
type request map[string]json.RawMessage

func readRequest(r *http.Request) (request, error) {
	var root request
	if err := json.NewDecoder(r.Body).Decode(&root); err != nil {
		return nil, err
	}
	if root == nil {
		return nil, errors.New("not an object")
	}
	return root, nil
}

// text is a member's value as it enters signatures; absent, null, objects and
// arrays have none.
func (q request) text(name string) (string, bool) {
	raw := q[name]
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || string(raw) == "null" {
		return "", false
	}
	if raw[0] == '"' {
		var text string
		return text, json.Unmarshal(raw, &text) == nil
	}
	return string(raw), true // a number or a boolean, as written
}

func (q request) get(name string) string {
	text, _ := q.text(name)
	return text
}

// kopecks reads an amount; ok is false when it is absent or no whole number.
func (q request) kopecks(name string) (amount int64, ok bool) {
	amount, err := strconv.ParseInt(q.get(name), 10, 64)
	return amount, err == nil
}

// canonical joins the values of the members in the order of their names.
func (q request) canonical(extra map[string]string, without ...string) string {
	type pair struct{ name, value string }
	var pairs []pair
	for name := range q {
		if value, ok := q.text(name); ok && !slices.Contains(without, name) {
			pairs = append(pairs, pair{name, value})
		}
	}
	for name, value := range extra {
		pairs = append(pairs, pair{name, value})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	joined := ""
	for _, p := range pairs {
		joined += p.value
	}
	return joined
}

// tokenOf is what the bank expects in Token.
func (q request) tokenOf(password string) string {
	hash := sha256.New()
	hash.Write([]byte(q.canonical(map[string]string{"Password": password}, "Token")))
	return hex.EncodeToString(hash.Sum(nil))
}

// verifySignature checks the three members that sign a payout request.
func (q request) verifySignature(t PayoutTerminal) bool {
	values := q.canonical(nil, "DigestValue", "SignatureValue", "X509SerialNumber")
	digest := sha256.Sum256([]byte(values))
	if q.get("DigestValue") != base64.StdEncoding.EncodeToString(digest[:]) {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(q.get("SignatureValue"))
	if err != nil {
		return false
	}
	signed := digest
	if !t.SignedValues {
		signed = sha256.Sum256(digest[:])
	}
	return rsa.VerifyPKCS1v15(t.PublicKey, crypto.SHA256, signed[:], signature) == nil
}

// refusal is an answer with Success=false. The vendor sends it with HTTP 200.
type refusal struct {
	code, message, details string
	status                 string
}

// Refusals that several methods give.
var (
	badToken        = refusal{code: "204", message: "Неверные параметры.", details: "Неверный токен. Проверьте пару TerminalKey/SecretKey."}
	unknownTerminal = refusal{code: "205", message: "Неверный токен. Проверьте пару TerminalKey/SecretKey", details: "Указанный терминал не найден"}
	badParameters   = refusal{code: "9999", message: "Неверные параметры."}
	notFound        = refusal{code: "255", message: "Неверные параметры.", details: "Платеж не найден."}
	wrongState      = refusal{code: "4", message: "Не получится изменить статус платежа"}
	tooMuch         = refusal{code: "330", message: "Неверные параметры.", details: "Сумма больше суммы платежа."}
	duplicateOrder  = refusal{code: "20", message: "Ошибка повторного идентификатора заказа"}
	unknownCustomer = refusal{code: "503", message: "CustomerKey не найден"}
)

// member is one part of an answer.
type members map[string]any

// answer writes Success=true with the members.
func (s *Simulator) answer(w http.ResponseWriter, terminal string, m members) {
	m["TerminalKey"], m["Success"], m["ErrorCode"] = terminal, true, "0"
	simkit.WriteJSON(w, http.StatusOK, m)
}

// refuse writes Success=false and notes it in the journal.
func (s *Simulator) refuse(w http.ResponseWriter, operation string, q request, no refusal) {
	s.desk.Record(simkit.Call{Operation: operation, Code: no.code, Reference: reference(q)})
	m := members{
		"TerminalKey": q.get("TerminalKey"), "Success": false, "ErrorCode": no.code, "Message": no.message,
	}
	if no.details != "" {
		m["Details"] = no.details
	}
	if no.status != "" {
		m["Status"] = no.status
	}
	simkit.WriteJSON(w, http.StatusOK, m)
}

// accepted notes a call in the journal.
func (s *Simulator) accepted(operation string, q request, detail map[string]string) {
	s.desk.Record(simkit.Call{Operation: operation, Accepted: true, Reference: reference(q), Detail: detail})
}

// reference is what a reader of the journal recognises a call by.
func reference(q request) string {
	for _, name := range []string{"OrderId", "PaymentId", "CustomerKey"} {
		if text, ok := q.text(name); ok {
			return text
		}
	}
	return ""
}

// injected writes the vendor's format for simkit.KindError.
func injected(w http.ResponseWriter, f simkit.Fault) {
	code := f.Code
	if code == "" {
		code = "999"
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	simkit.WriteJSON(w, status, members{
		"Success": false, "ErrorCode": code, "Message": "Попробуйте повторить попытку позже",
		"Details": "injected by the simulator",
	})
}
