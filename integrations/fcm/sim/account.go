package sim

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Account is a service account that the simulator trusts.
type Account struct {
	ProjectID string
	Email     string
	PublicKey *rsa.PublicKey
	// TokenURI is the audience that assertions must name.
	TokenURI string
	// JSON is the key file to hand to a client. It opens nothing but simulators.
	JSON []byte
}

// NewAccount makes a demo service account whose tokens come from a simulator
// mounted at baseURL. A nil key means a fresh one; simkit.OpenKey gives one that
// outlives the process.
func NewAccount(projectID, baseURL string, key *rsa.PrivateKey) (Account, error) {
	if key == nil {
		var err error
		if key, err = simkit.OpenKey(""); err != nil {
			return Account{}, err
		}
	}
	text, err := simkit.EncodeKey(key)
	if err != nil {
		return Account{}, err
	}
	account := Account{
		ProjectID: projectID, PublicKey: &key.PublicKey,
		Email:    "demo-push@" + projectID + ".iam.gserviceaccount.com",
		TokenURI: strings.TrimSuffix(baseURL, "/") + "/token",
	}
	account.JSON, err = json.Marshal(map[string]string{
		"type": "service_account", "project_id": projectID, "private_key_id": "demo",
		"private_key": string(text), "client_email": account.Email, "client_id": "0",
		"token_uri": account.TokenURI,
	})
	if err != nil {
		return Account{}, fmt.Errorf("sim: encode the account: %w", err)
	}
	return account, nil
}
