package realtime

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// maskedFrame is a client's text frame; a mask of zeros leaves the payload as it is.
func maskedFrame(payload string) []byte {
	b := []byte{0x81}
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// TestFramesSentTogetherWithTheUpgradeAreRead covers bytes that net/http has read before the socket's small buffers take over.
func TestFramesSentTogetherWithTheUpgradeAreRead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100, socketBuffer, 1000, 3000} {
		t.Run(fmt.Sprintf("connect of about %d bytes", size), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			conn, err := f.dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(testPatience)); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			b.WriteString("GET / HTTP/1.1\r\nHost: demo.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ZGVtb2RlbW9kZW1vZGVtbw==\r\n\r\n")
			b.Write(maskedFrame(fmt.Sprintf(`{"id":1,"connect":{"token":"%s","version":"%s"}}`, demoPerson, strings.Repeat("x", size))))
			b.Write(maskedFrame(`{"id":2,"rpc":{"method":"x"}}`))
			if _, err := conn.Write(b.Bytes()); err != nil {
				t.Fatal(err)
			}

			r := bufio.NewReader(conn)
			response, err := http.ReadResponse(r, nil)
			if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%v, %v", response, err)
			}
			var got strings.Builder
			for !strings.Contains(got.String(), `"id":2`) {
				if _, err := io.CopyN(&got, r, 1); err != nil {
					t.Fatalf("after %q: %v", got.String(), err)
				}
			}
			if !strings.Contains(got.String(), `"id":1,"connect"`) {
				t.Errorf("got %q", got.String())
			}
		})
	}
}
