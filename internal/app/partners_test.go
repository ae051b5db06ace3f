package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/tenant"
)

func demoLenders(t *testing.T) *tenant.Directory {
	t.Helper()
	lenders, err := loadTenants("")
	if err != nil {
		t.Fatal(err)
	}
	return lenders
}

func TestTheDemoPartnersKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	config := Config{DataDir: t.TempDir()}
	if _, err := ReadDemoPartnerKey(config.DataDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first start: %v", err)
	}
	if err := makeDemoPartnerKey(config); err != nil {
		t.Fatal(err)
	}
	first, err := ReadDemoPartnerKey(config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if thumbprint, _ := first.Thumbprint(); first.Algorithm != signature.Ed25519 || first.ID != thumbprint {
		t.Errorf("made %s", first)
	}
	info, err := os.Stat(filepath.Join(config.DataDir, "partner-test.key.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("lies there as %v (%v)", info.Mode(), err)
	}
	if err := makeDemoPartnerKey(config); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadDemoPartnerKey(config.DataDir); err != nil || again.ID != first.ID {
		t.Errorf("after the second start: %s (%v)", again, err)
	}
}

func TestTheDemoLenderKnowsTheShopByItsPublicKey(t *testing.T) {
	t.Parallel()
	config, lenders := Config{DataDir: t.TempDir()}, demoLenders(t)
	if same, err := withDemoPartner(lenders, config); err != nil || len(same.Default().Partners) != 0 {
		t.Errorf("without a key: %d partners (%v)", len(same.Default().Partners), err)
	}
	if err := makeDemoPartnerKey(config); err != nil {
		t.Fatal(err)
	}
	with, err := withDemoPartner(lenders, config)
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := with.Default().Partner(DemoPartner)
	if !ok || len(shop.Keys) != 1 {
		t.Fatalf("found %v with %d keys", ok, len(shop.Keys))
	}
	key, err := signature.ParseJWK(shop.Keys[0].JWK)
	if err != nil || key.Private != nil || strings.Contains(string(shop.Keys[0].JWK), `"d"`) {
		t.Errorf("the lender holds %s, able to sign: %v (%v)", key, key.Private != nil, err)
	}
	if len(lenders.Default().Partners) != 0 {
		t.Error("the other parts' directory has changed")
	}
	if diff := cmp.Diff(lenders.Default().Locales, with.Default().Locales); diff != "" || with.Default().Zone().String() != "Europe/Kyiv" {
		t.Errorf("the lender is another one (-want +got):\n%s", diff)
	}
}

func TestOwnLendersHaveNoDemoPartner(t *testing.T) {
	t.Parallel()
	config, lenders := Config{DataDir: t.TempDir()}, demoLenders(t)
	if err := makeDemoPartnerKey(config); err != nil {
		t.Fatal(err)
	}
	config.TenantsFile = "tenants.json"
	if same, err := withDemoPartner(lenders, config); err != nil || len(same.Default().Partners) != 0 {
		t.Errorf("a key of earlier days opens the operator's own lenders (%v)", err)
	}
	config.DataDir = t.TempDir()
	if err := makeDemoPartnerKey(config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(demoPartnerFile(config.DataDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made for them (%v)", err)
	}
}
