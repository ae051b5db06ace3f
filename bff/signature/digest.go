package signature

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"net/http"

	"github.com/dunglas/httpsfv"
)

// maxDigests bounds the algorithms listed in one Content-Digest field.
const maxDigests = 8

// ContentDigest gives the Content-Digest field (RFC 9530) of the content, with
// SHA-256. The content is what goes over the wire, that is after compression.
func ContentDigest(content []byte) string {
	var field [digestChars]byte
	return string(appendDigest(field[:0], content))
}

// digestChars is the length of the field that ContentDigest gives.
const digestChars = len("sha-256=:") + (sha256.Size+2)/3*4 + len(":")

func appendDigest(field, content []byte) []byte {
	sum := sha256.Sum256(content)
	field = append(field, "sha-256=:"...)
	field = base64.StdEncoding.AppendEncode(field, sum[:])
	return append(field, ':')
}

// VerifyContentDigest checks the Content-Digest field of a header against the
// content as received. At least one of sha-256 and sha-512 must be there, and all
// of these that are there must match. Other algorithms are ignored, so a field
// with md5 or sha alone is refused (RFC 9530 section 5 calls them insecure).
func VerifyContentDigest(header http.Header, content []byte) error {
	// The field as ContentDigest writes it is right by being equal; any other form is
	// parsed. A digest of known content is no secret, so time tells nothing.
	var own [digestChars]byte
	if stated := header["Content-Digest"]; len(stated) == 1 && stated[0] == string(appendDigest(own[:0], content)) {
		return nil
	}
	dict, err := parseDictionary(header, "Content-Digest", maxDigests)
	if err != nil {
		return refuseBecause(ReasonDigest, err, "Content-Digest cannot be read")
	}
	checked := 0
	for _, algorithm := range dict.Names() {
		var sum []byte
		switch algorithm {
		case "sha-256":
			s := sha256.Sum256(content)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(content)
			sum = s[:]
		default:
			continue
		}
		member, _ := dict.Get(algorithm)
		item, _ := member.(httpsfv.Item)
		stated, ok := item.Value.([]byte)
		if !ok || subtle.ConstantTimeCompare(stated, sum) != 1 {
			return refuse(ReasonDigest, "the content does not match %s", algorithm)
		}
		checked++
	}
	if checked == 0 {
		return refuse(ReasonDigest, "no digest of a secure algorithm")
	}
	return nil
}
