package realtime

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// socketBuffer is the size of a socket's read and write buffers. net/http's own are 4 KiB each, which is half of what an idle
// socket costs.
const socketBuffer = 256

// smallHijacker hands out small buffers when the websocket library takes the connection over.
type smallHijacker struct {
	http.ResponseWriter
}

// Hijack moves what net/http has already read into the new reader's buffer: the library looks for it there, and frames that
// the client sent together with its upgrade request would be lost otherwise.
func (h smallHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	pending := brw.Reader.Buffered()
	// The struct hides that the source is a bufio.Reader, which NewReaderSize would hand back as it is.
	r := bufio.NewReaderSize(struct{ io.Reader }{brw.Reader}, max(socketBuffer, pending))
	if pending > 0 {
		if _, err := r.Peek(pending); err != nil {
			conn.Close()
			return nil, nil, err
		}
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriterSize(conn, socketBuffer)), nil
}
