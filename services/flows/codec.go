package flows

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// payloadKeySize is the size of the key, in bytes: AES-256.
const payloadKeySize = 32

// encodingSealed and metadataKeyID mark our payloads, in the words of Temporal's own encryption example, so that its tools know them.
const (
	encodingSealed = "binary/encrypted"
	metadataKeyID  = "encryption-key-id"
)

// errNotSealed is returned for a payload that we did not write: somebody else writes to the engine.
var errNotSealed = errors.New("flows: the payload is not sealed")

// codec seals every payload that goes to the engine with AES-256-GCM: arguments and results of processes, activities, signals, updates and
// queries. A payload is bound to its process, so one that is moved to another process does not open.
type codec struct {
	aead  cipher.AEAD
	keyID string
	// place is the id of the process. Empty where the SDK does not tell it.
	place string
}

var (
	_ converter.PayloadCodec                         = codec{}
	_ converter.PayloadCodecWithSerializationContext = codec{}
)

// newCodec makes the codec of a key. The key's id is a part of its hash: enough to tell keys apart in a message, and no help to find one.
func newCodec(key []byte) (codec, error) {
	if len(key) != payloadKeySize {
		return codec{}, fmt.Errorf("flows: the payload key has %d bytes, not %d", len(key), payloadKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return codec{}, err
	}
	// The nonce is random: 2^32 payloads under one key keep the chance of a repeat below 2^-32 (NIST SP 800-38D, 8.3).
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return codec{}, err
	}
	sum := sha256.Sum256(key)
	return codec{aead: aead, keyID: hex.EncodeToString(sum[:4])}, nil
}

// WithSerializationContext binds to a process. The SDK calls it where it knows whose payload it holds.
func (c codec) WithSerializationContext(context converter.SerializationContext) converter.PayloadCodec {
	switch context := context.(type) {
	case converter.WorkflowSerializationContext:
		c.place = context.WorkflowID
	case converter.ActivitySerializationContext:
		c.place = context.WorkflowID
	}
	return c
}

// Encode seals payloads. The whole payload is sealed, its own metadata included, so the engine learns neither type nor content, but the
// length.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		text, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("seal payload: %w", err)
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encodingSealed), metadataKeyID: []byte(c.keyID)},
			Data:     c.aead.Seal(make([]byte, 0, len(text)+c.aead.Overhead()), nil, text, []byte(c.place)),
		}
	}
	return sealed, nil
}

// Decode opens payloads. One that is not sealed is refused, since taking it would let who can write to the engine speak for us.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != encodingSealed {
			return nil, errNotSealed
		}
		if keyID := string(payload.GetMetadata()[metadataKeyID]); keyID != c.keyID {
			return nil, fmt.Errorf("flows: the payload is sealed with key %s, ours is %s", keyID, c.keyID)
		}
		text, err := c.aead.Open(nil, nil, payload.GetData(), []byte(c.place))
		if err != nil && c.place != "" {
			// Sealed where the SDK did not tell the process. One sealed for another process opens neither way.
			text, err = c.aead.Open(nil, nil, payload.GetData(), nil)
		}
		if err != nil {
			return nil, errors.New("flows: the payload does not open here")
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(text, opened[i]); err != nil {
			return nil, fmt.Errorf("open payload: %w", err)
		}
	}
	return opened, nil
}
