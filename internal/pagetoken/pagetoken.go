// Package pagetoken makes the opaque tokens of paged lists.
//
// A token holds the key of the last row shown and is signed together with the list that it belongs to (tenant, person, RPC and filter), so
// that a token of one list, person or lender is refused on another. Tokens do not end: a key stays a key.
package pagetoken

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	defaultSize = 20
	macSize     = 16
)

// Tokens makes and reads page tokens.
type Tokens struct {
	key []byte
}

// New makes the tokens of an installation from its master key.
func New(masterKey []byte) (*Tokens, error) {
	key, err := hkdf.Key(sha256.New, masterKey, nil, "lendgate page tokens", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("pagetoken: %w", err)
	}
	return &Tokens{key: key}, nil
}

// Page is where a page begins and how long it is.
type Page struct {
	// Size is how many rows the caller gets. Ask the database for one more to see whether another page follows.
	Size int32
	// After is the key of the last row of the page before; the nil UUID on the first page.
	After uuid.UUID
}

// Limit is Size and one more.
func (p Page) Limit() int32 { return p.Size + 1 }

// Read reads a page request. list names the list with its filter, such as "loans.transactions/loan_…".
func (t *Tokens) Read(who actor.Actor, list string, req *typev1.PageRequest) (Page, error) {
	page := Page{Size: defaultSize}
	if size := req.GetPageSize(); size > 0 {
		page.Size = size
	}
	if req.GetPageToken() == "" {
		return page, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil || len(raw) != len(page.After)+macSize || !hmac.Equal(raw[len(page.After):], t.mac(who, list, raw[:len(page.After)])) {
		return Page{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "the page token is not one of this list",
			rpcerr.Field("page.page_token", "is not one of this list; start from the first page"))
	}
	copy(page.After[:], raw)
	return page, nil
}

// Cut shortens rows to the page's size and makes the token of the next page when there were more. key is the key of a row.
func Cut[Row any](t *Tokens, who actor.Actor, list string, page Page, rows []Row, key func(Row) uuid.UUID) ([]Row, *typev1.PageInfo) {
	if len(rows) <= int(page.Size) {
		return rows, &typev1.PageInfo{}
	}
	rows = rows[:page.Size]
	last := key(rows[len(rows)-1])
	token := append(last[:], t.mac(who, list, last[:])...)
	return rows, &typev1.PageInfo{NextPageToken: base64.RawURLEncoding.EncodeToString(token)}
}

func (t *Tokens) mac(who actor.Actor, list string, key []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	fmt.Fprintf(h, "%s|%s|%s|%x", who.TenantID, who.PersonID, list, key)
	return h.Sum(nil)[:macSize]
}
