package cases

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/lendgate/lendgate/bff/signature"
)

// fieldCase is a case of the structured-field tests of the HTTP working group. Without
// raw lines it asks for the serialisation of a value alone. It is
// github.com/httpwg/structured-field-tests, which RFC 9651 names.
type fieldCase struct {
	Name       string          `json:"name"`
	Raw        []string        `json:"raw"`
	HeaderType string          `json:"header_type"`
	Expected   json.RawMessage `json:"expected"`
	MustFail   bool            `json:"must_fail"`
	// CanFail marks what an implementation may refuse or take.
	CanFail   bool     `json:"can_fail"`
	Canonical []string `json:"canonical"`
}

// runStructuredFields runs the tests through the parser that bff/signature stands on,
// and through its own reading of a dictionary.
func runStructuredFields(_ string, raw []byte) ([]outcome, error) {
	var file struct {
		Files map[string][]fieldCase `json:"files"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	var outcomes []outcome
	for name, list := range file.Files {
		for _, c := range list {
			outcomes = append(outcomes, outcome{ID: name + ": " + c.Name, Err: c.check()})
		}
	}
	// The files come as a map; the report is to be the same on every run.
	slices.SortStableFunc(outcomes, func(a, b outcome) int { return strings.Compare(a.ID, b.ID) })
	return outcomes, nil
}

// check parses, prints and compares: an error of either shows in the other.
func (c fieldCase) check() error {
	if c.Raw == nil {
		return c.checkSerialising()
	}
	parsed, err := parseField(c.HeaderType, c.Raw)
	switch {
	case c.MustFail && err == nil:
		return errors.New("parsed, and must be refused")
	case c.MustFail:
		return c.checkRefusal()
	case err != nil && c.CanFail:
		return nil
	case err != nil:
		return err
	}
	// Without a canonical form the input is one.
	want := c.Canonical
	if want == nil {
		want = c.Raw
	}
	text, err := httpsfv.Marshal(parsed)
	if err != nil {
		return err
	}
	if err := differ("canonical form", text, strings.Join(want, ", ")); err != nil {
		return err
	}
	// What was read is what was meant, not only what prints the same.
	meant, err := fieldOf(c.HeaderType, c.Expected)
	if err != nil {
		return err
	}
	meantText, err := httpsfv.Marshal(meant)
	if err != nil {
		return err
	}
	return differ("value", text, meantText)
}

// checkRefusal asks that a dictionary that is none is refused by bff/signature too,
// whichever field it stands in. A signature that one parser reads and another refuses
// would be a hole between a proxy and us.
func (c fieldCase) checkRefusal() error {
	if c.HeaderType != "dictionary" {
		return nil
	}
	header := http.Header{"Accept-Signature": c.Raw, "Signature-Input": c.Raw, "Content-Digest": c.Raw}
	_, errAccept := signature.ParseAcceptSignature(header)
	_, errInput := signature.ParseInput(header, "a")
	for _, err := range []error{errAccept, errInput, signature.VerifyContentDigest(header, nil)} {
		if err := verdict("invalid", err); err != nil {
			return err
		}
	}
	return nil
}

// checkSerialising prints a value. Values that cannot be printed can mostly not even
// be made.
func (c fieldCase) checkSerialising() error {
	value, err := fieldOf(c.HeaderType, c.Expected)
	var text string
	if err == nil {
		text, err = httpsfv.Marshal(value)
	}
	switch {
	case c.MustFail && err == nil:
		return fmt.Errorf("printed as %q, and must be refused", text)
	case c.MustFail:
		return nil
	case err != nil:
		return err
	}
	return differ("canonical form", text, strings.Join(c.Canonical, ", "))
}

// parseField reads the lines as what the test says they are: the syntax does not tell.
func parseField(kind string, lines []string) (httpsfv.StructuredFieldValue, error) {
	switch kind {
	case "item":
		return httpsfv.UnmarshalItem(lines)
	case "list":
		return httpsfv.UnmarshalList(lines)
	case "dictionary":
		return httpsfv.UnmarshalDictionary(lines)
	}
	return nil, fmt.Errorf("structured type %q is not known", kind)
}

// fieldOf makes a value out of the JSON form of the tests: an item is [value, params], a
// list an array of members, a dictionary an array of [key, member].
func fieldOf(kind string, raw json.RawMessage) (httpsfv.StructuredFieldValue, error) {
	if kind == "item" {
		return itemOf(raw)
	}
	var members []json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if kind == "list" {
		list := make(httpsfv.List, len(members))
		for i, m := range members {
			var err error
			if list[i], err = memberOf(m); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	dict := httpsfv.NewDictionary()
	for _, m := range members {
		key, value, err := pairOf(m)
		if err != nil {
			return nil, err
		}
		// A member without a value is true by the RFC; the tests write that out.
		member, err := memberOf(value)
		if err != nil {
			return nil, err
		}
		dict.Add(key, member)
	}
	return dict, nil
}

// memberOf tells an inner list from an item by its first part, which is an array.
func memberOf(raw json.RawMessage) (httpsfv.Member, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 2 {
		return nil, fmt.Errorf("a member is not [value, params]: %s", raw)
	}
	// An item's value is never an array, an inner list's always.
	if parts[0][0] != '[' {
		return itemOf(raw)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(parts[0], &items); err != nil {
		return nil, err
	}
	list := httpsfv.InnerList{Items: make([]httpsfv.Item, len(items))}
	for i, item := range items {
		var err error
		if list.Items[i], err = itemOf(item); err != nil {
			return nil, err
		}
	}
	var err error
	list.Params, err = fieldParams(parts[1])
	return list, err
}

// itemOf makes an item out of [value, params].
func itemOf(raw json.RawMessage) (httpsfv.Item, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 2 {
		return httpsfv.Item{}, fmt.Errorf("an item is not [value, params]: %s", raw)
	}
	value, err := bareOf(parts[0])
	if err != nil {
		return httpsfv.Item{}, err
	}
	params, err := fieldParams(parts[1])
	return httpsfv.Item{Value: value, Params: params}, err
}

// fieldParams makes parameters out of an array of [key, value]; their order is kept,
// since it is part of the canonical form.
func fieldParams(raw json.RawMessage) (*httpsfv.Params, error) {
	var pairs []json.RawMessage
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, err
	}
	params := httpsfv.NewParams()
	for _, pair := range pairs {
		key, value, err := pairOf(pair)
		if err != nil {
			return nil, err
		}
		bare, err := bareOf(value)
		if err != nil {
			return nil, err
		}
		params.Add(key, bare)
	}
	return params, nil
}

// pairOf splits [key, value]. JSON objects would lose the order.
func pairOf(raw json.RawMessage) (key string, value json.RawMessage, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 2 {
		return "", nil, fmt.Errorf("not [key, value]: %s", raw)
	}
	return key, parts[1], json.Unmarshal(parts[0], &key)
}

// bareOf makes a bare item. What JSON has no type for is {"__type", "value"}, and a
// number is a decimal when it is written as one.
func bareOf(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case 't', 'f':
		return raw[0] == 't', nil
	case '{':
		return typedBare(raw)
	}
	// Written and not valued: 1.0 is a decimal to the RFC, 1 an integer.
	number := json.Number(raw)
	if strings.ContainsAny(string(raw), ".eE") {
		return number.Float64()
	}
	return number.Int64()
}

// typedBare makes the types that JSON lacks: tokens, dates, display strings, and binary
// data, which the tests write in base32.
func typedBare(raw json.RawMessage) (any, error) {
	var typed struct {
		Type  string          `json:"__type"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &typed); err != nil {
		return nil, err
	}
	if typed.Type == "date" {
		var seconds int64
		err := json.Unmarshal(typed.Value, &seconds)
		return time.Unix(seconds, 0), err
	}
	var text string
	if err := json.Unmarshal(typed.Value, &text); err != nil {
		return nil, err
	}
	switch typed.Type {
	case "token":
		return httpsfv.Token(text), nil
	case "displaystring":
		return httpsfv.DisplayString(text), nil
	case "binary":
		return base32.StdEncoding.DecodeString(text)
	}
	return nil, fmt.Errorf("bare item of type %q", typed.Type)
}
