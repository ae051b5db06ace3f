package scene

import (
	"crypto/sha256"
	"log/slog"

	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/link"
)

// NewDoor makes the door of a process of ours in the room. All of them know one key, as the processes of an installation do.
func NewDoor(log *slog.Logger, clk clock.Clock) (*inproc.Door, error) {
	key := sha256.Sum256([]byte("actor tokens of the measuring room"))
	return inproc.NewDoor(log, clk, actor.NewSigner(key[:], actor.CallLifetime))
}

// Links serves the backends to processes of ours that dial them, with all checks of a service.
func (b *Backends) Links(door *inproc.Door, log *slog.Logger) *link.Server {
	links := link.NewServer(link.ServerConfig{Door: door, Log: log})
	links.Mount(identityv1connect.DeviceServiceCalls(b))
	links.Mount(identityv1connect.SessionServiceCalls(b))
	links.Mount(identityv1connect.PersonServiceCalls(b.Persons))
	links.Mount(loansv1connect.LoanServiceCalls(b.Loans))
	links.Mount(loansv1connect.ApplicationServiceCalls(b.Applications))
	links.Mount(loansv1connect.ProductServiceCalls(b.Products))
	links.Mount(pushv1connect.NotificationServiceCalls(b.Notifications))
	return links
}
