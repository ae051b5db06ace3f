package attack_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, which authenticator apps use.
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/signature"
	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
)

// staffPassword is what every colleague of these tests takes.
const staffPassword = "correct horse battery staple of the demo"

// person is the borrower of a journey, on their own phone.
func person(t *testing.T, in *target, name string, j journey) *caller {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(j.DeviceKey)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the journey's key is %T", parsed)
	}
	c := callerWithKey(t, in, name, app.DemoTenant, private)
	c.bearer, c.deviceID = j.AccessToken, j.DeviceID
	return c
}

// phone is an enrolled device without a session.
func phone(t *testing.T, in *target, name, lender string) *caller {
	t.Helper()
	c := newCaller(t, in, name, lender)
	res := &mobilev1.EnrollDeviceResponse{}
	c.mustCall(t, mobilev1connect.AuthServiceEnrollDeviceProcedure, &mobilev1.EnrollDeviceRequest{
		PublicKey: c.publicKey(t), Platform: identityv1.Platform_PLATFORM_ANDROID,
	}, res)
	c.deviceID = res.GetDevice().GetId()
	return c
}

// startLogin asks for a code and answers with the challenge.
func (c *caller) startLogin(t *testing.T, number string) string {
	t.Helper()
	res := &mobilev1.StartLoginResponse{}
	c.mustCall(t, mobilev1connect.AuthServiceStartLoginProcedure, &mobilev1.StartLoginRequest{Phone: number}, res)
	return res.GetChallenge().GetId()
}

// logIn opens a session for a demo phone, whose code is always the same.
func (c *caller) logIn(t *testing.T, number, code string) *mobilev1.ConfirmLoginResponse {
	t.Helper()
	challenge := c.startLogin(t, number)
	res := &mobilev1.ConfirmLoginResponse{}
	c.mustCall(t, mobilev1connect.AuthServiceConfirmLoginProcedure, &mobilev1.ConfirmLoginRequest{ChallengeId: challenge, Code: code}, res)
	c.bearer, c.sessionID = res.GetTokens().GetAccessToken(), res.GetSession().GetId()
	return res
}

// byMemory is the same borrower signing by the session's key.
func (c *caller) byMemory(login *mobilev1.ConfirmLoginResponse) *caller {
	out, key := *c, login.GetSessionKey()
	out.name, out.public = c.name+", by the session's key", ""
	out.signer = signerOf(signature.Key{ID: key.GetKeyId(), Algorithm: signature.HMACSHA256, Secret: key.GetSecret()})
	return &out
}

// shop is the demo lender's partner. It signs by the key that only it has.
func shop(t *testing.T, in *target, lender string) *caller {
	t.Helper()
	key, err := app.ReadDemoPartnerKey(in.dir)
	if err != nil {
		t.Fatal(err)
	}
	return &caller{name: "partner", base: in.platform.EdgeURL, lender: lender, signer: signerOf(key)}
}

// desk is a browser of staff without a session.
func desk(t *testing.T, in *target, name, lender string) *caller {
	t.Helper()
	c := newCaller(t, in, name, lender)
	res := &agentv1.EnrollDeviceResponse{}
	c.mustCall(t, agentv1connect.AuthServiceEnrollDeviceProcedure, &agentv1.EnrollDeviceRequest{PublicKey: c.publicKey(t)}, res)
	c.deviceID = res.GetDevice().GetId()
	return c
}

// superadmin is the demo lender's, with both factors given.
func superadmin(t *testing.T, in *target) *caller {
	t.Helper()
	var demo struct {
		Email      string `json:"email"`
		Password   string `json:"password"`
		TOTPSecret string `json:"totp_secret"`
	}
	if err := json.Unmarshal([]byte(in.read("staff-demo.json")), &demo); err != nil {
		t.Fatal(err)
	}
	c := desk(t, in, "superadmin", app.DemoTenant)
	c.givePassword(t, demo.Email, demo.Password)
	c.giveSecondFactor(t, demo.TOTPSecret)
	return c
}

func (c *caller) givePassword(t *testing.T, email, password string) {
	t.Helper()
	res := &agentv1.LogInResponse{}
	c.mustCall(t, agentv1connect.AuthServiceLogInProcedure, &agentv1.LogInRequest{Email: email, Password: password}, res)
	c.bearer, c.sessionID = res.GetTokens().GetAccessToken(), res.GetSession().GetId()
}

