package sim

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// phonePattern is a number with its country code and no plus. The vendor also
// checks country and operator; the simulator takes any country.
var phonePattern = regexp.MustCompile(`^[1-9][0-9]{9,14}$`)

// Limits of a send: recipients from the vendor's documentation, text lengths
// from memory of it (ten parts less what the vendor reserves).
const (
	maxRecipients = 5000
	maxLatin      = 1521
	maxOther      = 661
)

// sendRequest is the body of message/send.json; Viber is not simulated.
type sendRequest struct {
	Recipients []string `json:"recipients"`
	SMS        *struct {
		Sender string `json:"sender"`
		Text   string `json:"text"`
	} `json:"sms"`
	Token string `json:"token"`
}

// routes is the gateway's table of contents. The vendor takes GET and POST; only
// JSON bodies are simulated.
func (s *Simulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/message/send.json", s.method("message/send", s.send))
	mux.HandleFunc("/message/status.json", s.method("message/status", s.status))
	mux.HandleFunc("/user/balance.json", s.method("user/balance", func([]byte) (int, any) {
		return 0, map[string]float64{"balance": 1000} // credits; demo money never ends
	}))
	s.desk.Handle(mux)
	mux.HandleFunc("GET /_sim/messages", s.inboxJSON)
	mux.HandleFunc("GET /_sim/inbox", s.inboxPage)
	return mux
}

// method authenticates a call and writes the vendor's envelope around its
// result, always with HTTP 200.
func (s *Simulator) method(operation string, work func(body []byte) (code int, result any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.desk.Serve(w, r, operation, injected, func(w http.ResponseWriter, r *http.Request) {
			var body json.RawMessage
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil && r.ContentLength != 0 {
				s.write(w, operation, 502, nil)
				return
			}
			if code := s.authenticate(r, body); code != 0 {
				s.write(w, operation, code, nil)
				return
			}
			code, result := work(body)
			s.write(w, operation, code, result)
		})
	}
}

// authenticate takes the token from the header or from the body, as the vendor
// does.
func (s *Simulator) authenticate(r *http.Request, body []byte) (code int) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		var in struct{ Token string }
		if err := json.Unmarshal(body, &in); err != nil {
			return 103
		}
		token = in.Token
	}
	switch {
	case token == "":
		return 103
	case token != s.options.Token:
		return 301
	}
	return 0
}

// write puts the vendor's envelope around a result and notes the call.
func (s *Simulator) write(w http.ResponseWriter, operation string, code int, result any) {
	s.desk.Record(simkit.Call{
		Operation: operation, Accepted: code == 0 || code >= 800 && code <= 803, Code: strconv.Itoa(code),
	})
	simkit.WriteJSON(w, http.StatusOK, map[string]any{
		"response_code": code, "response_status": word(code), "response_result": result,
	})
}

