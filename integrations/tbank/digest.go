package tbank

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// SignatureInput is what SignatureValue is computed over. The documentation
// names "the digest" and the published clients hash it once more, so that is
// the default; terminals that want the other reading set SignValues.
type SignatureInput int

const (
	// SignDigest: RSA-SHA256 over the 32 digest bytes (a hash of the hash).
	SignDigest SignatureInput = iota
	// SignValues: RSA-SHA256 over the joined values, whose hash the digest is.
	SignValues
)

// sign adds DigestValue, SignatureValue and X509SerialNumber to a payout
// request: SHA-256 over the root values in ASCII order of their keys, without
// nested objects and without the three themselves, then RSA PKCS #1 v1.5.
func sign(root fields, key *rsa.PrivateKey, serial string, input SignatureInput) error {
	signed := map[string]string{}
	for name, value := range root {
		if text, scalar := scalarText(value); scalar {
			signed[name] = text
		}
	}
	digest := sha256.Sum256([]byte(joinSorted(signed)))
	hashed := digest
	if input == SignDigest {
		hashed = sha256.Sum256(digest[:])
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hashed[:])
	if err != nil {
		return fmt.Errorf("tbank: sign request: %w", err)
	}
	root["DigestValue"] = base64.StdEncoding.EncodeToString(digest[:])
	root["SignatureValue"] = base64.StdEncoding.EncodeToString(signature)
	root["X509SerialNumber"] = serial
	return nil
}