func (c *caller) giveSecondFactor(t *testing.T, secret string) {
	t.Helper()
	res := &agentv1.VerifySecondFactorResponse{}
	c.mustCall(t, agentv1connect.AuthServiceVerifySecondFactorProcedure, &agentv1.VerifySecondFactorRequest{Code: totp(t, secret, time.Now())}, res)
	c.bearer, c.sessionID = res.GetTokens().GetAccessToken(), res.GetSession().GetId()
}

// colleague is an account of staff.
type colleague struct {
	*caller
	staffID, email, secret string
}

// join takes an invitation up, logs in and, when whole, brings a second factor into force.
func join(t *testing.T, in *target, name, lender, email, staffID, invitation string, whole bool) *colleague {
	t.Helper()
	c := &colleague{caller: desk(t, in, name, lender), staffID: staffID, email: email}
	c.mustCall(t, agentv1connect.AuthServiceAcceptInvitationProcedure, &agentv1.AcceptInvitationRequest{
		InvitationToken: invitation, Password: staffPassword,
	}, &agentv1.AcceptInvitationResponse{})
	c.givePassword(t, email, staffPassword)
	if whole {
		begun := &agentv1.BeginSecondFactorResponse{}
		c.mustCall(t, agentv1connect.AuthServiceBeginSecondFactorProcedure, &agentv1.BeginSecondFactorRequest{}, begun)
		c.secret = begun.GetSecret()
		c.giveSecondFactor(t, c.secret)
	}
	return c
}

// hire is a colleague with a role, invited by somebody who may.
func (c *caller) hire(t *testing.T, in *target, role string, whole bool) *colleague {
	t.Helper()
	email, res := fmt.Sprintf("%s-%s@demo.example", strings.ReplaceAll(role, "_", "-"), uuid.NewString()[:8]), &agentv1.InviteStaffResponse{}
	c.mustCall(t, agentv1connect.StaffServiceInviteStaffProcedure, &agentv1.InviteStaffRequest{
		Email: email, DisplayName: "Demo " + role, Roles: []string{role},
	}, res)
	return join(t, in, role, c.lender, email, res.GetStaff().GetId(), res.GetInvitationToken(), whole)
}

// rivalSuperadmin is the first superadmin of the other lender, whom the operator invites.
func rivalSuperadmin(t *testing.T, in *target) *colleague {
	t.Helper()
	operator := &http.Client{Timeout: callPatience, Transport: in.operator(t).Transport(http.DefaultTransport)}
	service := identityv1connect.NewStaffServiceClient(operator, in.platform.Services["identity"])
	ctx := actor.AsService(t.Context(), rival, "operator")
	res, err := service.InviteStaff(ctx, &identityv1.InviteStaffRequest{
		RequestId: uuid.NewString(), Email: "admin@rival.example", DisplayName: "Rival Admin", Roles: []string{"superadmin"},
	})
	if err != nil {
		t.Fatalf("the operator invites: %v (%v)", err, connect.CodeOf(err))
	}
	return join(t, in, "superadmin of another lender", rival, "admin@rival.example", res.GetStaff().GetId(), res.GetInvitationToken(), true)
}

// totp is the code of an authenticator app at a moment (RFC 6238).
func totp(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30))) //nolint:gosec // The time is not before 1970.
	sum := mac.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0x0f:]) & 0x7fffffff
	return fmt.Sprintf("%06d", number%1_000_000)
}

// permissionsOf are what the lender's roles allow, by name, as the superadmin sees them.
func (c *caller) permissionsOf(t *testing.T) map[string][]typev1.Permission {
	t.Helper()
	res := &agentv1.ListRolesResponse{}
	c.mustCall(t, agentv1connect.RoleServiceListRolesProcedure, &agentv1.ListRolesRequest{}, res)
	roles := map[string][]typev1.Permission{}
	for _, role := range res.GetRoles() {
		roles[role.GetName()] = role.GetPermissions()
	}
	return roles
}

// issueKey gives a partner a key more and tells its id.
func (c *caller) issueKey(t *testing.T, partner string) string {
	t.Helper()
	res := &agentv1.CreatePartnerKeyResponse{}
	c.mustCall(t, agentv1connect.PartnerKeyServiceCreatePartnerKeyProcedure, &agentv1.CreatePartnerKeyRequest{
		PartnerId: partner, Material: &agentv1.CreatePartnerKeyRequest_GenerateSecret{GenerateSecret: true},
	}, res)
	return res.GetPartnerKey().GetId()
}
