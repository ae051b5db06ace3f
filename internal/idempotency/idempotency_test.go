package idempotency_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
)

const procedure = "/lendgate.identity.v1.PersonService/UpdateProfile"

// counter is a mutation that counts how often it ran.
type counter struct {
	mu   sync.Mutex
	runs int
}

func (c *counter) mutate(pgx.Tx) (*identityv1.UpdateProfileResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	return &identityv1.UpdateProfileResponse{Person: &identityv1.Person{Version: int64(c.runs)}}, nil
}

func do(ctx context.Context, k *servicetest.Kit, req *identityv1.UpdateProfileRequest, mutate func(pgx.Tx) (*identityv1.UpdateProfileResponse, error)) (*identityv1.UpdateProfileResponse, error) {
	return idempotency.Do(ctx, k.Keeper, procedure, req, &identityv1.UpdateProfileResponse{}, mutate)
}

func TestDo(t *testing.T) {
	t.Parallel()
	k := servicetest.New(t, "identity")
	person := servicetest.NewPerson()
	ctx := servicetest.AsPerson(t.Context(), person)
	req := &identityv1.UpdateProfileRequest{RequestId: uuid.NewString(), Locale: "uk"}
	c := &counter{}
	first, err := do(ctx, k, req, c.mutate)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("a repeat gets the first answer and runs nothing", func(t *testing.T) {
		again, err := do(ctx, k, req, c.mutate)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || c.runs != 1 {
			t.Errorf("ran %d times; first and repeat differ (-first +repeat):\n%s", c.runs, diff)
		}
	})
	t.Run("another content under the same id is refused", func(t *testing.T) {
		_, err := do(ctx, k, &identityv1.UpdateProfileRequest{RequestId: req.GetRequestId(), Locale: "en"}, c.mutate)
		if got := rpcerr.ReasonOf(err); got != typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
			t.Errorf("reason %v, error %v", got, err)
		}
	})
	t.Run("the same id of another person is another request", func(t *testing.T) {
		if _, err := do(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), k, req, c.mutate); err != nil || c.runs != 2 {
			t.Errorf("ran %d times, error %v", c.runs, err)
		}
	})
	t.Run("a refusal is not kept", func(t *testing.T) {
		req := &identityv1.UpdateProfileRequest{RequestId: uuid.NewString()}
		refusal := errors.New("refused")
		_, err := do(ctx, k, req, func(pgx.Tx) (*identityv1.UpdateProfileResponse, error) { return nil, refusal })
		if !errors.Is(err, refusal) {
			t.Fatalf("error %v", err)
		}
		if _, err := do(ctx, k, req, c.mutate); err != nil {
			t.Errorf("after the refusal: %v", err)
		}
	})
}

func TestDoAtTheSameTime(t *testing.T) {
	t.Parallel()
	k := servicetest.New(t, "identity")
	ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
	req := &identityv1.UpdateProfileRequest{RequestId: uuid.NewString()}
	c := &counter{}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			res, err := do(ctx, k, req, c.mutate)
			if err != nil || res.GetPerson().GetVersion() != 1 {
				t.Errorf("answer %v, error %v", res, err)
			}
		})
	}
	group.Wait()
	if c.runs != 1 {
		t.Errorf("ran %d times", c.runs)
	}
}
