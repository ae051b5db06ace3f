package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// livePartnerKeys is how many keys of a partner may be live at once: the one in use and the one it changes to.
const livePartnerKeys = 2

var _ identityv1connect.PartnerKeyServiceHandler = (*Service)(nil)

// CreatePartnerKey issues a key. The partner is held meanwhile, so that two issued at once do not make three.
func (s *Service) CreatePartnerKey(ctx context.Context, req *identityv1.CreatePartnerKeyRequest) (*identityv1.CreatePartnerKeyResponse, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := lender.Partner(req.GetPartnerId()); !ok {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PARTNER_UNKNOWN, "there is no such partner of this lender")
	}
	algorithm, publicKey, err := partnerMaterial(req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.PartnerKeyServiceCreatePartnerKeyProcedure, req, &identityv1.CreatePartnerKeyResponse{},
		func(tx pgx.Tx) (*identityv1.CreatePartnerKeyResponse, error) {
			who, now := actor.Must(ctx), s.deps.Clock.Now()
			row := identitydb.InsertPartnerKeyParams{
				TenantID: who.TenantID, ID: id.New(), PartnerID: req.GetPartnerId(), Algorithm: algorithmName(algorithm), PublicKey: publicKey,
				Actor: who.String(), Now: now, NotBefore: now,
			}
			if err := setPartnerKeyLife(&row, req); err != nil {
				return nil, err
			}
			if err := s.holdPartner(ctx, tx, req.GetPartnerId()); err != nil {
				return nil, err
			}
			res := &identityv1.CreatePartnerKeyResponse{}
			if algorithm == identityv1.PartnerKey_ALGORITHM_HMAC_SHA256 {
				box, err := s.deps.Sealer.Make(ctx, tx, uuid.Nil)
				if err != nil {
					return nil, err
				}
				res.Secret = make([]byte, secretSize)
				_, _ = rand.Read(res.Secret) // Never fails: crypto/rand ends the process instead.
				row.SecretSealed = box.Seal(partnerSecretPlace(row.ID), res.Secret)
			}
			made, err := s.queries.InsertPartnerKey(ctx, tx, row)
			if err != nil {
				return nil, fmt.Errorf("issue a partner key: %w", err)
			}
			res.PartnerKey = partnerKeyToProto(made)
			return res, nil
		})
}

// holdPartner makes keys of a partner happen one after the other and refuses a third live one.
func (s *Service) holdPartner(ctx context.Context, tx pgx.Tx, partner string) error {
	tenantID := actor.Must(ctx).TenantID
	if err := s.queries.LockPartner(ctx, tx, identitydb.LockPartnerParams{TenantID: tenantID, PartnerID: partner}); err != nil {
		return fmt.Errorf("hold a partner: %w", err)
	}
	live, err := s.queries.CountLivePartnerKeys(ctx, tx, identitydb.CountLivePartnerKeysParams{
		TenantID: tenantID, PartnerID: partner, Now: s.deps.Clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("count partner keys: %w", err)
	}
	if live >= livePartnerKeys {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_LIMIT_REACHED, "the partner has two live keys; revoke one first")
	}
	return nil
}

