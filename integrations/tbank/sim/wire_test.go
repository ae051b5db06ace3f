package sim

import (
	"encoding/json"
	"testing"
)

// These vectors prove the bank's own verifier without the adapter.

func parse(t *testing.T, text string) request {
	t.Helper()
	var q request
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		t.Fatal(err)
	}
	return q
}

func TestTokenVectors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, password, want string }{
		{
			"the documented Init (developer.tbank.ru/eacq/intro/developer/token)",
			`{"TerminalKey":"MerchantTerminalKey","Amount":19200,"OrderId":"00000",
			  "Description":"Подарочная карта на 1000 рублей","DATA":{"Phone":"+71234567890"},
			  "Receipt":{"Email":"a@test.ru"},"Shops":[1],"Token":"ignored"}`,
			"11111111111111", "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2",
		},
		{
			"the Init of the OpenAPI document 1.80",
			`{"TerminalKey":"MerchantTerminalKey","Amount":"19200","OrderId":"21090",
			  "Description":"Подарочная карта на 1000 рублей"}`,
			"usaf8fw8fsw21g", "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, test.body).tokenOf(test.password); got != test.want {
				t.Errorf("Token = %s, want %s", got, test.want)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	q := parse(t, `{"isNeedRrn":true,"TerminalKey":"TinkoffBankTest","PaymentId":20150,"DATA":{"a":1},"X":null}`)
	if got := q.canonical(nil, "DigestValue"); got != "20150TinkoffBankTesttrue" {
		t.Errorf("canonical = %q", got)
	}
}

func TestCleanPAN(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		CardGood, CardNoFunds, Card3DS, CardForeign, CardSlowReject, "4300 0000 0000 0777", "4300-0000-0000-0777",
	} {
		if _, ok := cleanPAN(good); !ok {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "4300", "4300000000000778", "430000000000077x", "43000000000007770000", "４３00000000000777"} {
		if _, ok := cleanPAN(bad); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
}
