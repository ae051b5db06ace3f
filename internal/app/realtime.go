package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bff/realtime"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// statusPrefix begins the name of a person's status stream.
const statusPrefix = "status:"

// realtimeAuthenticator reads the tokens that mobile.Auth issued.
type realtimeAuthenticator struct {
	signer *actor.Signer
	clock  clock.Clock
}

// Authenticate turns a token into who is connected.
func (a realtimeAuthenticator) Authenticate(_ context.Context, token string) (realtime.Principal, error) {
	now := a.clock.Now()
	who, end, err := a.signer.VerifyUntil(token, now)
	if err != nil {
		// An old token that we signed has ended; anything else never was one.
		if _, _, oldErr := a.signer.VerifyUntil(token, now.Add(-24*time.Hour)); oldErr == nil {
			return realtime.Principal{}, realtime.ErrTokenExpired
		}
		return realtime.Principal{}, realtime.ErrTokenInvalid
	}
	return realtime.Principal{Tenant: who.TenantID, PersonID: who.PersonID, DeviceID: who.DeviceID, ExpireTime: end}, nil
}

// statusLog reads the status streams at push, where the truth is.
type statusLog struct {
	streams pushv1connect.StreamServiceClient
}

// Position is the top of a person's own stream.
func (l statusLog) Position(ctx context.Context, p realtime.Principal, stream string) (realtime.Position, error) {
	ctx, err := ownStream(ctx, p, stream)
	if err != nil {
		return realtime.Position{}, err
	}
	res, err := l.streams.GetStreamPosition(ctx, &pushv1.GetStreamPositionRequest{})
	if err != nil {
		return realtime.Position{}, err
	}
	return realtime.Position{Offset: res.GetPosition().GetOffset(), Epoch: res.GetPosition().GetEpoch()}, nil
}

// After reads what follows an offset.
func (l statusLog) After(ctx context.Context, p realtime.Principal, stream string, offset uint64, limit int) ([]realtime.Publication, realtime.Position, error) {
	own, err := ownStream(ctx, p, stream)
	if err != nil {
		return nil, realtime.Position{}, err
	}
	res, err := l.streams.ListPublications(own, &pushv1.ListPublicationsRequest{AfterOffset: offset, Limit: int32(min(limit, 1000))})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_STREAM_POSITION_INVALID {
		top, err := l.Position(ctx, p, stream) // A position beyond the top: of another life of the stream.
		return nil, top, err
	}
	if err != nil {
		return nil, realtime.Position{}, err
	}
	publications := make([]realtime.Publication, 0, len(res.GetPublications()))
	for _, publication := range res.GetPublications() {
		event := &realtimev1.StatusEvent{}
		if err := proto.Unmarshal(publication.GetPayload(), event); err != nil {
			return nil, realtime.Position{}, fmt.Errorf("read status event: %w", err)
		}
		text, err := protojson.Marshal(event)
		if err != nil {
			return nil, realtime.Position{}, fmt.Errorf("write status event: %w", err)
		}
		publications = append(publications, realtime.Publication{
			Offset: publication.GetOffset(), Data: publication.GetPayload(), JSON: text, Time: publication.GetPublishTime().AsTime(),
		})
	}
	return publications, realtime.Position{Offset: res.GetPosition().GetOffset(), Epoch: res.GetPosition().GetEpoch()}, nil
}

// ownStream makes ctx that of the edge acting for the person, when the stream is theirs.
func ownStream(ctx context.Context, p realtime.Principal, stream string) (context.Context, error) {
	person, ok := strings.CutPrefix(stream, statusPrefix)
	switch {
	case !ok:
		return nil, realtime.ErrUnknownStream
	case person != p.PersonID || person == "":
		return nil, realtime.ErrDenied
	default:
		return actor.ForPerson(ctx, p.Tenant, "edge", p.PersonID), nil
	}
}
