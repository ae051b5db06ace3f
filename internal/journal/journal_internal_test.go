package journal

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowFile is a file as lines sees it.
type slowFile struct {
	mu     sync.Mutex
	bytes  bytes.Buffer
	writes int
}

// Write takes bytes in.
func (f *slowFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	return f.bytes.Write(p)
}

func (f *slowFile) state() (lines, writes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Count(f.bytes.String(), "\n"), f.writes
}

// TestLinesAreWrittenTogether holds the times at which lines reach the file.
func TestLinesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	want := func(t *testing.T, file *slowFile, lines, writes int) {
		t.Helper()
		if gotLines, gotWrites := file.state(); gotLines != lines || gotWrites != writes {
			t.Errorf("%d lines in %d writes, want %d in %d", gotLines, gotWrites, lines, writes)
		}
	}
	t.Run("after a second at the latest", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			file := &slowFile{}
			log, _ := New(file, slog.LevelInfo)
			log.Info("one")
			<-time.After(delay / 2)
			log.Info("two")
			want(t, file, 0, 0)
			<-time.After(delay / 2)
			synctest.Wait()
			want(t, file, 2, 1)
			log.Info("three")
			<-time.After(delay)
			synctest.Wait()
			want(t, file, 3, 2)
		})
	})
	t.Run("at once with a warning, and at the end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			file := &slowFile{}
			log, flush := New(file, slog.LevelInfo)
			log.With("service", "loans").Info("one")
			log.With("service", "loans").Warn("two")
			want(t, file, 2, 1)
			log.Info("three")
			flush()
			want(t, file, 3, 2)
		})
	})
	t.Run("when they are many", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			file := &slowFile{}
			log, _ := New(file, slog.LevelInfo)
			for range 3 {
				log.Info("line", "text", strings.Repeat("x", room/2))
			}
			want(t, file, 2, 2)
		})
	})
}
