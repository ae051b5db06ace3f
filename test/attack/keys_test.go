package attack_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

func s12(t *testing.T, p *people) string {
	jwk, err := p.borys.signer.Key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	x, err := base64.RawURLEncoding.DecodeString(jwk.X)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{"x": x, "x in text": []byte(jwk.X), "header": []byte(p.borys.public)}
	for what, secret := range secrets {
		forged := *p.borys
		forged.signer = signerOf(signature.Key{ID: p.borys.signer.Key.ID, Algorithm: signature.HMACSHA256, Secret: secret})
		expect(t, what, forged.send(t, home(t), []byte("{}"), nil, nil), invalid)
	}
	return fmt.Sprintf("%d secrets", len(secrets))
}

func s13(t *testing.T, p *people) string {
	flood := scale(t, 200)
	for range flood {
		unknown := newCaller(t, p.in, "unknown", "demo")
		expect(t, "unknown key", unknown.send(t, home(t), []byte("{}"), nil, nil), invalid)
	}
	if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("afterwards others get %d %s", a.Status, a.Reason)
	}
	return fmt.Sprintf("%d keys of 10,000; the whole count: `signature.TestAFloodOfUnknownKeys`", flood)
}

// s14 loses a phone: its owner revokes it, and whoever has it goes on signing.
func s14(t *testing.T, p *people) string {
	lost := phone(t, p.in, "lost phone", "demo")
	memory := lost.byMemory(lost.logIn(t, "+380500000002", "222222"))
	if a := memory.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Fatalf("by the session's key: %d %s", a.Status, a.Reason)
	}
	if a := lost.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Fatalf("before: %d %s", a.Status, a.Reason)
	}
	m := rpc(t, mobilev1connect.ProfileServiceRevokeDeviceProcedure)
	if a := lost.call(t, m, message(t, m, map[string]string{"device_id": lost.deviceID})); !a.ok() {
		t.Fatalf("revoke: %d %s", a.Status, a.Reason)
	}
	began := time.Now()
	err := await(within(t, 8*time.Second), func() (bool, error) {
		return !lost.send(t, home(t), []byte("{}"), nil, nil).ok() && !memory.send(t, home(t), []byte("{}"), nil, nil).ok(), nil
	})
	if took := time.Since(began); err != nil || took > 6*time.Second {
		t.Errorf("still served after %s", took)
	}
	return "one device, by its own key and by its session's"
}

func s15(t *testing.T, p *people) string {
	cells := 0
	for _, m := range signedRPCs(t) {
		var wrong *caller
		switch m.Signature {
		case typev1.SignatureClass_SIGNATURE_CLASS_PARTNER:
			wrong = p.borys
		case typev1.SignatureClass_SIGNATURE_CLASS_ENROL:
			continue // It presents its own key.
		default:
			wrong = shop(t, p.in, "demo")
		}
		expect(t, short(m)+" by "+wrong.name, wrong.send(t, m, []byte("{}"), nil, nil), invalid)
		away := *p.vira
		away.lender = "demo"
		expect(t, short(m)+" at another lender", away.send(t, m, []byte("{}"), nil, nil), invalid)
		cells += 2
	}
	return fmt.Sprintf("%d cells", cells)
}

func s16(t *testing.T, p *people) string {
	beside := p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) {
		r.Header.Set("Signature-Input", `other=("@method");created=1;keyid="x", `+r.Header.Get("Signature-Input"))
		r.Header.Set("Signature", "other=:AAAA:, "+r.Header.Get("Signature"))
	})
	if !beside.ok() {
		t.Errorf("a signature of somebody else beside ours: %d %s", beside.Status, beside.Reason)
	}
	many := p.borys.send(t, home(t), []byte("{}"), nil, func(r *http.Request) {
		for i := range 100 {
			r.Header.Set("Signature-Input", r.Header.Get("Signature-Input")+fmt.Sprintf(`, s%d=("@method");created=1`, i))
		}
	})
	if many.Status != http.StatusUnauthorized && many.Status != http.StatusBadRequest {
		t.Errorf("100 labels: %d %s", many.Status, many.Reason)
	}
	r := p.borys.request(t, home(t), []byte("{}"), "")
	r.Header.Set("Signature-Input", `lendgate=("@method");x="`+strings.Repeat("a", 64<<10)+`"`)
	if long, err := try(r); err == nil && long.Status < 400 { // Hanging up is an answer, too.
		t.Errorf("64 KB: %d %s", long.Status, long.Reason)
	}
	return "3 kinds"
}
