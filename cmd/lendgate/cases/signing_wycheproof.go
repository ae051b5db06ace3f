package cases

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/bff/signature"
)

// hexBytes is binary data written in hexadecimal.
type hexBytes []byte

// UnmarshalText reads hexadecimal digits.
func (h *hexBytes) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	*h = raw
	return err
}

// wycheproofFile is the part of a Wycheproof file that these runners need. Project
// Wycheproof collects the inputs that broken implementations took for good.
type wycheproofFile struct {
	Algorithm  string `json:"algorithm"`
	TestGroups []struct {
		PublicKeyDer hexBytes `json:"publicKeyDer"`
		TagSize      int      `json:"tagSize"` // bits
		Tests        []struct {
			ID     int      `json:"tcId"`
			Key    hexBytes `json:"key"`
			Msg    hexBytes `json:"msg"`
			Sig    hexBytes `json:"sig"`
			Tag    hexBytes `json:"tag"`
			Result string   `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// runWycheproofVerify checks signatures with the public key of their group. A result
// "acceptable" is not known to verdict, which makes a new file with such cases fail
// instead of passing by.
func runWycheproofVerify(_ string, raw []byte) ([]outcome, error) {
	var file wycheproofFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	algorithm, ok := map[string]string{
		"ECDSA": signature.ECDSAP256SHA256, "EDDSA": signature.Ed25519,
	}[file.Algorithm]
	if !ok {
		return nil, fmt.Errorf("algorithm %q", file.Algorithm)
	}
	var outcomes []outcome
	for _, group := range file.TestGroups {
		public, err := x509.ParsePKIXPublicKey(group.PublicKeyDer)
		if err != nil {
			return nil, err
		}
		key := signature.Key{ID: "wycheproof", Algorithm: algorithm, Public: public}
		for _, test := range group.Tests {
			outcomes = append(outcomes, outcome{
				ID:  fmt.Sprintf("tcId %d", test.ID),
				Err: verdict(test.Result, key.VerifyBase(test.Msg, test.Sig)),
			})
		}
	}
	return outcomes, nil
}

// runWycheproofMAC checks HMAC tags. A group with shorter tags than the algorithm
// makes is compared with our own tag cut to that length; as it stands, a shortened
// tag must be refused, because hmac-sha256 of RFC 9421 has none.
func runWycheproofMAC(_ string, raw []byte) ([]outcome, error) {
	var file wycheproofFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	// Bits, as the files count tags.
	const fullTag = 256
	var outcomes []outcome
	for _, group := range file.TestGroups {
		for _, test := range group.Tests {
			key := signature.Key{ID: "wycheproof", Algorithm: signature.HMACSHA256, Secret: test.Key}
			err := key.VerifyBase(test.Msg, test.Tag)
			if group.TagSize < fullTag {
				if err == nil {
					err = errors.New("accepted a shortened tag")
				} else {
					err = matchTag(key, test.Msg, test.Tag, group.TagSize/8)
				}
			}
			outcomes = append(outcomes, outcome{ID: fmt.Sprintf("tcId %d", test.ID), Err: verdict(test.Result, err)})
		}
	}
	return outcomes, nil
}

// matchTag compares a tag with the first bytes of ours. Plain comparison is enough: no
// secret is at stake here.
func matchTag(key signature.Key, msg, tag []byte, size int) error {
	own, err := key.SignBase(msg)
	if err != nil {
		return err
	}
	if size > len(own) || !bytes.Equal(own[:size], tag) {
		return &signature.Error{Reason: signature.ReasonSignature, Detail: "tag differs"}
	}
	return nil
}
