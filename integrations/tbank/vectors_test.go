package tbank

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/integrations/kit"
)

// TestTokenVectors proves the signature by figures that the vendor publishes.
func TestTokenVectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source string
		root         fields
		password     kit.Secret
		want         string
	}{
		{
			"the documented Init", "developer.tbank.ru/eacq/intro/developer/token",
			fields{
				"TerminalKey": "MerchantTerminalKey", "Amount": int64(19200), "OrderId": "00000",
				"Description": "Подарочная карта на 1000 рублей",
				"DATA":        map[string]string{"Phone": "+71234567890"}, "Receipt": map[string]any{"Items": []any{}},
				"Token": "ignored",
			},
			"11111111111111", "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2",
		},
		{
			"the Init of the OpenAPI document", "acquiring OpenAPI 1.80",
			fields{
				"TerminalKey": "MerchantTerminalKey", "Amount": json.Number("19200"), "OrderId": "21090",
				"Description": "Подарочная карта на 1000 рублей",
			},
			"usaf8fw8fsw21g", "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := token(test.root, test.password); got != test.want {
				t.Errorf("Token = %s, want %s (%s)", got, test.want, test.source)
			}
		})
	}
}

func TestScalarsEnterTheTokenAsTheyStand(t *testing.T) {
	t.Parallel()
	root := fields{
		"A": true, "B": false, "C": json.Number("1.50"), "D": nil, "E": []any{"x"}, "F": "", "G": int64(-7),
	}
	sum := sha256.Sum256([]byte("truefalse1.50-7p"))
	if got := token(root, "p"); got != fmt.Sprintf("%x", sum) {
		t.Errorf("Token = %s", got)
	}
}

// TestDigest: the values of the published example join to
// "20150TinkoffBankTesttrue", and both readings of "signed digest" verify.
func TestDigest(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("20150TinkoffBankTesttrue"))
	twice := sha256.Sum256(digest[:])
	for input, signed := range map[SignatureInput][32]byte{SignDigest: twice, SignValues: digest} {
		root := fields{
			"PaymentId": "20150", "TerminalKey": "TinkoffBankTest", "isNeedRrn": true,
			"DATA": map[string]string{"x": "y"},
		}
		if err := sign(root, key, "5F9A", input); err != nil {
			t.Fatal(err)
		}
		if got := root["DigestValue"]; got != base64.StdEncoding.EncodeToString(digest[:]) {
			t.Errorf("DigestValue = %v", got)
		}
		signature, err := base64.StdEncoding.DecodeString(root["SignatureValue"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, signed[:], signature); err != nil {
			t.Errorf("input %d: %v", input, err)
		}
	}
}

// TestTokenDoesNotBindDigitsToFields keeps a weakness of the vendor's scheme in
// sight: values are joined without separators, so a genuine Token survives
// digits that move between neighbours. Callers therefore compare Amount.
func TestTokenDoesNotBindDigitsToFields(t *testing.T) {
	t.Parallel()
	genuine := fields{"TerminalKey": "T", "PaymentId": "1", "Status": "CONFIRMED", "Amount": "1000", "CardId": "77"}
	body := fmt.Sprintf(`{"TerminalKey":"T","PaymentId":1,"Status":"CONFIRMED","Amount":100077,"Token":%q}`,
		token(genuine, "p"))
	n, err := parseNotification([]byte(body), "T", "p")
	if err != nil || n.Amount != 100077 {
		t.Fatalf("the vendor's scheme has changed: %+v, %v", n, err)
	}
}

func TestOutcomeOfCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code  string
		moves bool
		want  kit.Outcome
	}{
		{"1051", true, kit.OutcomeRefused},
		{"20", true, kit.OutcomeRefused},
		{"78", true, kit.OutcomeRefused},
		{"1502", true, kit.OutcomeRefused},
		{"55", true, kit.OutcomeRetryable},
		{"9001", false, kit.OutcomeRetryable},
		{"9999", true, kit.OutcomeUnknown},
		{"9999", false, kit.OutcomeRetryable},
		{"1018", true, kit.OutcomeUnknown},
		{"8", true, kit.OutcomeUnknown},
		{"8", false, kit.OutcomeRefused},
		{"3037", true, kit.OutcomeUnknown},
		{"424242", true, kit.OutcomeUnknown},
		{"424242", false, kit.OutcomeRefused},
		{"", true, kit.OutcomeUnknown},
		{"words", true, kit.OutcomeUnknown},
	}
	for _, test := range tests {
		if got := outcomeOfCode(test.code, test.moves); got != test.want {
			t.Errorf("code %q, moves %t: %s, want %s", test.code, test.moves, got, test.want)
		}
	}
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"700"`: "700", `700`: "700", `null`: "", `""`: ""} {
		var got identifier
		if err := json.Unmarshal([]byte(text), &got); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`"7a"`, `7.5`, `-7`, `true`, `"123456789012345678901"`} {
		var got identifier
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was accepted as %q", text, got)
		}
	}
}

func TestRunCases(t *testing.T) {
	t.Parallel()
	const file = `[
	 {"id":"tbank-numbers","params":{"TerminalKey":"MerchantTerminalKey","Amount":19200,"OrderId":"21090",
	  "Description":"Подарочная карта на 1000 рублей"},"password":"usaf8fw8fsw21g",
	  "expected":"0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"},
	 {"id":"tbank-wrong","params":{"A":"1"},"password":"p","expected":"00"},
	 {"id":"tbank-new-status","failures":"REJECTED, TELEPORTED"},
	 {"id":"tbank-empty"},
	 {"id":"another-vendor","params":{"A":"1"}}]`
	passed, total, failures, err := RunCases([]byte(file))
	if err != nil || passed != 1 || total != 4 || len(failures) != 3 {
		t.Errorf("%d of %d, %v, %v", passed, total, failures, err)
	}
	if _, _, _, err := RunCases([]byte("{")); err == nil {
		t.Error("a damaged file was accepted")
	}
}

// pspFloor is how many of this vendor's records must pass; it only rises.
const pspFloor = 2

func TestOutsideCases(t *testing.T) {
	t.Parallel()
	path := filepath.Join(casesFolder(t), "psp", "psp_vectors.json")
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skip("no outside cases: set LENDGATE_CASES to the folder that holds psp/psp_vectors.json")
	} else if err != nil {
		t.Fatal(err)
	}
	passed, total, failures, err := RunCases(data)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("cases: psp/psp_vectors.json %d/%d\n", passed, total)
	if passed < pspFloor || passed < total {
		t.Errorf("%d of %d passed, floor %d: %s", passed, total, pspFloor, strings.Join(failures, "; "))
	}
}

// casesFolder is LENDGATE_CASES, or ../shared/cases beside the module's root.
func casesFolder(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv("LENDGATE_CASES"); folder != "" {
		return folder
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, "..", "shared", "cases")
		}
		parent := filepath.Dir(root)
		if parent == root {
			t.Skip("not inside a module")
		}
		root = parent
	}
}
