package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
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

// Why sessions end, as the column end_reason says it.
const (
	endLoggedOut     = "LOGGED_OUT"
	endLoggedInAnew  = "LOGGED_IN_ANEW"
	endDeviceRevoked = "DEVICE_REVOKED"
	endTokenReused   = "TOKEN_REUSED"
	endSecondFactor  = "SECOND_FACTOR_GIVEN"
	endSignedOut     = "SIGNED_OUT"
	endSuspended     = "SUSPENDED"
	endCredentials   = "CREDENTIALS_CHANGED"
)

// RefreshSession exchanges a refresh token for a new pair. A repeat with the same request_id is answered with the pair that the first call
// made, at any time; another request with the old token is answered with the pair in force within the grace, and ends the session after it.
func (s *Service) RefreshSession(ctx context.Context, req *identityv1.RefreshSessionRequest) (*identityv1.RefreshSessionResponse, error) {
	if !speaksFor(ctx, req.GetDeviceId()) {
		return nil, refreshTokenInvalid()
	}
	res, err := settle(ctx, s.deps.Keeper, identityv1connect.SessionServiceRefreshSessionProcedure, req, &identityv1.RefreshSessionResponse{},
		func(tx pgx.Tx) (*identityv1.RefreshSessionResponse, error) { return s.refresh(ctx, tx, req) })
	if err != nil {
		return nil, err
	}
	return res, s.fillTokens(ctx, res.GetSession(), res.GetTokens())
}

// refresh decides what becomes of a refresh token. Up to the replacing statement everything is read only, and nothing that was read decides
// who rotates: that statement alone does.
func (s *Service) refresh(ctx context.Context, tx pgx.Tx, req *identityv1.RefreshSessionRequest) (*identityv1.RefreshSessionResponse, error) {
	who, now, hash := actor.Must(ctx), s.deps.Clock.Now(), hashToken(req.GetRefreshToken())
	pair, err := s.findPair(ctx, tx, hash)
	switch {
	case err != nil:
		return nil, err
	case id.Format(id.Device, pair.DeviceID) != req.GetDeviceId():
		return nil, refreshTokenInvalid() // A token from another device proves nothing and ends nothing.
	case pair.RevokeTime != nil:
		return nil, deviceRevoked()
	case pair.EndTime != nil || !now.Before(pair.RefreshExpireTime):
		return nil, refreshTokenInvalid()
	}
	// The one statement that decides who of many makes the next pair.
	replaced, err := s.queries.ReplaceSessionTokens(ctx, tx, identitydb.ReplaceSessionTokensParams{TenantID: who.TenantID, RefreshHash: hash, Now: now})
	if err != nil {
		return nil, fmt.Errorf("replace a refresh token: %w", err)
	}
	if replaced == 1 {
		return s.rotate(ctx, tx, pair.SessionID)
	}
	// Somebody was first, maybe since the pair was read.
	if pair, err = s.findPair(ctx, tx, hash); err != nil {
		return nil, err
	}
	if pair.EndTime != nil {
		return nil, refreshTokenInvalid()
	}
	if now.After(pair.ReplaceTime.Add(s.config.RefreshGrace)) {
		return nil, s.endStolen(ctx, tx, pair.SessionID)
	}
	return s.answerInForce(ctx, tx, pair.SessionID)
}

