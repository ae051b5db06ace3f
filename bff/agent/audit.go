package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
)

// Audit shows the record of what staff did. Looking at it leaves a record, too.
type Audit struct {
	Records Records
}

// ListAuditRecords answers with a page of records.
func (s *Audit) ListAuditRecords(ctx context.Context, req *agentv1.ListAuditRecordsRequest) (*agentv1.ListAuditRecordsResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuditServiceListAuditRecordsProcedure, req, func() (*agentv1.ListAuditRecordsResponse, error) {
		res, err := s.Records.Audit.ListAuditRecords(ctx, &identityv1.ListAuditRecordsRequest{
			Page: req.GetPage(), Actor: req.GetActor(), Subject: req.GetSubject(), Procedure: req.GetProcedure(), FromTime: req.GetFromTime(),
			ToTime: req.GetToTime(),
		})
		return &agentv1.ListAuditRecordsResponse{Records: res.GetRecords(), Page: res.GetPage()}, err
	})
}

// VerifyAuditRecords computes the chain again.
func (s *Audit) VerifyAuditRecords(ctx context.Context, req *agentv1.VerifyAuditRecordsRequest) (*agentv1.VerifyAuditRecordsResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuditServiceVerifyAuditRecordsProcedure, req, func() (*agentv1.VerifyAuditRecordsResponse, error) {
		res, err := s.Records.Audit.VerifyAuditRecords(ctx, &identityv1.VerifyAuditRecordsRequest{FromSequence: req.GetFromSequence()})
		return &agentv1.VerifyAuditRecordsResponse{
			Verified: res.GetVerified(), BrokenSequence: res.GetBrokenSequence(), NextSequence: res.GetNextSequence(), HeadSequence: res.GetHeadSequence(),
			HeadHash: res.GetHeadHash(),
		}, err
	})
}
