package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/tenant"
)

// DemoPartner is the shop that the demo lender works with.
const DemoPartner = "shop-demo"

// demoPartnerFile holds the shop's private key, which only the shop would have. Here it lies beside the platform, so that everybody can be
// the shop and try it.
func demoPartnerFile(dataDir string) string { return filepath.Join(dataDir, "partner-test.key.json") }

// ReadDemoPartnerKey reads the key that the demo shop signs by.
func ReadDemoPartnerKey(dataDir string) (signature.Key, error) {
	raw, err := os.ReadFile(demoPartnerFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return signature.Key{}, fmt.Errorf("%s has no demo partner: lendgate up makes one for the demo lender: %w", dataDir, err)
	}
	if err != nil {
		return signature.Key{}, err
	}
	key, err := signature.ParseJWK(raw)
	if err != nil {
		return signature.Key{}, fmt.Errorf("%s: %w", demoPartnerFile(dataDir), err)
	}
	if key.Private == nil {
		return signature.Key{}, fmt.Errorf("%s: holds no private key", demoPartnerFile(dataDir))
	}
	return key, nil
}

// makeDemoPartnerKey makes the shop's key on the first start of an installation with the demo lender. Its id is its thumbprint.
func makeDemoPartnerKey(config Config) error {
	if config.TenantsFile != "" {
		return nil // The lenders are the operator's own, and so are their partners.
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	key := signature.Key{Algorithm: signature.Ed25519, Public: public}
	if key.ID, err = key.Thumbprint(); err != nil {
		return err
	}
	jwk, err := key.JWK()
	if err != nil {
		return err
	}
	jwk.D = base64.RawURLEncoding.EncodeToString(private.Seed())
	raw, err := json.MarshalIndent(jwk, "", "  ")
	if err != nil {
		return err
	}
	// Exclusively: the key of an earlier start stays.
	file, err := os.OpenFile(demoPartnerFile(config.DataDir), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("demo partner: %w", err)
	}
	_, err = file.Write(append(raw, '\n'))
	return errors.Join(err, file.Close())
}

// withDemoPartner adds the shop to the demo lender, when there is one and its key has been made. Of the parts of a process only the edge,
// which lets partners in, and identity, which keeps the keys that staff issue to them, need to know partners.
func withDemoPartner(lenders *tenant.Directory, config Config) (*tenant.Directory, error) {
	if config.TenantsFile != "" {
		return lenders, nil
	}
	key, err := ReadDemoPartnerKey(config.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return lenders, nil
	}
	if err != nil {
		return nil, err
	}
	public, err := key.JWK()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	lender := *lenders.Default()
	lender.Partners = append(slices.Clone(lender.Partners), tenant.Partner{
		ID: DemoPartner, Name: "Demo Shop", Keys: []tenant.PartnerKey{{ID: key.ID, JWK: raw}},
	})
	return tenant.NewDirectory(&lender)
}
