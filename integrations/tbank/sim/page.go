package sim

import (
	"html/template"
	"net/http"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// page is the one plain page behind every form. It works without scripts, so
// that curl can pay too.
const page = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Simulated bank</title>
<style>body{font:16px system-ui;max-width:34rem;margin:2rem auto;padding:0 1rem}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin:.25rem 0}
table{border-collapse:collapse;font-size:.9em}td{padding:.2rem .8rem .2rem 0}</style>
<h1>{{.Title}}</h1><p>{{.Text}}</p>
{{if .Field}}<form method="post"><label>{{.Label}}
<input name="{{.Field}}" autocomplete="off" autofocus></label><button>{{.Button}}</button></form>{{end}}
{{if .Cards}}<p>Simulator: no money moves. Test cards:</p><table>
<tr><td>4300 0000 0000 0777</td><td>pays</td></tr>
<tr><td>5000 0000 0000 0009</td><td>no funds</td></tr>
<tr><td>5411 4200 0000 0002</td><td>asks for 3-D Secure, password “password”</td></tr>
<tr><td>4111 1111 1111 1111</td><td>foreign card, refused</td></tr>
<tr><td>4000 0000 0000 0119</td><td>declined by its bank</td></tr></table>{{end}}</html>`

// view is what differs between pages; no Field means no form.
type view struct {
	Title, Text          string
	Field, Label, Button string
	Cards                bool
}

// show writes a page.
func (s *Simulator) show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The page is a constant and its data are strings: only a gone client fails.
	_ = template.Must(template.New("page").Parse(page)).Execute(w, v)
}

// result sends the browser back to the shop, or shows a page when the order
// named no address.
func (s *Simulator) result(w http.ResponseWriter, r *http.Request, url string, v view) {
	if url != "" {
		http.Redirect(w, r, url, http.StatusSeeOther)
		return
	}
	s.show(w, http.StatusOK, v)
}

// payForm shows the pay page; opening it moves NEW to FORM_SHOWED.
func (s *Simulator) payForm(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byForm(r.PathValue("form"))
	if p == nil {
		s.show(w, http.StatusNotFound, view{Title: "No such payment"})
		return
	}
	switch p.Status {
	case "NEW", "FORM_SHOWED":
		p.Status = "FORM_SHOWED"
		s.save()
		s.show(w, http.StatusOK, view{
			Title: "Pay " + s.price(p), Text: p.Description,
			Field: "pan", Label: "Card number", Button: "Pay", Cards: true,
		})
	case "3DS_CHECKING":
		s.show(w, http.StatusOK, challenge())
	default:
		s.show(w, http.StatusOK, view{Title: "Payment " + p.Status})
	}
}

// challenge is the page of the issuer's access control server.
func challenge() view {
	return view{
		Title: "3-D Secure", Text: "Your bank asks for your password.",
		Field: "password", Label: "Password", Button: "Confirm",
	}
}

// pay takes the card number, or the 3-D Secure password.
func (s *Simulator) pay(w http.ResponseWriter, r *http.Request) {
	s.desk.Serve(w, r, "Pay", func(w http.ResponseWriter, _ simkit.Fault) {
		s.show(w, http.StatusServiceUnavailable, view{Title: "The bank is not available"})
	}, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		defer s.save()
		p := s.byForm(r.PathValue("form"))
		if p == nil {
			s.show(w, http.StatusNotFound, view{Title: "No such payment"})
			return
		}
		switch p.Status {
		case "NEW", "FORM_SHOWED":
			pan, valid := cleanPAN(r.PostFormValue("pan"))
			if !valid {
				s.show(w, http.StatusUnprocessableEntity, view{
					Title: "This is not a card number", Field: "pan", Label: "Card number", Button: "Pay", Cards: true,
				})
				return
			}
			s.authorize(p, pan)
			if p.Status == "3DS_CHECKING" {
				s.show(w, http.StatusOK, challenge())
				return
			}
		case "3DS_CHECKING":
			if r.PostFormValue("password") == Password3DS {
				p.Status = "3DS_CHECKED"
				s.capture(p)
			} else {
				p.ErrorCode = "101"
				s.move(p, "AUTH_FAIL")
			}
		default:
			s.show(w, http.StatusConflict, view{Title: "Payment " + p.Status})
			return
		}
		s.desk.Record(simkit.Call{Operation: "Pay", Accepted: p.ErrorCode == "0", Code: p.ErrorCode, Reference: p.OrderID})
		if p.ErrorCode != "0" {
			s.result(w, r, p.FailURL, view{Title: "Declined", Text: "Code " + p.ErrorCode})
			return
		}
		s.result(w, r, p.SuccessURL, view{Title: "Paid " + s.price(p)})
	})
}

// authorize lets the card decide; s.mu is held.
func (s *Simulator) authorize(p *Payment, pan string) {
	p.Status, p.PAN = "AUTHORIZING", mask(pan)
	if pan == Card3DS {
		p.Status = "3DS_CHECKING"
		return
	}
	if code := decline(pan); code != "" {
		p.ErrorCode = code
		s.move(p, "REJECTED")
		return
	}
	s.capture(p)
}

// capture holds the money and, in one stage, takes it; s.mu is held.
func (s *Simulator) capture(p *Payment) {
	s.move(p, "AUTHORIZED")
	if !p.TwoStage {
		s.move(p, "CONFIRMED")
	}
}

// byForm finds the payment behind a pay page; s.mu is held.
func (s *Simulator) byForm(form string) *Payment {
	for _, p := range s.state.Payments {
		if p.Form == form {
			return p
		}
	}
	return nil
}

// cardForm shows the page on which a customer binds a card for payouts.
func (s *Simulator) cardForm(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, open := s.state.Bindings[r.PathValue("form")]
	s.mu.Unlock()
	if !open {
		s.show(w, http.StatusNotFound, view{Title: "No such form"})
		return
	}
	s.show(w, http.StatusOK, view{
		Title: "Card for payouts", Field: "pan", Label: "Card number", Button: "Bind", Cards: true,
	})
}

// bindCard takes the card number; a form works once.
func (s *Simulator) bindCard(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	form := r.PathValue("form")
	customer, open := s.state.Bindings[form]
	if !open {
		s.show(w, http.StatusNotFound, view{Title: "No such form"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	pan, valid := cleanPAN(r.PostFormValue("pan"))
	if !valid {
		s.show(w, http.StatusUnprocessableEntity, view{
			Title: "This is not a card number", Field: "pan", Label: "Card number", Button: "Bind", Cards: true,
		})
		return
	}
	delete(s.state.Bindings, form)
	s.bind(customer, pan)
	s.save()
	s.show(w, http.StatusOK, view{Title: "Card bound", Text: mask(pan)})
}
