package realtime

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
)

// Config is what a Handler needs. Ports, Clock and Logger are required; a zero number or duration takes its default.
type Config struct {
	Authenticator Authenticator
	Log           Log
	Wakeups       Wakeups
	Acks          Acks        // optional
	Clock         clock.Clock // the time of day; intervals run on Go's timers, which testing/synctest controls
	Logger        *slog.Logger
	Metrics       *Metrics

	// Origins are host patterns, as in path.Match, from which browsers may connect besides the server's own host.
	Origins []string

	// MaxConnections bounds all sockets (default 20,000) and MaxPending those that have not sent a good connect yet
	// (default 512): beyond either, an upgrade is refused with 503 and Retry-After, before it costs anything.
	MaxConnections, MaxPending int
	// MaxPerPerson bounds the sockets of one person (default 12). The newest wins; the oldest is told to reconnect.
	MaxPerPerson int
	// MaxSubscriptions bounds the streams of one socket, server-made ones included (default 128).
	MaxSubscriptions int

	// MaxCommandBytes is the application's limit, answered with error 107 (default 64 KiB). MaxMessageBytes is the socket's, well
	// above it (default 1 MiB), since passing it closes with 1009, on which some SDKs stop for good. Before a good
	// connect, MaxPendingBytes holds instead (default 128 KiB: connect and 128 subscribes travel in one message).
	MaxCommandBytes, MaxMessageBytes, MaxPendingBytes int
	// MaxQueueBytes is how much may wait for a slow client before it is closed with 3008 (default 1 MiB).
	MaxQueueBytes int
	// CommandsPerSecond and CommandBurst bound one socket's commands (default 50 and 400); beyond them, error 111.
	CommandsPerSecond, CommandBurst int

	// RecoverPublications and RecoverBytes bound a recovered tail (default 300 and 512 KiB). Beyond either the answer is
	// "not recovered" and the client loads a snapshot. The former bounds a history page as well.
	RecoverPublications, RecoverBytes int

	// PingIntervalMin and Max are the range of one socket's ping interval in whole seconds (default 45 s and 55 s, just below the
	// minute at which mobile networks forget an idle address). PongTimeout (default 10 s) must be shorter.
	PingIntervalMin, PingIntervalMax, PongTimeout time.Duration
	// ConnectTimeout is how long a socket may stay without a good connect (default 5 s).
	ConnectTimeout time.Duration
	// ExpireGrace is how long past the token's end a refresh is awaited (default 25 s).
	ExpireGrace time.Duration
	// WriteTimeout bounds one write to a socket (default 5 s). PortTimeout bounds one call of a port (default 3 s; the
	// SDKs give up on a command after 5 s).
	WriteTimeout, PortTimeout time.Duration

	// CheckInterval is how often each subscribed stream is compared with the log, in case a wake-up was lost (default 40 s).
	CheckInterval time.Duration
	// ConcurrentReads bounds simultaneous reads of the log for fan-out (default 16).
	ConcurrentReads int

	// DrainSlice sockets are closed at a time, spread over DrainWindow (default 128 and 10 s), because clients come back after
	// 0.5-1 s.
	DrainSlice  int
	DrainWindow time.Duration
}

// withDefaults fills what is zero and checks what must hold.
func (c Config) withDefaults() (Config, error) {
	if c.Authenticator == nil || c.Log == nil || c.Wakeups == nil || c.Clock == nil || c.Logger == nil || c.Metrics == nil {
		return c, errors.New("realtime: Authenticator, Log, Wakeups, Clock, Logger and Metrics are required")
	}
	orInt := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	orTime := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	orInt(&c.MaxConnections, 20_000)
	orInt(&c.MaxPending, 512)
	orInt(&c.MaxPerPerson, 12)
	orInt(&c.MaxSubscriptions, 128)
	orInt(&c.MaxCommandBytes, 64<<10)
	orInt(&c.MaxMessageBytes, 1<<20)
	orInt(&c.MaxPendingBytes, 128<<10)
	orInt(&c.MaxQueueBytes, 1<<20)
	orInt(&c.CommandsPerSecond, 50)
	orInt(&c.CommandBurst, 400)
	orInt(&c.RecoverPublications, 300)
	orInt(&c.RecoverBytes, 512<<10)
	orInt(&c.ConcurrentReads, 16)
	orInt(&c.DrainSlice, 128)
	orTime(&c.PingIntervalMin, 45*time.Second)
	orTime(&c.PingIntervalMax, 55*time.Second)
	orTime(&c.PongTimeout, 10*time.Second)
	orTime(&c.ConnectTimeout, 5*time.Second)
	orTime(&c.ExpireGrace, 25*time.Second)
	orTime(&c.WriteTimeout, 5*time.Second)
	orTime(&c.PortTimeout, 3*time.Second)
	orTime(&c.CheckInterval, 40*time.Second)
	orTime(&c.DrainWindow, 10*time.Second)
	return c, c.check()
}

// check refuses what would break a promise of the protocol.
func (c Config) check() error {
	switch {
	case c.PingIntervalMin < time.Second || c.PingIntervalMax < c.PingIntervalMin || c.PingIntervalMin%time.Second != 0:
		// An announced interval of 0 makes the Java client drop its connection after 10 s.
		return fmt.Errorf("realtime: ping interval %v to %v: want whole seconds, at least one, in order", c.PingIntervalMin, c.PingIntervalMax)
	case c.PongTimeout >= c.PingIntervalMin:
		return fmt.Errorf("realtime: pong timeout %v: want less than the ping interval %v", c.PongTimeout, c.PingIntervalMin)
	case c.MaxMessageBytes < 2*c.MaxCommandBytes:
		return fmt.Errorf("realtime: message limit %d: want at least twice the command limit %d", c.MaxMessageBytes, c.MaxCommandBytes)
	case c.RecoverBytes > c.MaxQueueBytes/2:
		return fmt.Errorf("realtime: recovered tail of %d bytes: want at most half of the queue's %d", c.RecoverBytes, c.MaxQueueBytes)
	}
	return nil
}
