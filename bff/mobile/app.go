package mobile

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

// RealtimePath is where the websocket is served.
const RealtimePath = "/connection/websocket"

// App tells what an app must know before anybody logs in.
type App struct {
	Tenants *tenant.Directory
	Clock   clock.Clock
}

// GetAppConfig answers with the lender's configuration.
func (s *App) GetAppConfig(ctx context.Context, _ *mobilev1.GetAppConfigRequest) (*mobilev1.GetAppConfigResponse, error) {
	lender, ok := s.Tenants.Get(actor.Must(ctx).TenantID)
	if !ok {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TENANT_UNKNOWN, "no such lender")
	}
	return &mobilev1.GetAppConfigResponse{
		TenantId: lender.ID, LenderName: lender.Name, CurrencyCode: lender.Currency, TimeZone: lender.TimeZone,
		Locales: lender.Locales, MinAppVersions: lender.MinAppVersions, RealtimePath: RealtimePath,
		RecommendedAppVersions: lender.RecommendedAppVersions, StoreUrls: lender.StoreURLs,
		ConsentTextVersion: lender.ConsentTextVersion, ServerTime: timestamppb.New(s.Clock.Now()),
	}, nil
}