// ListPartnerKeys answers with the keys of a partner, without secrets.
func (s *Service) ListPartnerKeys(ctx context.Context, req *identityv1.ListPartnerKeysRequest) (*identityv1.ListPartnerKeysResponse, error) {
	res := &identityv1.ListPartnerKeysResponse{}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListPartnerKeys(ctx, tx, identitydb.ListPartnerKeysParams{
			TenantID: actor.Must(ctx).TenantID, PartnerID: req.GetPartnerId(), PageSize: listSize,
		})
		for _, row := range rows {
			res.PartnerKeys = append(res.PartnerKeys, partnerKeyToProto(row))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// RevokePartnerKey ends a key. The edges that keep it ask again within five seconds.
func (s *Service) RevokePartnerKey(ctx context.Context, req *identityv1.RevokePartnerKeyRequest) (*identityv1.RevokePartnerKeyResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.PartnerKeyServiceRevokePartnerKeyProcedure, req, &identityv1.RevokePartnerKeyResponse{},
		func(tx pgx.Tx) (*identityv1.RevokePartnerKeyResponse, error) {
			who, now := actor.Must(ctx), s.deps.Clock.Now()
			row, err := s.partnerKey(ctx, tx, req.GetPartnerKeyId())
			if err != nil {
				return nil, err
			}
			rows, err := s.queries.RevokePartnerKey(ctx, tx, identitydb.RevokePartnerKeyParams{TenantID: who.TenantID, ID: row.ID, Actor: who.String(), Now: now})
			if err != nil {
				return nil, fmt.Errorf("revoke a partner key: %w", err)
			}
			if rows == 0 { // Ended before, or by somebody else just now.
				if row, err = s.partnerKey(ctx, tx, req.GetPartnerKeyId()); err != nil {
					return nil, err
				}
			} else {
				row.RevokeTime = &now
			}
			return &identityv1.RevokePartnerKeyResponse{PartnerKey: partnerKeyToProto(row)}, nil
		})
}

// GetPartnerKey answers with the key that a signature names, and its secret when it is one. A revoked one is answered, too, and says so.
func (s *Service) GetPartnerKey(ctx context.Context, req *identityv1.GetPartnerKeyRequest) (*identityv1.GetPartnerKeyResponse, error) {
	res := &identityv1.GetPartnerKeyResponse{}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.partnerKey(ctx, tx, req.GetPartnerKeyId())
		if err != nil {
			return err
		}
		res.PartnerKey = partnerKeyToProto(row)
		if row.SecretSealed == nil {
			return nil
		}
		box, err := s.deps.Sealer.Open(ctx, tx, uuid.Nil)
		if err != nil {
			return err
		}
		res.Secret, err = box.Unseal(partnerSecretPlace(row.ID), row.SecretSealed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// partnerKey reads a key by its wire id.
func (s *Service) partnerKey(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.PartnerKey, error) {
	unknown := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN, "there is no such partner key")
	keyID, err := id.Parse(id.PartnerKey, wireID)
	if err != nil {
		return identitydb.PartnerKey{}, unknown
	}
	row, err := s.queries.GetPartnerKey(ctx, tx, identitydb.GetPartnerKeyParams{TenantID: actor.Must(ctx).TenantID, ID: keyID})
	if errors.Is(err, pgx.ErrNoRows) {
		return identitydb.PartnerKey{}, unknown
	}
	return row, err
}

// partnerMaterial reads what a new key verifies by. A secret is made later, within the transaction.
func partnerMaterial(req *identityv1.CreatePartnerKeyRequest) (identityv1.PartnerKey_Algorithm, []byte, error) {
	switch material := req.GetMaterial().(type) {
	case *identityv1.CreatePartnerKeyRequest_Ed25519PublicKey:
		return identityv1.PartnerKey_ALGORITHM_ED25519, material.Ed25519PublicKey, nil
	case *identityv1.CreatePartnerKeyRequest_P256PublicKey:
		coordinates, err := parsePublicKey(material.P256PublicKey)
		if err != nil {
			return 0, nil, partnerKeyInvalid("p256_public_key", "is no point of P-256")
		}
		return identityv1.PartnerKey_ALGORITHM_ECDSA_P256, coordinates, nil
	default:
		return identityv1.PartnerKey_ALGORITHM_HMAC_SHA256, []byte{}, nil
	}
}

// setPartnerKeyLife takes over the bounds of a new key, which must leave it some time to live.
func setPartnerKeyLife(row *identitydb.InsertPartnerKeyParams, req *identityv1.CreatePartnerKeyRequest) error {
	if req.GetNotBefore() != nil {
		row.NotBefore = req.GetNotBefore().AsTime()
	}
	if req.GetNotAfter() == nil {
		return nil
	}
	end := req.GetNotAfter().AsTime()
	if !end.After(row.NotBefore) || !end.After(row.Now) {
		return partnerKeyInvalid("not_after", "ends before it begins, or has ended")
	}
	row.NotAfter = &end
	return nil
}

func partnerKeyInvalid(field, why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_INVALID, "the partner key cannot be issued", rpcerr.Field(field, why))
}

// partnerSecretPlace binds a sealed secret to its row.
func partnerSecretPlace(key uuid.UUID) string { return "partner_keys.secret/" + key.String() }

const algorithmPrefix = "ALGORITHM_"

func algorithmName(a identityv1.PartnerKey_Algorithm) string {
	return strings.TrimPrefix(a.String(), algorithmPrefix)
}

// partnerKeyToProto shows a key, without its secret.
func partnerKeyToProto(row identitydb.PartnerKey) *identityv1.PartnerKey {
	return &identityv1.PartnerKey{
		Id:         id.Format(id.PartnerKey, row.ID),
		PartnerId:  row.PartnerID,
		Algorithm:  identityv1.PartnerKey_Algorithm(identityv1.PartnerKey_Algorithm_value[algorithmPrefix+row.Algorithm]),
		PublicKey:  row.PublicKey,
		NotBefore:  timestamppb.New(row.NotBefore),
		NotAfter:   timestampPtr(row.NotAfter),
		CreateTime: timestamppb.New(row.CreateTime),
		RevokeTime: timestampPtr(row.RevokeTime),
	}
}
