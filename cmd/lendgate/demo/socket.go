package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"

	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
)

// socket is the phone's ear: the status stream over the Centrifuge client protocol in JSON framing, with resume by offset and epoch.
// When the connection breaks it comes back and goes on after the last event it heard. Offsets rise by one in an epoch; another epoch is
// another stream, whose offsets compare with nothing.
type socket struct {
	url    string
	link   http.RoundTripper
	stream string
	token  func(ctx context.Context) (string, error)

	mu sync.Mutex
	// mu guards what follows: run writes, steps read.
	offset uint64
	epoch  string
	// heard is everything since the run began: a journey has a dozen events, so nothing is thrown away.
	heard []*realtimev1.StatusEvent
	news  chan struct{} // Closed and replaced with every event.
}

// newSocket makes an ear that begins after a position; an empty epoch means at the top of the stream.
func newSocket(
	url string, link http.RoundTripper, stream string, offset uint64, epoch string, token func(ctx context.Context) (string, error),
) *socket {
	return &socket{url: url, link: link, stream: stream, token: token, offset: offset, epoch: epoch, news: make(chan struct{})}
}

// reply is what the server sends: an answer to a command or a push, and the server's ping when all is empty. The fields are those of the
// Centrifuge protocol in JSON; what the demo has no use for is left out.
type reply struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect *struct {
		Subs map[string]struct {
			Epoch  string `json:"epoch"`
			Offset uint64 `json:"offset"`
			// Recovered is true when the publications are everything after the position that was asked from.
			Recovered    bool          `json:"recovered"`
			Publications []publication `json:"publications"`
		} `json:"subs"`
	} `json:"connect"`
	Push *struct {
		Channel string       `json:"channel"`
		Pub     *publication `json:"pub"`
	} `json:"push"`
}

// publication is an event with its place in the stream.
type publication struct {
	Offset uint64          `json:"offset"`
	Data   json.RawMessage `json:"data"`
}

// run listens until ctx ends, coming back after every break.
func (s *socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = s.once(ctx) // A break says nothing new: the position tells where to go on.
		// A constant pause will do for one phone; the SDKs wait longer each time and with jitter, as there are many of them.
		timer := time.NewTimer(300 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// once is one connection: connect, then listen until it breaks. Each takes a token of its own, as they live for minutes.
func (s *socket) once(ctx context.Context) error {
	token, err := s.token(ctx)
	if err != nil {
		return err
	}
	conn, _, err := websocket.Dial(ctx, strings.Replace(s.url, "http", "ws", 1), &websocket.DialOptions{
		// No timeout of the client: it would end the connection that is to stay open.
		HTTPClient: &http.Client{Transport: s.link}, Subprotocols: []string{"centrifuge-json"},
	})
	if err != nil {
		return err
	}
	defer conn.CloseNow() //nolint:errcheck // Nothing can be done about it.
	// A reply to connect may hold many publications that were missed.
	conn.SetReadLimit(1 << 20)
	if err := s.connect(ctx, conn, token); err != nil {
		return err
	}
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		// One message may hold several replies, a line each.
		for line := range bytes.SplitSeq(bytes.TrimSpace(message), []byte("\n")) {
			if err := s.hear(ctx, conn, line); err != nil {
				return err
			}
		}
	}
}

// connect asks for the stream from the position on. The server subscribes by the token, so the subscription itself need not be asked for.
func (s *socket) connect(ctx context.Context, conn *websocket.Conn, token string) error {
	s.mu.Lock()
	offset, epoch := s.offset, s.epoch
	s.mu.Unlock()
	connect := map[string]any{"token": token, "name": "demo"}
	if epoch != "" {
		connect["subs"] = map[string]any{s.stream: map[string]any{"recover": true, "offset": offset, "epoch": epoch}}
	}
	command, err := json.Marshal(map[string]any{"id": 1, "connect": connect})
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, command)
}

// hear takes one line in.
func (s *socket) hear(ctx context.Context, conn *websocket.Conn, line []byte) error {
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	switch {
	case r.Error != nil:
		return fmt.Errorf("websocket refused: %d %s", r.Error.Code, r.Error.Message)
	case r.Connect != nil:
		sub, ok := r.Connect.Subs[s.stream]
		if !ok {
			return errors.New("the server subscribed to no status stream")
		}
		s.mu.Lock()
		resumed := s.epoch != ""
		s.epoch = sub.Epoch
		// Nothing was recovered, so the stream begins at its present top; what lies before is on the screens.
		if !resumed || !sub.Recovered {
			s.offset = sub.Offset
		}
		s.mu.Unlock()
		// Missed events come before new ones, so the offsets go on without a hole.
		for _, p := range sub.Publications {
			if err := s.take(p); err != nil {
				return err
			}
		}
	case r.Push != nil && r.Push.Pub != nil:
		return s.take(*r.Push.Pub)
	// An empty object both ways, after the protocol; a client that does not answer is taken for gone.
	case r.ID == 0 && r.Push == nil:
		return conn.Write(ctx, websocket.MessageText, []byte("{}")) // The server's ping.
	}
	return nil
}

// take notes an event. A hole or a repeat would be the server's fault: it is not taken in, and the connection is made anew from the last
// event that was.
func (s *socket) take(p publication) error {
	event := &realtimev1.StatusEvent{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(p.Data, event); err != nil {
		return fmt.Errorf("status event: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Offset != s.offset+1 {
		return fmt.Errorf("the status stream jumped from offset %d to %d", s.offset, p.Offset)
	}
	s.offset = p.Offset
	s.heard = append(s.heard, event)
	close(s.news)
	s.news = make(chan struct{})
	return nil
}

// position is up to where the stream was heard.
func (s *socket) position() (uint64, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offset, s.epoch
}

// await waits until an event of the kind was heard. Also one that was heard before: a step that runs again, or begins late, waits for
// nothing that has been.
func (s *socket) await(ctx context.Context, kind realtimev1.StatusEvent_Kind) (*realtimev1.StatusEvent, error) {
	for {
		s.mu.Lock()
		news := s.news
		for _, event := range s.heard {
			if event.GetKind() == kind {
				s.mu.Unlock()
				return event, nil
			}
		}
		s.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, fmt.Errorf("not heard on the websocket: %s", kind)
		}
	}
}
