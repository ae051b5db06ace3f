package edge_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/internal/id"
)

// unpack undoes a content coding; dictionary is for dcz.
func unpack(t *testing.T, got answer, dictionary []byte) []byte {
	t.Helper()
	var plain []byte
	var err error
	switch coding := got.header.Get("Content-Encoding"); coding {
	case "":
		return got.body
	case "gzip":
		reader, openErr := gzip.NewReader(bytes.NewReader(got.body))
		if openErr != nil {
			t.Fatal(openErr)
		}
		plain, err = io.ReadAll(reader)
	case "zstd":
		decoder, _ := zstd.NewReader(nil)
		defer decoder.Close()
		plain, err = decoder.DecodeAll(got.body, nil)
	case "dcz":
		sum := sha256.Sum256(dictionary)
		packed, ok := bytes.CutPrefix(got.body, append([]byte("\x5e\x2a\x4d\x18\x20\x00\x00\x00"), sum[:]...))
		if !ok {
			t.Fatalf("not packed by the dictionary: % x", got.body[:min(48, len(got.body))])
		}
		decoder, _ := zstd.NewReader(nil, zstd.WithDecoderDictRaw(0, dictionary))
		defer decoder.Close()
		plain, err = decoder.DecodeAll(packed, nil)
	default:
		t.Fatalf("coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func availableDictionary(dictionary []byte) string {
	sum := sha256.Sum256(dictionary)
	return ":" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// TestAnswersArePacked asks in every way that Accept-Encoding has: what comes back unpacks to the same answer.
func TestAnswersArePacked(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.screens.home = demoHome()
	plain := r.send(t, r.getHome(t, "Accept-Encoding", "identity")).body
	for accept, want := range map[string]string{
		"identity": "", "gzip": "gzip", "gzip, zstd": "zstd", "zstd;q=0, gzip;q=0.5": "gzip", "br": "", "GZIP": "gzip", "zstd;q=x": "", "dcz": "", "dcz, gzip": "gzip",
	} {
		for range 2 { // The second time the packed form is kept already.
			got := r.send(t, r.getHome(t, "Accept-Encoding", accept))
			if coding := got.header.Get("Content-Encoding"); coding != want || !bytes.Equal(unpack(t, got, nil), plain) {
				t.Errorf("%q: coding %q, want %q", accept, coding, want)
			}
		}
	}
	r.screens.home = nil
	r.edge.Changed("demo", r.person)
	if got := r.send(t, r.getHome(t, "Accept-Encoding", "gzip, zstd")); got.header.Get("Content-Encoding") != "" {
		t.Errorf("an answer of %d bytes was packed", len(got.body))
	}
}

// TestARefreshIsPackedByTheAnswerBefore changes one amount between two home screens: the second one travels as the difference (bar R7), only
// to the person who has the first, and only as long as the edge has it.
func TestARefreshIsPackedByTheAnswerBefore(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.screens.home = demoHome()
	first := r.send(t, r.getHome(t, "Accept-Encoding", "dcz, zstd"))
	dictionary := unpack(t, first, nil)
	if first.header.Get("Use-As-Dictionary") == "" || first.header.Get("Content-Encoding") != "zstd" {
		t.Fatalf("headers %v", first.header)
	}
	refreshed := demoHome()
	refreshed.Loans.Loans[0].Outstanding.Display, refreshed.Loans.Loans[0].Outstanding.Money.MinorUnits = "11 000,00 ₴", 1_100_000
	r.screens.home = refreshed
	r.clock.Advance(4 * time.Second)
	second := r.send(t, r.getHome(t, "Accept-Encoding", "dcz, zstd", "Available-Dictionary", availableDictionary(dictionary)))
	plain := unpack(t, second, dictionary)
	if second.header.Get("Content-Encoding") != "dcz" || !bytes.Contains(plain, []byte("11 000,00")) || !bytes.Contains([]byte(second.header.Get("Vary")), []byte("Available-Dictionary")) {
		t.Errorf("coding %q, vary %q: %s", second.header.Get("Content-Encoding"), second.header.Get("Vary"), plain)
	}
	t.Logf("a home screen of %d bytes came in %d, refreshed in %d", len(plain), len(first.body), len(second.body))
	const merged = 3400 // Bytes of the same screen as raw backend JSON, merged (bar R7).
	if len(second.body) > merged*12/100 {
		t.Errorf("the refresh took %d bytes", len(second.body))
	}
	for name, header := range map[string]string{"unknown": availableDictionary([]byte("other")), "no hash": ":x:", "empty": ""} {
		if got := r.send(t, r.getHome(t, "Accept-Encoding", "dcz, zstd", "Available-Dictionary", header)); got.header.Get("Content-Encoding") != "zstd" {
			t.Errorf("%s: coding %q", name, got.header.Get("Content-Encoding"))
		}
	}
	r.person, r.token = id.Format(id.Person, id.New()), "access-token-of-another"
	other := r.send(t, r.getHome(t, "Accept-Encoding", "dcz, zstd", "Available-Dictionary", availableDictionary(dictionary)))
	if other.status != http.StatusOK || other.header.Get("Content-Encoding") != "zstd" {
		t.Errorf("another person's answer was packed by it: %d %q", other.status, other.header.Get("Content-Encoding"))
	}
}

// BenchmarkPack measures what a refreshed home screen costs to pack, and what it weighs.
func BenchmarkPack(b *testing.B) {
	for _, accept := range []string{"gzip", "zstd", "dcz"} {
		b.Run(accept, func(b *testing.B) {
			r, _ := newRig(b, edge.Config{PerDevice: 1 << 40})
			r.client.AddHook(redisInMemory{})
			handler, requests := r.edge.Handler(), make([]*http.Request, b.N+1)
			r.screens.home = demoHome()
			plain := ""
			for i := range requests {
				requests[i] = r.home(b)
				if i == 0 {
					recorder := &keep{header: http.Header{}}
					requests[i].Header.Set("Accept-Encoding", "dcz")
					handler.ServeHTTP(recorder, served(r.sign(b, requests[i])))
					plain = recorder.body.String()
					continue
				}
				requests[i].Header.Set("Accept-Encoding", accept)
				requests[i].Header.Set("Available-Dictionary", availableDictionary([]byte(plain)))
				served(r.sign(b, requests[i]))
			}
			b.ReportAllocs()
			b.ResetTimer()
			size, began := 0, cpuTime()
			for _, request := range requests[1:] {
				w := sink{header: http.Header{}}
				handler.ServeHTTP(&w, request)
				size = w.size
			}
			b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(size), "B/answer")
		})
	}
}

// keep is an answer that is kept.
type keep struct {
	header http.Header
	body   bytes.Buffer
}

// Header is the answer's header.
func (k *keep) Header() http.Header { return k.header }

// WriteHeader is not looked at.
func (k *keep) WriteHeader(int) {}

// Write keeps bytes.
func (k *keep) Write(p []byte) (int, error) { return k.body.Write(p) }
