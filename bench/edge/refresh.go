package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/lendgate/lendgate/bench/load"
	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
)

// refreshPatience is how long a change in a backend may take to show on the screen, caches included.
const refreshPatience = 30 * time.Second

// encodings are what an app may ask a refresh in: the plain answer, and what it unpacks by itself. The last one is packed with the answer
// that the app already has as the dictionary (RFC 9842).
func encodings() []string { return []string{"identity", "gzip", "zstd", "dcz"} }

// refresh measures R7: a payment has changed the home screen since the app last saw it. What counts is the content of the answer in bytes;
// the head is not counted on either side. Each encoding has a phone of its own, which has seen the old screen and asks for the new one. A
// phone whose screen did not change is answered 304 without content, which is told beside the ratio and is not the ratio.
func (c *contest) refresh(ctx context.Context) error {
	ours := c.player("ours-remote")
	if ours == nil {
		return nil
	}
	merged, err := c.merged()
	if err != nil {
		return err
	}
	seen := map[string]phone{}
	for i, encoding := range encodings() {
		p := phone{contest: c, ours: ours, person: ours.people[devices+i]}
		// A phone that knows dictionaries says so from the beginning, so that this answer becomes one. It is plain, as no dictionary is there yet.
		wish := http.Header{}
		if encoding == "dcz" {
			wish.Set("Accept-Encoding", encoding)
		}
		first, err := p.get(wish)
		if err != nil {
			return err
		}
		p.body, p.tag = bytes.Clone(first.body), first.header.Get("ETag")
		seen[encoding] = p
	}
	r := refreshed{merged: merged, plain: len(seen["identity"].body), unchanged: -1, sizes: map[string]int{}}
	same, err := seen["identity"].get(http.Header{"If-None-Match": {seen["identity"].tag}})
	if err != nil {
		return err
	}
	if same.status == http.StatusNotModified {
		r.unchanged = len(same.body)
	}
	if err := c.direct(ctx, "/pay", nil); err != nil {
		return err
	}
	defer func() { _ = c.direct(context.WithoutCancel(ctx), "/pay", url.Values{"undo": {"1"}}) }()
	began := c.clock.Now()
	for _, encoding := range encodings() {
		if err := r.measure(ctx, seen[encoding], encoding, refreshPatience-c.clock.Now().Sub(began)); err != nil {
			return fmt.Errorf("%s: %w", encoding, err)
		}
	}
	c.results.refreshed = &r
	return nil
}

// refreshed are the sizes of contents in bytes.
type refreshed struct {
	// merged is what an aggregator answers that merges the backends' answers as they are; plain our answer unpacked.
	merged, plain int
	// unchanged is the answer to an app that has the newest screen; -1 when it got the whole screen again.
	unchanged int
	// sizes are those of a changed screen by the encoding that was really answered.
	sizes map[string]int
	// after is the changed screen, unpacked.
	after []byte
}

// measure asks until the change is on the screen.
func (r *refreshed) measure(ctx context.Context, p phone, encoding string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, max(patience, time.Second))
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	sum := sha256.Sum256(p.body)
	wish := http.Header{"Accept-Encoding": {encoding}, "If-None-Match": {p.tag}}
	if encoding == "dcz" {
		wish.Set("Accept-Encoding", "dcz, zstd, gzip")
		wish.Set("Available-Dictionary", ":"+base64.StdEncoding.EncodeToString(sum[:])+":")
	}
	for {
		got, err := p.get(wish)
		if err != nil {
			return err
		}
		used := got.header.Get("Content-Encoding")
		if used == "" {
			used = "identity"
		}
		if got.status == http.StatusOK && got.header.Get("ETag") != p.tag {
			return r.note(used, got.body, p.body)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the payment is not on the screen: %w", ctx.Err())
		}
	}
}

// note unpacks an answer, holds it against the plain one, which is asked for first, and notes its size.
func (r *refreshed) note(coding string, content, before []byte) error {
	plain, err := unpack(coding, content, before)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", coding, err)
	}
	if r.after == nil {
		r.after = bytes.Clone(plain)
	}
	if !bytes.Equal(plain, r.after) {
		return fmt.Errorf("unpacked from %s it is another screen", coding)
	}
	if size, known := r.sizes[coding]; !known || len(content) < size {
		r.sizes[coding] = len(content)
	}
	return nil
}

// dczHead is how many bytes stand before the frame: a magic number and the hash of the dictionary (RFC 9842 section 5).
const dczHead = 8 + sha256.Size

// unpack unpacks content as a phone would.
func unpack(coding string, content, dictionary []byte) ([]byte, error) {
	switch coding {
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	case "zstd", "dcz":
		var options []zstd.DOption
		if coding == "dcz" {
			if len(content) < dczHead {
				return nil, io.ErrUnexpectedEOF
			}
			content = content[dczHead:]
			options = append(options, zstd.WithDecoderDictRaw(0, dictionary))
		}
		decoder, err := zstd.NewReader(nil, options...)
		if err != nil {
			return nil, err
		}
		defer decoder.Close()
		return decoder.DecodeAll(content, nil)
	default:
		return content, nil
	}
}

// phone is an app that keeps its last screen.
type phone struct {
	contest *contest
	ours    *contestant
	person  scene.Person
	body    []byte
	tag     string
}

type reply struct {
	status int
	header textproto.MIMEHeader
	body   []byte
}

// get asks for the home screen by GET, with more fields in the header.
func (p phone) get(more http.Header) (reply, error) {
	call := scene.Home(p.ours.address, false)
	call.Get = true
	for name, values := range more {
		call.Header[name] = values
	}
	requests, err := call.BySession([]scene.Person{p.person}, 1, p.contest.clock.Now)
	if err != nil {
		return reply{}, err
	}
	answer, err := p.contest.exchange(p.ours.address, requests[0])
	if err != nil {
		return reply{}, err
	}
	header, err := readHead(answer)
	if err == nil && answer.Status != http.StatusOK && answer.Status != http.StatusNotModified {
		err = fmt.Errorf("answered with status %d: %s", answer.Status, answer.Body)
	}
	return reply{status: answer.Status, header: header, body: answer.Body}, err
}

func readHead(answer load.Answer) (textproto.MIMEHeader, error) {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(answer.Head)))
	if _, err := reader.ReadLine(); err != nil {
		return nil, err
	}
	return reader.ReadMIMEHeader()
}

// merged is the size of what an aggregator without shaping answers: one JSON object with everything that the backends said.
func (c *contest) merged() (int, error) {
	whole := map[string]json.RawMessage{}
	for procedure, body := range map[string]string{
		identityv1connect.PersonServiceGetPersonProcedure:           `{}`,
		loansv1connect.LoanServiceListLoansProcedure:                `{"page":{"pageSize":10}}`,
		pushv1connect.NotificationServiceListNotificationsProcedure: `{"page":{"pageSize":5}}`,
		loansv1connect.ApplicationServiceListApplicationsProcedure:  `{"page":{"pageSize":1}}`,
	} {
		request, err := scene.Call{Host: c.stage.Backend, Path: procedure, Body: func() []byte { return []byte(body) }}.Plain()
		if err != nil {
			return 0, err
		}
		answer, err := c.exchange(c.stage.Backend, request)
		if err != nil {
			return 0, err
		}
		part := map[string]json.RawMessage{}
		if err := json.Unmarshal(answer.Body, &part); err != nil {
			return 0, fmt.Errorf("%s: %w", procedure, err)
		}
		for name, value := range part {
			whole[name] = value
		}
	}
	text, err := json.Marshal(whole)
	return len(text), err
}
