package scene_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/internal/tenant"
)

// noon is when the requests of the tests are made.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func cast(t *testing.T, name string, n int) []scene.Person {
	t.Helper()
	people, err := scene.Cast(name, n)
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// read reads a prepared request as a server would.
func read(t *testing.T, raw []byte) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestTheSameNameGivesTheSamePeople(t *testing.T) {
	t.Parallel()
	who := func(people []scene.Person) []string {
		var out []string
		for _, p := range people {
			out = append(out, p.ID, p.DeviceID, p.SessionID, p.Token, p.Key.ID)
		}
		return out
	}
	once, again, others := who(cast(t, "a", 3)), who(cast(t, "a", 3)), who(cast(t, "b", 3))
	if diff := cmp.Diff(once, again); diff != "" {
		t.Errorf("another process would know other people (-once +again):\n%s", diff)
	}
	if cmp.Equal(once, others) {
		t.Error("two casts are the same")
	}
}

func TestRequestsOfPhonesVerifyByEitherKey(t *testing.T) {
	t.Parallel()
	people := cast(t, "a", 2)
	ring := signature.KeyRing{}
	for _, p := range people {
		ring[p.Key.ID], ring[p.SessionKey.ID] = p.Key, p.SessionKey
	}
	for name, sign := range map[string]func(scene.Call, []scene.Person, int, func() time.Time) ([][]byte, error){
		"hardware": scene.Call.ByDevice, "session": scene.Call.BySession,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests, err := sign(scene.Home("127.0.0.1:80", true), people, 5, noon)
			if err != nil {
				t.Fatal(err)
			}
			verifier := signature.Verifier{Keys: ring, Nonces: signature.NewMemoryNonces(noon, 10), Now: noon}
			versions := map[string]bool{}
			for i, raw := range requests {
				r, body := read(t, raw)
				versions[r.Header.Get("X-App-Version")] = true
				if _, err := verifier.Verify(t.Context(), r, body, signature.ProfileLendgate1()); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				if want := "Bearer " + people[i%2].Token; r.Header.Get("Authorization") != want {
					t.Errorf("request %d bears another's session", i)
				}
			}
			if len(versions) != len(requests) {
				t.Errorf("%d requests have %d app versions: equal ones could be answered from a cache", len(requests), len(versions))
			}
		})
	}
}

func TestRequestsOfShopsVerifyByTheirSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := scene.WriteShops(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.NewDirectory(&tenant.Tenant{ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk"}, Partners: scene.Partners(dir)}); err != nil {
		t.Fatal(err)
	}
	requests, err := scene.ProductList("127.0.0.1:80").ByServer(scene.Shops+1, noon)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := read(t, requests[0])
	last, _ := read(t, requests[scene.Shops])
	if first.Header.Get("Signature") == last.Header.Get("Signature") {
		t.Error("two requests have one nonce")
	}
}

func TestMutationsRepeatTheirIDInTheHeader(t *testing.T) {
	t.Parallel()
	requests, err := scene.PushToken("127.0.0.1:80").ByDevice(cast(t, "a", 1), 2, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range requests {
		r, body := read(t, raw)
		if id := r.Header.Get("Idempotency-Key"); id == "" || !bytes.Contains(body, []byte(id)) {
			t.Errorf("Idempotency-Key %q and %s", id, body)
		}
	}
}

func TestNaiveRequestsAreSignedByTheNaiveScheme(t *testing.T) {
	t.Parallel()
	people := cast(t, "naive", 1)
	requests, err := scene.Home("127.0.0.1:80", false).Naively(people, 1, noon)
	if err != nil {
		t.Fatal(err)
	}
	r, body := read(t, requests[0])
	h := r.Header
	want := scene.NaiveMAC(people[0].Secret, r.Method, r.URL.Path, body, h.Get(scene.NaiveDevice), h.Get(scene.NaiveTime), h.Get(scene.NaiveNonce))
	if h.Get(scene.NaiveSignature) != want {
		t.Error("the signature does not hold")
	}
}

func TestBackendsKnowTheCastAndNobodyElse(t *testing.T) {
	t.Parallel()
	people, stranger := cast(t, "a", 1), cast(t, "b", 1)[0]
	b := scene.NewBackends(people, noon())
	key, err := b.GetDeviceKey(t.Context(), &identityv1.GetDeviceKeyRequest{KeyId: people[0].Key.ID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(people[0].Public, key.GetDeviceKey().GetPublicKey(), protocmp.Transform()); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if _, err := b.GetDeviceKey(t.Context(), &identityv1.GetDeviceKeyRequest{KeyId: stranger.Key.ID}); err == nil {
		t.Error("a stranger's device is known")
	}
}
