package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"

	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
)

// socket is the phone's ear: the status stream over the Centrifuge client protocol in JSON framing, with resume by offset and epoch.
// When the connection breaks it comes back and goes on after the last event it heard.
type socket struct {
	url    string
	stream string
	token  func(ctx context.Context) (string, error)

	mu     sync.Mutex
	offset uint64
	epoch  string
	heard  []*realtimev1.StatusEvent
	news   chan struct{} // Closed and replaced with every event.
}

// newSocket makes an ear that begins after a position; an empty epoch means at the top of the stream.
func newSocket(url, stream string, offset uint64, epoch string, token func(ctx context.Context) (string, error)) *socket {
	return &socket{url: url, stream: stream, token: token, offset: offset, epoch: epoch, news: make(chan struct{})}
}

// reply is what the server sends: an answer to a command or a push, and the server's ping when all is empty.
type reply struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect *struct {
		Subs map[string]struct {
			Epoch        string        `json:"epoch"`
			Offset       uint64        `json:"offset"`
			Recovered    bool          `json:"recovered"`
			Publications []publication `json:"publications"`
		} `json:"subs"`
	} `json:"connect"`
	Push *struct {
		Channel string       `json:"channel"`
		Pub     *publication `json:"pub"`
	} `json:"push"`
}

type publication struct {
	Offset uint64          `json:"offset"`
	Data   json.RawMessage `json:"data"`
}

// run listens until ctx ends, coming back after every break.
func (s *socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = s.once(ctx) // A break says nothing new: the position tells where to go on.
		timer := time.NewTimer(300 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *socket) once(ctx context.Context) error {
	token, err := s.token(ctx)
	if err != nil {
		return err
	}
	conn, _, err := websocket.Dial(ctx, strings.Replace(s.url, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{"centrifuge-json"}})
	if err != nil {
		return err
	}
	defer conn.CloseNow() //nolint:errcheck // Nothing can be done about it.
	conn.SetReadLimit(1 << 20)
	if err := s.connect(ctx, conn, token); err != nil {
		return err
	}
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		for line := range bytes.SplitSeq(bytes.TrimSpace(message), []byte("\n")) {
			if err := s.hear(ctx, conn, line); err != nil {
				return err
			}
		}
	}
}

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
		if !resumed || !sub.Recovered {
			s.offset = sub.Offset
		}
		s.mu.Unlock()
		for _, p := range sub.Publications {
			if err := s.take(p); err != nil {
				return err
			}
		}
	case r.Push != nil && r.Push.Pub != nil:
		return s.take(*r.Push.Pub)
	case r.ID == 0 && r.Push == nil:
		return conn.Write(ctx, websocket.MessageText, []byte("{}")) // The server's ping.
	}
	return nil
}

// take notes an event. A hole or a repeat would be the server's fault, and is one: the demo fails on it.
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

// await waits until an event of the kind was heard.
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
