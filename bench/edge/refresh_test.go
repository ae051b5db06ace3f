package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestPackedScreensAreUnpackedAsAPhoneDoes(t *testing.T) {
	t.Parallel()
	before, after := []byte(strings.Repeat("a home screen ", 50)), []byte(strings.Repeat("a home screen ", 49)+"another one")
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	writer.Write(after)
	writer.Close()
	plain, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	withDictionary, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(0, before))
	if err != nil {
		t.Fatal(err)
	}
	r := refreshed{sizes: map[string]int{}}
	for _, c := range []struct {
		coding  string
		content []byte
	}{
		{"identity", after}, {"gzip", zipped.Bytes()}, {"zstd", plain.EncodeAll(after, nil)},
		{"dcz", withDictionary.EncodeAll(after, make([]byte, 8+sha256.Size))},
	} {
		if err := r.note(c.coding, c.content, before); err != nil {
			t.Errorf("%s: %v", c.coding, err)
		}
	}
	if err := r.note("identity", before, nil); err == nil {
		t.Error("another screen was taken for the same")
	}
	if err := r.note("dcz", []byte("short"), before); err == nil {
		t.Error("content without a head was taken for packed")
	}
	if len(r.sizes) != 4 || r.sizes["dcz"] >= r.sizes["identity"] {
		t.Errorf("sizes: %v", r.sizes)
	}
}

func TestOnlyAFullRunWritesWhatIsCommitted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	page := filepath.Join(root, pageName)
	for _, dir := range []string{"docs", "bench/results", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	written := "before\n" + beginMark + "\nold\n" + endMark + "\nafter\n"
	if err := os.WriteFile(page, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	r := sample()
	r.compare()
	o := options{root: root, bin: filepath.Join(root, "bin"), quick: true}
	if err := r.write(o); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(page); err != nil || string(text) != written {
		t.Errorf("a quick run changed the page (%v):\n%s", err, text)
	}
	o.quick = false
	if err := r.write(o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); !strings.HasPrefix(got, "before\n"+beginMark) || !strings.HasSuffix(got, endMark+"\nafter\n") || strings.Contains(got, "old") {
		t.Errorf("the page:\n%s", got)
	}
	if _, err := os.Stat(filepath.Join(root, "bench/results/edge.json")); err != nil {
		t.Error(err)
	}
}
