package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"math/big"
)

// The algorithms of the RFC 9421 registry that the package knows. A device signs
// with P-256, which is what secure hardware offers; servers prefer Ed25519.
// RSA-PSS is only verified, to read others, and rsa-v1_5-sha256 never.
const (
	HMACSHA256      = "hmac-sha256"
	ECDSAP256SHA256 = "ecdsa-p256-sha256"
	Ed25519         = "ed25519"
	RSAPSSSHA512    = "rsa-pss-sha512"
)

const (
	scalarBytes  = 32   // of r and of s in a P-256 signature
	minSecret    = 32   // bytes of an HMAC secret that a Verifier or Signer accepts
	minRSABits   = 2048 // of an RSA modulus
	pssSaltBytes = 64   // RFC 9421 section 3.3.1
)

// VerifyBase checks a signature over the base with this key and its algorithm.
// It looks at nothing but the mathematics: neither the key's validity in time nor
// a policy. Most callers want [Verifier.Verify].
func (k Key) VerifyBase(base, signature []byte) error {
	if err := k.fits(); err != nil {
		return err
	}
	var holds bool
	switch public := k.Public.(type) {
	case nil:
		holds = hmac.Equal(signature, k.mac(base))
	case *ecdsa.PublicKey:
		holds = verifyP256(public, base, signature)
	case ed25519.PublicKey:
		holds = len(signature) == ed25519.SignatureSize && ed25519.Verify(public, base, signature)
	case *rsa.PublicKey:
		sum := sha512.Sum512(base)
		holds = rsa.VerifyPSS(public, crypto.SHA512, sum[:], signature, &rsa.PSSOptions{SaltLength: pssSaltBytes}) == nil
	}
	if !holds {
		return refuse(ReasonSignature, "the signature does not hold")
	}
	return nil
}

// SignBase signs the base. Ed25519 and HMAC give the same bytes each time, and so
// does a P-256 key held in memory (RFC 6979); a P-256 key behind another
// crypto.Signer, such as a key service, may not.
func (k Key) SignBase(base []byte) ([]byte, error) {
	if err := k.fits(); err != nil {
		return nil, err
	}
	switch k.Algorithm {
	case HMACSHA256:
		return k.mac(base), nil
	case Ed25519:
		if k.Private != nil {
			return k.Private.Sign(rand.Reader, base, crypto.Hash(0))
		}
	case ECDSAP256SHA256:
		if k.Private != nil {
			return signP256(k.Private, base)
		}
	}
	return nil, refuse(ReasonAlgorithm, "key %q cannot sign", k.ID)
}

// fits tells if the material is of the kind that the algorithm needs. A key that
// could be read two ways is refused here, so that a public key is never taken for
// an HMAC secret.
func (k Key) fits() error {
	fits := false
	switch public := k.Public.(type) {
	case nil:
		fits = k.Algorithm == HMACSHA256 && len(k.Secret) > 0
	case *ecdsa.PublicKey:
		fits = k.Algorithm == ECDSAP256SHA256 && public != nil && public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		fits = k.Algorithm == Ed25519 && len(public) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		fits = k.Algorithm == RSAPSSSHA512 && public != nil && public.N != nil && public.N.BitLen() >= minRSABits
	}
	if !fits || (k.Public != nil && k.Secret != nil) {
		return refuse(ReasonAlgorithm, "key %q does not fit the algorithm %q", k.ID, k.Algorithm)
	}
	return nil
}

func (k Key) mac(base []byte) []byte {
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write(base)
	return mac.Sum(nil)
}

// verifyP256 takes r and s as two big-endian numbers of 32 bytes each, not as
// ASN.1 (RFC 9421 section 3.3.4), and refuses values outside of [1, n-1].
func verifyP256(public *ecdsa.PublicKey, base, signature []byte) bool {
	if len(signature) != 2*scalarBytes {
		return false
	}
	order := elliptic.P256().Params().N
	r := new(big.Int).SetBytes(signature[:scalarBytes])
	s := new(big.Int).SetBytes(signature[scalarBytes:])
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(order) >= 0 || s.Cmp(order) >= 0 {
		return false
	}
	sum := sha256.Sum256(base)
	return ecdsa.Verify(public, sum[:], r, s)
}

func signP256(private crypto.Signer, base []byte) ([]byte, error) {
	random := rand.Reader
	if _, ok := private.(*ecdsa.PrivateKey); ok {
		random = nil // asks the standard library for RFC 6979
	}
	sum := sha256.Sum256(base)
	der, err := private.Sign(random, sum[:], crypto.SHA256)
	if err != nil {
		return nil, refuseBecause(ReasonUnavailable, err, "signing")
	}
	var parts struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 ||
		parts.R.Sign() < 0 || parts.S.Sign() < 0 ||
		parts.R.BitLen() > 8*scalarBytes || parts.S.BitLen() > 8*scalarBytes {
		return nil, refuse(ReasonUnavailable, "the key's signer gave no P-256 signature")
	}
	raw := make([]byte, 2*scalarBytes)
	parts.R.FillBytes(raw[:scalarBytes])
	parts.S.FillBytes(raw[scalarBytes:])
	return raw, nil
}