// rotate makes the next pair of a live session.
func (s *Service) rotate(ctx context.Context, tx pgx.Tx, session uuid.UUID) (*identityv1.RefreshSessionResponse, error) {
	who := actor.Must(ctx)
	generation, err := s.queries.RotateSession(ctx, tx, identitydb.RotateSessionParams{
		TenantID: who.TenantID, ID: session, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, refreshTokenInvalid() // It has ended since it was read.
	}
	if err != nil {
		return nil, fmt.Errorf("rotate a session: %w", err)
	}
	row, err := s.queries.GetSession(ctx, tx, identitydb.GetSessionParams{TenantID: who.TenantID, ID: session})
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	if err := s.insertTokens(ctx, tx, row, generation); err != nil {
		return nil, err
	}
	return s.answerInForce(ctx, tx, session)
}

// endStolen ends a session whose old refresh token came back: either the caller or the one who refreshed is a thief, and there is no
// telling who.
func (s *Service) endStolen(ctx context.Context, tx pgx.Tx, session uuid.UUID) error {
	who := actor.Must(ctx)
	_, err := s.queries.EndSession(ctx, tx, identitydb.EndSessionParams{
		TenantID: who.TenantID, ID: session, EndReason: endTokenReused, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return refusal{rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_REUSED,
		"an old refresh token came back; the session has been ended")}
}

// answerInForce answers with the pair in force of a session, without the tokens themselves.
func (s *Service) answerInForce(ctx context.Context, tx pgx.Tx, sessionID uuid.UUID) (*identityv1.RefreshSessionResponse, error) {
	tenantID := actor.Must(ctx).TenantID
	session, err := s.queries.GetSession(ctx, tx, identitydb.GetSessionParams{TenantID: tenantID, ID: sessionID})
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	pair, err := s.queries.GetSessionTokens(ctx, tx, identitydb.GetSessionTokensParams{
		TenantID: tenantID, SessionID: sessionID, Generation: session.Generation,
	})
	if err != nil {
		return nil, fmt.Errorf("read session tokens: %w", err)
	}
	permissions, err := s.sessionPermissions(ctx, tx, session)
	if err != nil {
		return nil, err
	}
	return &identityv1.RefreshSessionResponse{
		Session: sessionToProto(session, pair.AccessExpireTime, permissions),
		Tokens: &identityv1.SessionTokens{
			AccessExpireTime: timestamppb.New(pair.AccessExpireTime), RefreshExpireTime: timestamppb.New(pair.RefreshExpireTime),
		},
	}, nil
}

// openSession makes a session with its first pair. Of the row, its owner (a person or staff), the device and the second factor are the
// caller's. The tokens themselves are filled in by fillTokens when the transaction is done.
func (s *Service) openSession(ctx context.Context, tx pgx.Tx, row identitydb.Session) (*identityv1.Session, *identityv1.SessionTokens, error) {
	who := actor.Must(ctx)
	row.ID, row.CreateTime = id.New(), s.deps.Clock.Now()
	err := s.queries.InsertSession(ctx, tx, identitydb.InsertSessionParams{
		TenantID: who.TenantID, ID: row.ID, PersonID: row.PersonID, StaffID: row.StaffID, SecondFactorTime: row.SecondFactorTime,
		DeviceID: row.DeviceID, Actor: who.String(), Now: row.CreateTime,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("open a session: %w", err)
	}
	if err := s.insertTokens(ctx, tx, row, 0); err != nil {
		return nil, nil, err
	}
	res, err := s.answerInForce(ctx, tx, row.ID)
	return res.GetSession(), res.GetTokens(), err
}

// insertTokens records the hashes of a generation's pair.
func (s *Service) insertTokens(ctx context.Context, tx pgx.Tx, session identitydb.Session, generation int64) error {
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	accessEnd, refreshEnd := s.config.tokenEnds(session, now)
	err := s.queries.InsertSessionTokens(ctx, tx, identitydb.InsertSessionTokensParams{
		TenantID: who.TenantID, SessionID: session.ID, Generation: generation,
		AccessHash:  hashToken(s.secrets.token(who.TenantID, session.ID, generation, accessToken)),
		RefreshHash: hashToken(s.secrets.token(who.TenantID, session.ID, generation, refreshToken)),
		Actor:       who.String(), Now: now, AccessExpireTime: accessEnd, RefreshExpireTime: refreshEnd,
	})
	if err != nil {
		return fmt.Errorf("keep session tokens: %w", err)
	}
	return nil
}

// tokenEnds are when a pair of tokens ends that is given out now. A customer's session that is used lives on, and one that is not ends with
// its refresh token. One of staff ends sooner when it is not used, and for good after a working day; one that waits for the second factor
// waits for minutes.
func (c Config) tokenEnds(session identitydb.Session, now time.Time) (access, refresh time.Time) {
	access, refresh = now.Add(c.AccessLifetime), now.Add(c.RefreshLifetime)
	if session.StaffID == nil {
		return access, refresh
	}
	end := session.CreateTime.Add(c.StaffSessionLifetime)
	if session.SecondFactorTime == nil {
		end = session.CreateTime.Add(secondFactorPatience)
	}
	return earlier(access, end), earlier(now.Add(c.StaffIdleLifetime), end)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// fillTokens puts the tokens of the session's generation into an answer, new or kept.
func (s *Service) fillTokens(ctx context.Context, session *identityv1.Session, tokens *identityv1.SessionTokens) error {
	sessionID, err := id.Parse(id.Session, session.GetId())
	if err != nil {
		return fmt.Errorf("derive tokens: %w", err)
	}
	tenantID := actor.Must(ctx).TenantID
	tokens.AccessToken = s.secrets.token(tenantID, sessionID, session.GetGeneration(), accessToken)
	tokens.RefreshToken = s.secrets.token(tenantID, sessionID, session.GetGeneration(), refreshToken)
	return nil
}

// AuthenticateSession answers whose session an access token is. Roles are read each time, so a permission taken away is gone as soon as the
// edge asks again. A token of another lender is not found: its hash is looked for among the rows of this one only.
func (s *Service) AuthenticateSession(ctx context.Context, req *identityv1.AuthenticateSessionRequest) (*identityv1.AuthenticateSessionResponse, error) {
	tenantID, now := actor.Must(ctx).TenantID, s.deps.Clock.Now()
	res := &identityv1.AuthenticateSessionResponse{TenantId: tenantID}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		found, err := s.queries.FindByAccessHash(ctx, tx, identitydb.FindByAccessHashParams{
			TenantID: tenantID, AccessHash: hashToken(req.GetAccessToken()), Now: now, GraceStart: now.Add(-s.config.RefreshGrace),
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "the access token is not valid")
		}
		if err != nil {
			return fmt.Errorf("find an access token: %w", err)
		}
		session := identitydb.Session{
			ID: found.ID, PersonID: found.PersonID, StaffID: found.StaffID, SecondFactorTime: found.SecondFactorTime, DeviceID: found.DeviceID,
			Generation: found.Generation, CreateTime: found.CreateTime,
		}
		permissions, err := s.sessionPermissions(ctx, tx, session)
		if err != nil {
			return err
		}
		res.Session = sessionToProto(session, s.accessEnd(found.AccessExpireTime, found.ReplaceTime), permissions)
		res.Locale = found.Locale
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// accessEnd is when an access token ends: at its time, or with the grace when its pair was exchanged.
func (s *Service) accessEnd(expire time.Time, replaced *time.Time) time.Time {
	if replaced == nil {
		return expire
	}
	return earlier(replaced.Add(s.config.RefreshGrace), expire)
}

// EndSession logs the caller out on this device. What is not the caller's stays as it is, and the answer does not tell.
func (s *Service) EndSession(ctx context.Context, req *identityv1.EndSessionRequest) (*identityv1.EndSessionResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.SessionServiceEndSessionProcedure, req, &identityv1.EndSessionResponse{},
		func(tx pgx.Tx) (*identityv1.EndSessionResponse, error) {
			res, who := &identityv1.EndSessionResponse{}, actor.Must(ctx)
			sessionID, err := id.Parse(id.Session, req.GetSessionId())
			if err != nil {
				return res, nil
			}
			session, err := s.queries.GetSession(ctx, tx, identitydb.GetSessionParams{TenantID: who.TenantID, ID: sessionID})
			if errors.Is(err, pgx.ErrNoRows) || (err == nil && !owns(who, session)) {
				return res, nil
			}
			if err != nil {
				return nil, fmt.Errorf("read a session: %w", err)
			}
			_, err = s.queries.EndSession(ctx, tx, identitydb.EndSessionParams{
				TenantID: who.TenantID, ID: sessionID, EndReason: endLoggedOut, Actor: who.String(), Now: s.deps.Clock.Now(),
			})
			if err != nil {
				return nil, fmt.Errorf("end a session: %w", err)
			}
			return res, nil
		})
}

// findPair reads a pair by its refresh token, in force or not; a token that was never ours is answered like one that has ended.
func (s *Service) findPair(ctx context.Context, tx pgx.Tx, hash []byte) (identitydb.FindByRefreshHashRow, error) {
	pair, err := s.queries.FindByRefreshHash(ctx, tx, identitydb.FindByRefreshHashParams{TenantID: actor.Must(ctx).TenantID, RefreshHash: hash})
	if errors.Is(err, pgx.ErrNoRows) {
		return pair, refreshTokenInvalid()
	}
	if err != nil {
		return pair, fmt.Errorf("find a refresh token: %w", err)
	}
	return pair, nil
}

// owns tells whether a session is the actor's to end.
func owns(who actor.Actor, session identitydb.Session) bool {
	if session.PersonID != nil {
		return who.MaySee(*session.PersonID)
	}
	staff, ok := who.Staff()
	return ok && staff == *session.StaffID
}

// sessionPermissions is what a session may do: the union of what the roles of its owner allow, as they are now. Roles of customers and of
// staff lie in one table, so a permission of the one kind in a role of the other allows nothing.
func (s *Service) sessionPermissions(ctx context.Context, tx pgx.Tx, session identitydb.Session) ([]typev1.Permission, error) {
	switch {
	case session.PersonID != nil:
		names, err := s.queries.ListPermissions(ctx, tx, identitydb.ListPermissionsParams{TenantID: actor.Must(ctx).TenantID, PersonID: *session.PersonID})
		if err != nil {
			return nil, fmt.Errorf("read permissions: %w", err)
		}
		return permitted(parsePermissions(names), actor.PersonMayHold), nil
	case session.SecondFactorTime == nil:
		return []typev1.Permission{typev1.Permission_PERMISSION_STAFF_LOGIN}, nil
	default:
		grants, err := s.grantsOf(ctx, tx, *session.StaffID)
		return grants.permissions, err
	}
}

func refreshTokenInvalid() error {
	return rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_INVALID, "the refresh token is not valid; log in again")
}
