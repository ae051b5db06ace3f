package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
)

// PartnerKeys manages the keys that partners' servers sign by.
type PartnerKeys struct {
	PartnerKeys identityv1connect.PartnerKeyServiceClient
	Records     Records
	// Forget drops a key of a lender from what the edge of this process keeps. Other processes stop by it within 5 s.
	Forget func(tenantID, keyID string)
}

// CreatePartnerKey issues a key. The record names partner and key, never the secret.
func (s *PartnerKeys) CreatePartnerKey(ctx context.Context, req *agentv1.CreatePartnerKeyRequest) (*agentv1.CreatePartnerKeyResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PartnerKeyServiceCreatePartnerKeyProcedure, req, func() (*agentv1.CreatePartnerKeyResponse, error) {
		ask := &identityv1.CreatePartnerKeyRequest{
			RequestId: req.GetRequestId(), PartnerId: req.GetPartnerId(), NotBefore: req.GetNotBefore(), NotAfter: req.GetNotAfter(),
		}
		switch material := req.GetMaterial().(type) {
		case *agentv1.CreatePartnerKeyRequest_Ed25519PublicKey:
			ask.Material = &identityv1.CreatePartnerKeyRequest_Ed25519PublicKey{Ed25519PublicKey: material.Ed25519PublicKey}
		case *agentv1.CreatePartnerKeyRequest_P256PublicKey:
			ask.Material = &identityv1.CreatePartnerKeyRequest_P256PublicKey{P256PublicKey: material.P256PublicKey}
		case *agentv1.CreatePartnerKeyRequest_GenerateSecret:
			ask.Material = &identityv1.CreatePartnerKeyRequest_GenerateSecret{GenerateSecret: material.GenerateSecret}
		}
		res, err := s.PartnerKeys.CreatePartnerKey(ctx, ask)
		return &agentv1.CreatePartnerKeyResponse{PartnerKey: res.GetPartnerKey(), Secret: res.GetSecret()}, err
	})
}

// ListPartnerKeys answers with the keys of a partner.
func (s *PartnerKeys) ListPartnerKeys(ctx context.Context, req *agentv1.ListPartnerKeysRequest) (*agentv1.ListPartnerKeysResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PartnerKeyServiceListPartnerKeysProcedure, req, func() (*agentv1.ListPartnerKeysResponse, error) {
		res, err := s.PartnerKeys.ListPartnerKeys(ctx, &identityv1.ListPartnerKeysRequest{PartnerId: req.GetPartnerId()})
		return &agentv1.ListPartnerKeysResponse{PartnerKeys: res.GetPartnerKeys()}, err
	})
}

// RevokePartnerKey ends a key. It is forgotten before the record is written, so that it is out of use here even when the record fails.
func (s *PartnerKeys) RevokePartnerKey(ctx context.Context, req *agentv1.RevokePartnerKeyRequest) (*agentv1.RevokePartnerKeyResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PartnerKeyServiceRevokePartnerKeyProcedure, req, func() (*agentv1.RevokePartnerKeyResponse, error) {
		res, err := s.PartnerKeys.RevokePartnerKey(ctx, &identityv1.RevokePartnerKeyRequest{
			RequestId: req.GetRequestId(), PartnerKeyId: req.GetPartnerKeyId(),
		})
		if err != nil {
			return nil, err
		}
		s.Forget(actor.Must(ctx).TenantID, req.GetPartnerKeyId())
		return &agentv1.RevokePartnerKeyResponse{PartnerKey: res.GetPartnerKey()}, nil
	})
}