// injected writes the vendor's format for simkit.KindError.
func injected(w http.ResponseWriter, f simkit.Fault) {
	code, err := strconv.Atoi(f.Code)
	if err != nil {
		code = 999
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	simkit.WriteJSON(w, status, map[string]any{
		"response_code": code, "response_status": word(code), "response_result": nil,
	})
}

// send is message/send.json: checks of the whole first, then each recipient on
// its own. The top code tells all, some and none apart.
func (s *Simulator) send(body []byte) (code int, result any) {
	in, code := s.readSend(body)
	if code != 0 {
		return code, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.save()

	now := s.clock.Now()
	content := in.SMS.Sender + "\x00" + in.SMS.Text + "\x00" + strings.Join(in.Recipients, ",")
	for key, r := range s.state.Recent {
		if now.Sub(r.At) >= s.options.DuplicateWindow {
			delete(s.state.Recent, key)
		}
	}
	if earlier, again := s.state.Recent[content]; again {
		return 507, earlier.Result
	}

	items, good := []item{}, 0
	var seen []string
	for _, phone := range in.Recipients {
		one := s.sendOne(phone, in, slices.Contains(seen, phone))
		seen = append(seen, phone)
		if one.MessageID != nil {
			good++
		}
		items = append(items, one)
	}
	switch {
	case good == len(items):
		code = 801
		s.state.Recent[content] = recent{At: now, Result: items}
	case good > 0:
		code = 803
	default:
		code = 0 // the vendor answers OK and says why per recipient
	}
	return code, items
}

// readSend checks what does not depend on the recipient.
func (s *Simulator) readSend(body []byte) (in sendRequest, code int) {
	if err := json.Unmarshal(body, &in); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field == "sms.text" {
			return in, 304
		}
		return in, 300
	}
	switch {
	case len(in.Recipients) == 0:
		return in, 202
	case len(in.Recipients) > maxRecipients:
		return in, 405
	case in.SMS == nil || in.SMS.Text == "":
		return in, 201
	case in.SMS.Sender == "":
		return in, 200
	case len(s.options.Senders) > 0 && !slices.Contains(s.options.Senders, in.SMS.Sender):
		return in, 400
	case tooLong(in.SMS.Text):
		return in, 413
	}
	return in, 0
}

// tooLong takes any character beyond ASCII for UCS-2, which is stricter than the
// networks are and good enough to say no.
func tooLong(text string) bool {
	length := utf8.RuneCountInString(text)
	return length > maxLatin || length > maxOther && length != len(text)
}

// sendOne takes a message for one recipient, or says why not; s.mu is held.
func (s *Simulator) sendOne(phone string, in sendRequest, repeated bool) item {
	refused := func(code int) item { return item{Phone: phone, Code: code, Status: word(code)} }
	switch {
	case !phonePattern.MatchString(phone):
		return refused(305)
	case repeated:
		return refused(407)
	case strings.HasSuffix(phone, "0404"):
		return refused(404)
	case strings.HasSuffix(phone, "0503"):
		return refused(503)
	}
	now := s.clock.Now()
	m := &Message{
		ID: newID(), Phone: phone, Sender: in.SMS.Sender, Text: in.SMS.Text,
		SentAt: now, Status: "Sent", UpdatedAt: now,
	}
	s.state.Messages = append(s.state.Messages, m)
	s.travel(m)
	return item{Phone: phone, MessageID: &m.ID, Code: 0, Status: word(0)}
}

// status is message/status.json. An unknown message is an error of its row, not
// of the call.
func (s *Simulator) status(body []byte) (code int, result any) {
	var in struct {
		Messages []string `json:"messages"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Messages) == 0 {
		return 300, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, id := range in.Messages {
		i := slices.IndexFunc(s.state.Messages, func(m *Message) bool { return m.ID == id })
		if i < 0 {
			list = append(list, map[string]any{"message_id": id, "response_code": 414, "response_status": word(414)})
			continue
		}
		m := s.state.Messages[i]
		list = append(list, map[string]any{
			"message_id": id, "response_code": 0, "response_status": word(0), "recipient": m.Phone,
			"sent": stamp(m.SentAt), "updated": stamp(m.UpdatedAt), "status": m.Status, "type": "sms",
		})
	}
	return 0, list
}

// stamp prints a time the vendor's way: Kyiv's wall clock without a zone.
func stamp(at time.Time) string {
	if kyiv, err := time.LoadLocation("Europe/Kyiv"); err == nil {
		at = at.In(kyiv)
	}
	return at.Format(time.DateTime)
}

// word is the vendor's name of a code.
func word(code int) string {
	words := map[int]string{
		0: "OK", 103: "REQUIRED_TOKEN", 200: "REQUIRED_MESSAGE_SENDER", 201: "REQUIRED_MESSAGE_TEXT",
		202: "REQUIRED_MESSAGE_RECIPIENT", 203: "REQUIRED_BALANCE", 300: "INVALID_REQUEST",
		301: "INVALID_TOKEN", 304: "INVALID_MESSAGE_TEXT", 305: "INVALID_PHONE",
		400: "NOT_ALLOWED_MESSAGE_SENDER", 404: "NOT_ALLOWED_NUMBER_STOPLIST",
		405: "NOT_ALLOWED_RECIPIENTS_LIMIT", 407: "NOT_ALLOWED_RECIPIENT_DUPLICATE",
		413: "NOT_ALLOWED_MESSAGE_TEXT_LENGTH", 414: "NOT_ALLOWED_MESSAGE_ID",
		502: "FAILED_PARSE_BODY", 503: "FAILED_SMS_SEND", 507: "FAILED_DUPLICATE_REQUEST",
		800: "SUCCESS_MESSAGE_ACCEPTED", 801: "SUCCESS_MESSAGE_SENT",
		802: "SUCCESS_MESSAGE_PARTIAL_ACCEPTED", 803: "SUCCESS_MESSAGE_PARTIAL_SENT", 999: "FATAL_ERROR",
	}
	if known, ok := words[code]; ok {
		return known
	}
	return "CODE_" + strconv.Itoa(code)
}
