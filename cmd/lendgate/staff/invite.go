package staff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Invitee is who should be let in.
type Invitee struct {
	// Tenant is the lender; "" is the first one of the configuration.
	Tenant string
	// Email is the address to log in by, Name what colleagues see.
	Email, Name string
	// Roles are the names of the first roles, such as "superadmin".
	Roles []string
}

// Invite makes an account and prints the token by which its owner sets a password. An address that has an account is refused.
func Invite(ctx context.Context, config app.Config, who Invitee, out io.Writer) error {
	ctx, d, err := dial(ctx, config, who.Tenant)
	if err != nil {
		return err
	}
	res, err := d.operator.Staff.InviteStaff(ctx, &identityv1.InviteStaffRequest{
		RequestId: id.New().String(), Email: who.Email, DisplayName: who.Name, Roles: who.Roles,
	})
	return d.handOver(ctx, out, call{identityv1connect.StaffServiceInviteStaffProcedure, res.GetStaff(), res.GetInvitationToken(), res.GetExpireTime(), err})
}

// Reinvite prints a new token for an account ("stf_…") whose token or password was lost. What opened it before, and its sessions, end; the
// second factor stays.
func Reinvite(ctx context.Context, config app.Config, tenantID, staffID string, out io.Writer) error {
	ctx, d, err := dial(ctx, config, tenantID)
	if err != nil {
		return err
	}
	res, err := d.operator.Staff.ReinviteStaff(ctx, &identityv1.ReinviteStaffRequest{RequestId: id.New().String(), StaffId: staffID})
	return d.handOver(ctx, out, call{identityv1connect.StaffServiceReinviteStaffProcedure, res.GetStaff(), res.GetInvitationToken(), res.GetExpireTime(), err})
}

// desk is the operator of a lender at work.
type desk struct {
	operator *app.Operator
	tenantID string
}

// dial makes ctx the operator's, too.
func dial(ctx context.Context, config app.Config, tenantID string) (context.Context, *desk, error) {
	lender, err := app.FindLender(config, tenantID)
	if err != nil {
		return ctx, nil, err
	}
	operator, err := app.DialOperator(config.DataDir, lender.ID)
	if err != nil {
		return ctx, nil, err
	}
	return operator.Context(ctx), &desk{operator: operator, tenantID: lender.ID}, nil
}

// call is how a call to identity ended.
type call struct {
	procedure string
	staff     *identityv1.Staff
	token     string
	end       *timestamppb.Timestamp
	err       error
}

// handOver records a call and prints its token. Without a record no token is shown: a new one has to be made, and recorded.
func (d *desk) handOver(ctx context.Context, out io.Writer, c call) error {
	c.err = rpcerr.PassPeer(c.err)
	recorded := d.record(ctx, c)
	switch {
	case c.err != nil:
		return explain(c.err)
	case recorded != nil:
		return fmt.Errorf("the account is %s, but that could not be recorded; once it can, run: lendgate staff reinvite --tenant=%s %s (%w)",
			c.staff.GetId(), d.tenantID, c.staff.GetId(), recorded)
	}
	_, err := fmt.Fprintf(out, `%s <%s> is invited to %s. Roles: %s

  Account     %s
  Token       %s
  Good until  %s, once

The token is shown here and nowhere again: hand it to its owner, by a way that nobody else reads. By it they set a password (AcceptInvitation of
lendgate.agent.v1.AuthService, POST /v1/agent/invitations/accept), log in, and bind an authenticator app, without which they can do nothing.
If it is lost or too late: lendgate staff reinvite --tenant=%s %s
`, c.staff.GetDisplayName(), c.staff.GetEmail(), d.tenantID, strings.Join(c.staff.GetRoles(), ", "), c.staff.GetId(), c.token,
		c.end.AsTime().Format("2006-01-02 15:04 MST"), d.tenantID, c.staff.GetId())
	return err
}

// explain adds to a refusal what was wrong with which flag. A refusal of the contract says so in its details alone.
func explain(err error) error {
	var coded *connect.Error
	if !errors.As(err, &coded) {
		return err
	}
	for _, detail := range coded.Details() {
		value, _ := detail.Value() // What cannot be read is not told of.
		request, ok := value.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, violation := range request.GetFieldViolations() {
			err = fmt.Errorf("%w; %s: %s", err, violation.GetField(), violation.GetDescription())
		}
	}
	return err
}

// record adds what was done to the lender's audit: by whom, about which account and roles, and how it ended. No address, no name, no token.
func (d *desk) record(ctx context.Context, c call) error {
	outcome, reason := "ok", ""
	if c.err != nil {
		outcome, reason = connect.CodeOf(c.err).String(), rpcerr.Name(rpcerr.ReasonOf(c.err))
	}
	var subjects []string
	if c.staff != nil {
		subjects = append([]string{c.staff.GetId()}, c.staff.GetRoles()...)
	}
	_, err := d.operator.Audit.RecordCall(ctx, &identityv1.RecordCallRequest{
		RequestId: id.New().String(), Actor: actor.Must(ctx).String(), Procedure: c.procedure, Subjects: subjects, Outcome: outcome, Reason: reason,
	})
	return err
}
