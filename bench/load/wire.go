package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// bufferSize takes in an answer of any contestant at once, in bytes.
const bufferSize = 32 << 10

// answerTimeout bounds the wait for one answer, so that a server that died ends the contest instead of hanging it.
const answerTimeout = 15 * time.Second

var errAnswer = errors.New("not an answer of HTTP/1.1")

// Answer is what came back to one request.
type Answer struct {
	Status int
	// Wire is the size of the whole answer in bytes, head and framing included.
	Wire int
	// Body is the content without framing, valid until the next request on the connection. It is kept when the connection keeps bodies.
	Body []byte
	// Head is the head of the answer as it came, kept like the body.
	Head []byte
}

// Conn is one keep-alive connection.
type Conn struct {
	net    net.Conn
	reader *bufio.Reader
	keep   bool
	body   []byte
	head   []byte
}

// Dial connects to host:port. keep says whether answers are wanted with their content.
func Dial(address string, keep bool) (*Conn, error) {
	connection, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{net: connection, reader: bufio.NewReaderSize(connection, bufferSize), keep: keep}, nil
}

// Close ends the connection. What the other side thinks of it is of no interest to a generator.
func (c *Conn) Close() { c.net.Close() }

// Exchange sends a request and reads its answer.
func (c *Conn) Exchange(request []byte, now time.Time) (Answer, error) {
	if err := c.net.SetDeadline(now.Add(answerTimeout)); err != nil {
		return Answer{}, err
	}
	if _, err := c.net.Write(request); err != nil {
		return Answer{}, err
	}
	return c.read()
}

func (c *Conn) read() (Answer, error) {
	c.body, c.head = c.body[:0], c.head[:0]
	line, err := c.line()
	if err != nil {
		return Answer{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return Answer{}, fmt.Errorf("%w: %q", errAnswer, line)
	}
	a := Answer{Wire: len(line)}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return Answer{}, fmt.Errorf("%w: %q", errAnswer, line)
	}
	length, chunked := 0, false
	for {
		if line, err = c.line(); err != nil {
			return Answer{}, err
		}
		a.Wire += len(line)
		if len(line) == 2 {
			break
		}
		name, value, _ := bytes.Cut(line[:len(line)-2], []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
		}
		if err != nil {
			return Answer{}, fmt.Errorf("%w: %q", errAnswer, line)
		}
	}
	content := 0
	switch {
	case a.Status == 304 || a.Status == 204:
	case chunked:
		content, err = c.chunks()
	default:
		content, err = length, c.take(length)
	}
	a.Wire += content
	a.Body, a.Head = c.body, c.head
	return a, err
}

// line reads one line with its end.
func (c *Conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%w: %q", errAnswer, line)
	}
	if c.keep {
		c.head = append(c.head, line...)
	}
	return line, nil
}

// chunks reads content in chunks (RFC 9112 section 7.1) and tells how many bytes that was, framing included.
func (c *Conn) chunks() (int, error) {
	sum := 0
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return sum, err
		}
		sum += len(line)
		size, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(";"))
		length, err := strconv.ParseInt(string(size), 16, 32)
		if err != nil {
			return sum, fmt.Errorf("%w: chunk of %q", errAnswer, line)
		}
		if err := c.take(int(length)); err != nil {
			return sum, err
		}
		if _, err := c.reader.Discard(2); err != nil { // The end of the chunk; after the last one, that of the trailers, which nobody here sends.
			return sum, err
		}
		sum += int(length) + 2
		if length == 0 {
			return sum, nil
		}
	}
}

// take reads n bytes of content.
func (c *Conn) take(n int) error {
	if !c.keep {
		_, err := c.reader.Discard(n)
		return err
	}
	begin := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.reader, c.body[begin:])
	return err
}
