package sessionkey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Algorithm is what keys are for, by its name in the registry of RFC 9421.
const Algorithm = "hmac-sha256"

// size is that of keys in bytes, the platform's and ours.
const size = sha256.Size

// Maker derives session keys.
type Maker struct{ key []byte }

// NewMaker makes a maker from a key of the platform that has at least 32 bytes, is used for nothing else, and is the same in every process
// that answers logins or checks signatures.
func NewMaker(key []byte) (*Maker, error) {
	if len(key) < size {
		return nil, fmt.Errorf("sessionkey: the key has %d bytes, %d are needed", len(key), size)
	}
	return &Maker{key: key}, nil
}

// Make derives the key of a session on its device, for requests that bear this access token (HKDF-Expand, RFC 5869 section 2.3; the
// platform's key is uniform, so that there is nothing to extract). The token stands for the session's generation: each generation has its own,
// so an exchange of tokens changes the key, and the old key works as long as the old token does. Ids are wire ids.
func (m *Maker) Make(tenantID, sessionID, deviceID, accessToken string) ([]byte, error) {
	var info []byte
	for _, part := range [...]string{"lendgate session key", tenantID, sessionID, deviceID, accessToken} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part))) // So that no two lists of parts look alike.
		info = append(info, part...)
	}
	return hkdf.Expand(sha256.New, m.key, string(info), size)
}
