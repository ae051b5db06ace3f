package signature

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
)

// JWK is a key in the form of RFC 7517 and RFC 8037. Printed ones hold public
// members only.
type JWK struct {
	Kty string `json:"kty"`
	Kid string `json:"kid,omitempty"`
	Use string `json:"use,omitempty"`
	// KeyOps says in detail what the key is for (RFC 7517 section 4.3).
	KeyOps []string `json:"key_ops,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
	// K and D are secret; they are read, and never printed by this package.
	K string `json:"k,omitempty"`
	D string `json:"d,omitempty"`
}

// ParseJWK reads one JWK: EC P-256, OKP Ed25519, oct for HMAC-SHA256, or RSA for
// verifying RSA-PSS. A private member makes the key able to sign and must belong
// to the public one. The id is kid, and the thumbprint when kid is absent.
func ParseJWK(raw []byte) (Key, error) {
	var j JWK
	if err := json.Unmarshal(raw, &j); err != nil {
		return Key{}, refuseBecause(ReasonMalformed, err, "JWK")
	}
	isForSigning := func(operation string) bool { return operation == "sign" || operation == "verify" }
	if (j.Use != "" && j.Use != "sig") || (j.KeyOps != nil && !slices.ContainsFunc(j.KeyOps, isForSigning)) {
		return Key{}, refuse(ReasonMalformed, "JWK is not for signatures")
	}
	var key Key
	var err error
	var joseNames [2]string // what alg may say, if it says anything
	switch j.Kty + " " + j.Crv {
	case "EC P-256":
		key, err = j.p256()
		joseNames = [2]string{"ES256"}
	case "OKP Ed25519":
		key, err = j.ed25519()
		joseNames = [2]string{"EdDSA", "Ed25519"}
	case "RSA ":
		key, err = j.rsa()
		joseNames = [2]string{"PS512"}
	case "oct ":
		var secret []byte
		if secret, err = unbase64("k", j.K); err == nil && len(secret) < minSecret {
			err = refuse(ReasonAlgorithm, "JWK secret is shorter than %d bytes", minSecret) // RFC 7518 section 3.2
		}
		key = Key{Algorithm: HMACSHA256, Secret: secret}
		joseNames = [2]string{"HS256"}
	default:
		err = refuse(ReasonAlgorithm, "JWK of an unsupported type")
	}
	if err != nil {
		return Key{}, err
	}
	if j.Alg != "" && j.Alg != joseNames[0] && j.Alg != joseNames[1] {
		return Key{}, refuse(ReasonAlgorithm, "JWK names another algorithm than its type has")
	}
	if key.ID = j.Kid; key.ID == "" && key.Public != nil {
		key.ID, err = key.Thumbprint()
	}
	return key, err
}

func (j JWK) p256() (Key, error) {
	x, errX := unbase64("x", j.X)
	y, errY := unbase64("y", j.Y)
	if errX != nil || errY != nil || len(x) != scalarBytes || len(y) != scalarBytes {
		return Key{}, refuse(ReasonMalformed, "JWK coordinates are not of 32 bytes")
	}
	// Parsing refuses points that are not on the curve.
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return Key{}, refuseBecause(ReasonMalformed, err, "JWK")
	}
	key := Key{Algorithm: ECDSAP256SHA256, Public: public}
	if j.D == "" {
		return key, nil
	}
	d, err := unbase64("d", j.D)
	if err != nil {
		return Key{}, err
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil || !private.PublicKey.Equal(public) {
		return Key{}, refuse(ReasonMalformed, "JWK halves do not belong together")
	}
	key.Private = private
	return key, nil
}

func (j JWK) ed25519() (Key, error) {
	x, err := unbase64("x", j.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return Key{}, refuse(ReasonMalformed, "JWK x is not of 32 bytes")
	}
	key := Key{Algorithm: Ed25519, Public: ed25519.PublicKey(x)}
	if j.D == "" {
		return key, nil
	}
	d, err := unbase64("d", j.D)
	if err != nil || len(d) != ed25519.SeedSize {
		return Key{}, refuse(ReasonMalformed, "JWK d is not of 32 bytes")
	}
	private := ed25519.NewKeyFromSeed(d)
	if !ed25519.PublicKey(x).Equal(private.Public()) {
		return Key{}, refuse(ReasonMalformed, "JWK halves do not belong together")
	}
	key.Private = private
	return key, nil
}

// rsa reads the public half only: the package does not sign with RSA.
func (j JWK) rsa() (Key, error) {
	n, errN := unbase64("n", j.N)
	e, errE := unbase64("e", j.E)
	if errN != nil || errE != nil || len(e) > 4 {
		return Key{}, refuse(ReasonMalformed, "JWK RSA members")
	}
	exponent := new(big.Int).SetBytes(e).Int64()
	key := Key{Algorithm: RSAPSSSHA512, Public: &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}}
	if exponent < 3 || exponent%2 == 0 || exponent >= 1<<31 {
		return Key{}, refuse(ReasonMalformed, "JWK RSA exponent")
	}
	return key, key.fits()
}

// JWK gives the public half for a key directory. A shared secret has none.
func (k Key) JWK() (JWK, error) {
	if err := k.fits(); err != nil {
		return JWK{}, err
	}
	j := JWK{Kid: k.ID, Use: "sig"}
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.Public.(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 0x04, x, y
		if err != nil {
			return JWK{}, refuseBecause(ReasonMalformed, err, "key %q", k.ID)
		}
		j.Kty, j.Crv, j.Alg = "EC", "P-256", "ES256"
		j.X, j.Y = encode(point[1:1+scalarBytes]), encode(point[1+scalarBytes:])
	case ed25519.PublicKey:
		j.Kty, j.Crv, j.Alg = "OKP", "Ed25519", "EdDSA"
		j.X = encode(public)
	case *rsa.PublicKey:
		j.Kty, j.Alg = "RSA", "PS512"
		j.N, j.E = encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	default:
		return JWK{}, refuse(ReasonAlgorithm, "key %q is a shared secret", k.ID)
	}
	return j, nil
}

// Thumbprint is the SHA-256 thumbprint of RFC 7638, base64url. A shared secret has
// none: a hash of it would let people test guesses.
func (k Key) Thumbprint() (string, error) {
	j, err := k.JWK()
	if err != nil {
		return "", err
	}
	// Only the required members count, in the order of their names. The values are
	// base64url and need no escaping.
	var text string
	switch j.Kty {
	case "EC":
		text = `{"crv":"` + j.Crv + `","kty":"EC","x":"` + j.X + `","y":"` + j.Y + `"}`
	case "OKP":
		text = `{"crv":"` + j.Crv + `","kty":"OKP","x":"` + j.X + `"}`
	default:
		text = `{"e":"` + j.E + `","kty":"RSA","n":"` + j.N + `"}`
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func unbase64(member, text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil, refuse(ReasonMalformed, "JWK member %s", member)
	}
	return raw, nil
}
