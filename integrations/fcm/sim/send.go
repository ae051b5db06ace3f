package sim

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// maxPayload is FCM's limit in bytes for one message to a device.
const maxPayload = 4096

// sendRequest is the body of messages:send, as far as a phone would notice it.
// Fields that the API has and the simulator ignores are kept raw, so that an
// unknown field is still an error, as at Google's.
type sendRequest struct {
	ValidateOnly bool `json:"validate_only"`
	Message      *struct {
		Token        string            `json:"token"`
		Topic        string            `json:"topic"`
		Condition    string            `json:"condition"`
		Name         string            `json:"name"`
		Data         map[string]string `json:"data"`
		Notification *struct {
			Title string `json:"title"`
			Body  string `json:"body"`
			Image string `json:"image"`
		} `json:"notification"`
		Android *struct {
			CollapseKey           string          `json:"collapse_key"`
			Priority              string          `json:"priority"`
			TTL                   string          `json:"ttl"`
			RestrictedPackageName string          `json:"restricted_package_name"`
			Data                  json.RawMessage `json:"data"`
			Notification          json.RawMessage `json:"notification"`
			FCMOptions            json.RawMessage `json:"fcm_options"`
			DirectBootOK          bool            `json:"direct_boot_ok"`
		} `json:"android"`
		APNS       json.RawMessage `json:"apns"`
		Webpush    json.RawMessage `json:"webpush"`
		FCMOptions json.RawMessage `json:"fcm_options"`
	} `json:"message"`
}

// problem is an error of the API.
type problem struct {
	http    int
	status  string // google.rpc.Code
	code    string // FcmError.errorCode; empty leaves the detail out
	message string
	after   int // Retry-After in seconds
}

// problemOf gives each FCM code its status, google.rpc.Code and text
// (firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode).
func problemOf(code string) problem {
	switch code {
	case "UNREGISTERED":
		return problem{404, "NOT_FOUND", code, "Requested entity was not found.", 0}
	case "SENDER_ID_MISMATCH":
		return problem{403, "PERMISSION_DENIED", code, "SenderId mismatch", 0}
	case "QUOTA_EXCEEDED":
		return problem{429, "RESOURCE_EXHAUSTED", code, "Quota exceeded for messages.", 60}
	case "UNAVAILABLE":
		return problem{503, "UNAVAILABLE", code, "The service is currently unavailable.", 0}
	case "INTERNAL":
		return problem{500, "INTERNAL", code, "Internal error encountered.", 0}
	case "THIRD_PARTY_AUTH_ERROR":
		return problem{401, "UNAUTHENTICATED", code, "Auth error from APNS or Web Push Service", 0}
	default:
		return problem{400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", 0}
	}
}

// invalid is INVALID_ARGUMENT with a text of its own.
func invalid(format string, args ...any) *problem {
	p := problemOf("INVALID_ARGUMENT")
	p.message = fmt.Sprintf(format, args...)
	return &p
}

// write answers with an error in the envelope of Google's APIs. Errors that
// arise before FCM itself is asked carry no FcmError detail.
func write(w http.ResponseWriter, p problem) {
	body := map[string]any{"code": p.http, "message": p.message, "status": p.status}
	if p.code != "" {
		body["details"] = []map[string]string{{
			"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": p.code,
		}}
	}
	if p.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(p.after))
	}
	simkit.WriteJSON(w, p.http, map[string]any{"error": body})
}

// send is messages:send; other methods of the path do not exist.
func (s *Simulator) send(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("method") != "messages:send" {
		http.NotFound(w, r)
		return
	}
	s.desk.Serve(w, r, "messages:send", func(w http.ResponseWriter, f simkit.Fault) {
		p := problemOf(f.Code)
		if f.Code == "" {
			p = problemOf("INTERNAL")
		}
		if f.Status != 0 {
			p.http = f.Status
		}
		write(w, p)
	}, func(w http.ResponseWriter, r *http.Request) {
		project := r.PathValue("project")
		name, no := s.accept(r, project)
		if no != nil {
			s.desk.Record(simkit.Call{Operation: "messages:send", Code: no.status, Reference: no.code})
			write(w, *no)
			return
		}
		s.desk.Record(simkit.Call{Operation: "messages:send", Accepted: true, Reference: name})
		simkit.WriteJSON(w, http.StatusOK, map[string]string{"name": name})
	})
}

// accept checks a request the way Google does: who, where, what, to whom.
func (s *Simulator) accept(r *http.Request, project string) (name string, no *problem) {
	g, live := s.bearer(r)
	if !live {
		return "", &problem{http: 401, status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials."}
	}
	if g.Project != project {
		return "", &problem{http: 403, status: "PERMISSION_DENIED", message: "Permission denied on project " + project}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", invalid("Request body cannot be read.")
	}
	var in sendRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return "", invalid("Invalid JSON payload received. %v", err)
	}
	if no := in.check(len(body)); no != nil {
		return "", no
	}
	m := in.Message
	if code := fate(m.Token); code != "" {
		p := problemOf(code)
		return "", &p
	}
	if in.ValidateOnly {
		return "projects/" + project + "/messages/fake_message_id", nil
	}
	accepted := Message{
		Name:  "projects/" + project + "/messages/0:" + strings.ToLower(rand.Text()),
		Token: m.Token, SentAt: s.clock.Now(), Data: m.Data,
	}
	if m.Notification != nil {
		accepted.Title, accepted.Body = m.Notification.Title, m.Notification.Body
	}
	if m.Android != nil {
		accepted.CollapseKey, accepted.Priority, accepted.TTL = m.Android.CollapseKey, m.Android.Priority, m.Android.TTL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Messages = append(s.state.Messages, accepted)
	s.save()
	return accepted.Name, nil
}

// check refuses what FCM documents as INVALID_ARGUMENT. Topics and conditions
// are valid at Google's and not simulated.
func (in sendRequest) check(size int) *problem {
	m := in.Message
	switch {
	case m == nil:
		return invalid("The message is not set.")
	case m.Token == "" || m.Topic != "" || m.Condition != "":
		return invalid("Recipient of the message is not set: the simulator takes a token only.")
	case size > maxPayload:
		return invalid("Android message is too big")
	}
	for key := range m.Data {
		if key == "from" || key == "message_type" || strings.HasPrefix(key, "google.") || strings.HasPrefix(key, "gcm.") {
			return invalid("Invalid data payload key: %s", key)
		}
	}
	return nil
}

// fate is what the beginning of a registration token asks for.
func fate(token string) string {
	for prefix, code := range map[string]string{
		"dead-": "UNREGISTERED", "mismatch-": "SENDER_ID_MISMATCH", "invalid-": "INVALID_ARGUMENT",
		"quota-": "QUOTA_EXCEEDED", "unavailable-": "UNAVAILABLE", "internal-": "INTERNAL",
		"apns-": "THIRD_PARTY_AUTH_ERROR",
	} {
		if strings.HasPrefix(token, prefix) {
			return code
		}
	}
	return ""
}
