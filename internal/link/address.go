package link

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/inproc"
)

// UnixScheme begins the address of a unix socket: "unix:///run/lendgate/loans.sock".
const UnixScheme = "unix"

// Address is where a process of ours serves the others.
type Address struct {
	// Network and Address are as net.Dial takes them.
	Network, Address string
}

// ParseAddress reads "http://host:port" or "unix:///path".
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Address{}, fmt.Errorf("%q is no address: http://host:port or unix:///path", text)
	case u.Scheme == "http" && u.Host != "" && (u.Path == "" || u.Path == "/"):
		port := u.Port()
		if port == "" {
			port = "80"
		}
		return Address{Network: "tcp", Address: net.JoinHostPort(u.Hostname(), port)}, nil
	case u.Scheme == UnixScheme && u.Host == "" && len(u.Path) > 1:
		return Address{Network: "unix", Address: u.Path}, nil
	default:
		return Address{}, fmt.Errorf("%q is no address: http://host:port or unix:///path", text)
	}
}

// URL is what HTTP requests to the address begin with. That of a unix socket goes with Transport.
func (a Address) URL() string {
	if a.Network == "unix" {
		return "http://localhost"
	}
	return "http://" + a.Address
}

// Transport speaks HTTP/2 without TLS to the address.
func (a Address) Transport() *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols: &protocols, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return a.dial(ctx) },
	}
}

func (a Address) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, a.Network, a.Address)
}

// errNoLink tells that the peer is there and speaks Connect alone.
var errNoLink = errors.New("link: the peer has no link")

// upgradePath is where a connection is upgraded. It is signed as if it were a procedure, so that strangers cannot hold connections.
const upgradePath = "/lendgate-link"

// upgrade begins a link on the address. It fails with errNoLink when the peer answers and does not want to.
func (a Address) upgrade(ctx context.Context, door *inproc.Door) (net.Conn, *bufio.Reader, error) {
	c, err := a.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	r, err := a.handshake(ctx, c, door)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, r, nil
}

func (a Address) handshake(ctx context.Context, c net.Conn, door *inproc.Door) (*bufio.Reader, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL()+upgradePath, nil)
	if err != nil {
		return nil, err
	}
	us := actor.With(ctx, actor.Actor{TenantID: "-", Kind: actor.KindService, Service: "link"}) // Of no tenant and with no permission.
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", Protocol)
	req.Header.Set(actor.Header, base64.RawURLEncoding.EncodeToString(door.AppendProof(us, nil, upgradePath, nil)))
	if err := req.Write(c); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(c, readBuffer)
	res, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, err
	}
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols && res.Header.Get("Upgrade") == Protocol:
		return r, nil
	case res.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("link: the peer answers %s", res.Status)
	}
	_, _ = io.CopyN(io.Discard, res.Body, readBuffer) // Polite, and of no consequence.
	res.Body.Close()
	return nil, errNoLink
}
