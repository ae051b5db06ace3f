package app

import (
	"context"

	"github.com/lendgate/lendgate/bff/agent"
	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
)

// mountConsole mounts what the console of staff uses.
func (p *process) mountConsole(e *edge.Edge) {
	c, records := p.clients, agent.Records{Audit: p.clients.audit}
	e.Mount(agentv1connect.AuthServiceRoutes(&agent.Auth{
		Devices: c.devices, Sessions: c.sessions, StaffSessions: c.staffSessions, Records: records, AppVersion: edge.AppVersion,
	}))
	e.Mount(agentv1connect.StaffServiceRoutes(&agent.Staff{Staff: c.staff, Sessions: c.staffSessions, Records: records}))
	e.Mount(agentv1connect.RoleServiceRoutes(&agent.Roles{Roles: c.roles, Records: records}))
	e.Mount(agentv1connect.AuditServiceRoutes(&agent.Audit{Records: records}))
	e.Mount(agentv1connect.PartnerKeyServiceRoutes(&agent.PartnerKeys{PartnerKeys: c.partnerKeys, Records: records, Forget: e.Forget}))
	e.Mount(agentv1connect.PortfolioServiceRoutes(&agent.Portfolio{
		Persons: c.persons, Applications: c.applications, Loans: c.loans, Decisions: c.decisions, Records: records,
	}))
}

// noteDenied writes down that staff were refused for want of a permission, before any handler of theirs was reached.
func (p *process) noteDenied(ctx context.Context, procedure string, refusal error) error {
	return agent.Records{Audit: p.clients.audit}.Note(ctx, procedure, nil, refusal)
}

// consoleServices are the services that staff see.
func consoleServices() []string {
	return []string{
		agentv1connect.AuthServiceName, agentv1connect.StaffServiceName, agentv1connect.RoleServiceName, agentv1connect.AuditServiceName,
		agentv1connect.PortfolioServiceName, agentv1connect.PartnerKeyServiceName,
	}
}
