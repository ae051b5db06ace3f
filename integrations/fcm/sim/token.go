package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Rules of Google's token endpoint (RFC 7523 and developers.google.com/identity/
// protocols/oauth2/service-account).
const (
	grantType  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	tokenLife  = 3599 * time.Second
	maxLife    = time.Hour
	clockSkew  = 5 * time.Minute
	fcmScope   = "https://www.googleapis.com/auth/firebase.messaging"
	cloudScope = "https://www.googleapis.com/auth/cloud-platform"
)

// grant is a token that the simulator gave out.
type grant struct {
	Project string    `json:"project"`
	Until   time.Time `json:"until"`
}

// claims of an assertion.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Scope    string `json:"scope"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// token exchanges a signed assertion for a bearer token.
func (s *Simulator) token(w http.ResponseWriter, r *http.Request) {
	s.desk.Serve(w, r, "token", func(w http.ResponseWriter, f simkit.Fault) {
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		simkit.WriteJSON(w, status, map[string]string{"error": "internal_failure"})
	}, func(w http.ResponseWriter, r *http.Request) {
		refuse := func(word, why string) {
			s.desk.Record(simkit.Call{Operation: "token", Code: word, Detail: map[string]string{"why": why}})
			simkit.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": word, "error_description": why})
		}
		if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != grantType {
			refuse("unsupported_grant_type", "Invalid grant_type: "+url.QueryEscape(r.PostForm.Get("grant_type")))
			return
		}
		account, why := s.verify(r.PostForm.Get("assertion"))
		if why != "" {
			refuse("invalid_grant", why)
			return
		}
		bearer := "demo." + rand.Text()
		s.mu.Lock()
		s.state.Grants[bearer] = grant{Project: account.ProjectID, Until: s.clock.Now().Add(tokenLife)}
		s.save()
		s.mu.Unlock()
		s.desk.Record(simkit.Call{Operation: "token", Accepted: true, Reference: account.Email})
		simkit.WriteJSON(w, http.StatusOK, map[string]any{
			"access_token": bearer, "expires_in": int(tokenLife / time.Second), "token_type": "Bearer",
		})
	})
}

// verify checks an assertion; why is empty when it is good.
func (s *Simulator) verify(assertion string) (account Account, why string) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return Account{}, "Bad Request: assertion is not a JWT"
	}
	var header struct{ Alg string }
	var c claims
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &c) || header.Alg != "RS256" {
		return Account{}, "Invalid JWT: Failed audience check or malformed token."
	}
	i := slices.IndexFunc(s.options.Accounts, func(a Account) bool { return a.Email == c.Issuer })
	if i < 0 {
		return Account{}, "Invalid grant: account not found"
	}
	account = s.options.Accounts[i]
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(account.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return Account{}, "Invalid JWT Signature."
	}
	now := s.clock.Now()
	issued, expires := time.Unix(c.Issued, 0), time.Unix(c.Expires, 0)
	scopes := strings.Fields(c.Scope)
	switch {
	case c.Audience != account.TokenURI:
		return Account{}, "Invalid JWT: Failed audience check."
	case issued.After(now.Add(clockSkew)), expires.Before(now), expires.Sub(issued) > maxLife+clockSkew:
		return Account{}, "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
	case !slices.Contains(scopes, fcmScope) && !slices.Contains(scopes, cloudScope):
		return Account{}, "Invalid OAuth scope or ID token audience provided."
	}
	return account, ""
}

// decodePart reads one of the first two parts of a JWT.
func decodePart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

// bearer finds a live token; s.mu is taken.
func (s *Simulator) bearer(r *http.Request) (grant, bool) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.state.Grants[token]
	return g, found && known && s.clock.Now().Before(g.Until)
}
