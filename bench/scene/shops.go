package scene

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/tenant"
)

// Shops is how many shops the lender has: enough that none of them asks for more than a shop may.
const Shops = 200

// shopKey is the shared secret of a shop. Both sides compute it.
func shopKey(i int) signature.Key {
	sum := sha256.Sum256(fmt.Appendf(nil, "bench|secret of shop %d", i))
	return signature.Key{ID: fmt.Sprintf("shop-demo-%d-key", i), Algorithm: signature.HMACSHA256, Secret: sum[:]}
}

// WriteShops writes the secrets of all shops into a folder, each into a file that the lender's configuration can name.
func WriteShops(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i := range Shops {
		text := base64.StdEncoding.EncodeToString(shopKey(i).Secret)
		if err := os.WriteFile(shopFile(dir, i), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Partners are the shops as the lender's configuration has them.
func Partners(dir string) []tenant.Partner {
	partners := make([]tenant.Partner, Shops)
	for i := range partners {
		partners[i] = tenant.Partner{
			ID: fmt.Sprintf("shop-demo-%d", i), Name: "Demo shop", Keys: []tenant.PartnerKey{{ID: shopKey(i).ID, SecretFile: shopFile(dir, i)}},
		}
	}
	return partners
}

func shopFile(dir string, i int) string { return filepath.Join(dir, fmt.Sprint(i)) }
