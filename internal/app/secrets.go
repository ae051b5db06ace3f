package app

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/sessionkey"
)

const masterKeySize = 32

// secrets are the keys of an installation. All but the master key are derived from it, each for one purpose.
type secrets struct {
	master []byte
}

// loadSecrets reads the master key and makes one on the first start. The file is the only secret that an installation must keep: without
// it the personal data in the database cannot be read.
func loadSecrets(path string) (secrets, error) {
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecrets(path)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("master key: %w", err)
	}
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(master) < masterKeySize {
		return secrets{}, fmt.Errorf("master key %s: at least %d bytes in base64 are needed", path, masterKeySize)
	}
	return secrets{master: master}, nil
}

func makeSecrets(path string) (secrets, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return secrets{}, err
	}
	master := make([]byte, masterKeySize)
	rand.Read(master)
	// Exclusively, so that two first starts at once end with one key.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return loadSecrets(path)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("master key: %w", err)
	}
	_, err = fmt.Fprintln(file, base64.StdEncoding.EncodeToString(master))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return secrets{}, fmt.Errorf("master key: %w", err)
	}
	return secrets{master: master}, nil
}

// derive makes the key of one purpose.
func (s secrets) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.master, nil, "lendgate "+purpose, sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("app: derive %s: %v", purpose, err)) // Only a length beyond the hash's limit fails.
	}
	return key
}

// actorSigner vouches between our own processes.
func (s secrets) actorSigner() *actor.Signer {
	return actor.NewSigner(s.derive("actor tokens"), actor.CallLifetime)
}

// realtimeLifetime is how long a websocket may go on without asking the edge again.
const realtimeLifetime = 10 * time.Minute

// realtimeSigner vouches for a person towards the websocket.
func (s secrets) realtimeSigner() *actor.Signer {
	return actor.NewSigner(s.derive("realtime tokens"), realtimeLifetime)
}

// sessionKeys derives the keys that phones sign with after a login.
func (s secrets) sessionKeys() (*sessionkey.Maker, error) {
	return sessionkey.NewMaker(s.derive("session keys"))
}

// answerKeys are the keys by which the edge signs answers: first the one of this number, which signs; then the next, so that callers know it
// before it signs; then the one before, so that callers of a process that was restarted first can check what the others still sign. An
// operator exchanges keys by counting the number up.
func (s secrets) answerKeys(number uint32) ([]signature.Key, error) {
	numbers := []uint32{number, number + 1}
	if number > 1 {
		numbers = append(numbers, number-1)
	}
	keys := make([]signature.Key, len(numbers))
	for i, n := range numbers {
		key, err := signature.NewKey("", ed25519.NewKeyFromSeed(s.derive(fmt.Sprintf("answers %d", n))))
		if err != nil {
			return nil, err
		}
		if key.ID, err = key.Thumbprint(); err != nil { // As the directory of keys wants it.
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}
