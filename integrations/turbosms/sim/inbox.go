package sim

import (
	"html/template"
	"net/http"
	"slices"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// inbox is the page on which a person looks for the one-time code.
const inbox = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<title>Simulated SMS</title>
<style>body{font:16px system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}
article{border:1px solid #ccc;border-radius:.5rem;padding:.6rem 1rem;margin:.6rem 0}
small{color:#666}p{margin:.3rem 0 0;white-space:pre-wrap}</style>
<h1>Messages{{if .Phone}} to {{.Phone}}{{end}}</h1>
{{range .Messages}}<article><small>{{.SentAt.UTC.Format "2006-01-02 15:04:05"}} UTC ·
{{.Sender}} → {{.Phone}} · {{.Status}}</small><p>{{.Text}}</p></article>
{{else}}<p>Nothing yet. This page refreshes itself.</p>{{end}}</html>`

// inboxJSON is the inbox for programs.
func (s *Simulator) inboxJSON(w http.ResponseWriter, r *http.Request) {
	simkit.WriteJSON(w, http.StatusOK, map[string]any{"messages": s.Messages(r.URL.Query().Get("phone"))})
}

// inboxPage is the inbox for people, newest first.
func (s *Simulator) inboxPage(w http.ResponseWriter, r *http.Request) {
	phone := r.URL.Query().Get("phone")
	messages := s.Messages(phone)
	slices.Reverse(messages)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The page is a constant and its data are strings: only a gone client fails.
	_ = template.Must(template.New("inbox").Parse(inbox)).Execute(w, struct {
		Phone    string
		Messages []Message
	}{phone, messages})
}
