package flows

import (
	"bytes"
	"log/slog"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// testKey is the payload key of tests and of the histories in testdata, and of nothing else.
func testKey() []byte { return []byte("flows test key of no installatio") }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestNothingLiesInTheEngineInClear(t *testing.T) {
	t.Parallel()
	data, failures, err := converters(testKey())
	if err != nil {
		t.Fatal(err)
	}
	const secret = "734951"
	payloads, err := data.ToPayloads(Signature{Code: secret, Caller: Caller{PersonID: "per_demo"}})
	if err != nil {
		t.Fatal(err)
	}
	failure := failures.ErrorToFailure(temporal.NewNonRetryableApplicationError("the code "+secret+" is wrong", "CODE_WRONG", nil,
		refusal{Message: secret, Metadata: map[string]string{"code": secret}}))
	for name, message := range map[string]proto.Message{"payloads": payloads, "failure": failure} {
		stored, err := proto.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stored, []byte(secret)) || bytes.Contains(stored, []byte("per_demo")) {
			t.Errorf("%s: %q", name, stored)
		}
	}
	var back Signature
	if err := data.FromPayloads(payloads, &back); err != nil || back.Code != secret {
		t.Errorf("came back as %+v, %v", back, err)
	}
	if r, ok := asRefusal(failures.FailureToError(failure)); ok {
		t.Errorf("a refusal without a code came back as %+v", r)
	}
}

func TestPayloadIsBoundToItsProcess(t *testing.T) {
	t.Parallel()
	unbound, err := newCodec(testKey())
	if err != nil {
		t.Fatal(err)
	}
	at := func(place string) converter.PayloadCodec {
		return unbound.WithSerializationContext(converter.WorkflowSerializationContext{WorkflowID: place})
	}
	activity := unbound.WithSerializationContext(converter.ActivitySerializationContext{WorkflowID: "one", ActivityType: "Any"})
	other, err := newCodec(append(testKey()[1:], 'x'))
	if err != nil {
		t.Fatal(err)
	}
	clear := clearPayload()
	tests := []struct {
		name         string
		seal, unseal converter.PayloadCodec
		opens        bool
	}{
		{"the process opens its own", at("one"), at("one"), true},
		{"its activities open it", at("one"), activity, true},
		{"what is bound to no process opens anywhere", unbound, at("one"), true},
		{"another process does not open it", at("one"), at("two"), false},
		{"nobody opens it outside of a process", at("one"), unbound, false},
		{"another key does not open it", unbound, other, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sealed, err := test.seal.Encode(clear)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := test.unseal.Decode(sealed)
			if (err == nil) != test.opens {
				t.Fatalf("opened with error %v", err)
			}
			if test.opens && !proto.Equal(opened[0], clear[0]) {
				t.Errorf("came back as %v", opened[0])
			}
		})
	}
}

func clearPayload() []*commonpb.Payload {
	return []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"value"`)}}
}

func TestBadPayloadIsRefused(t *testing.T) {
	t.Parallel()
	sealing, err := newCodec(testKey())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("in clear", func(t *testing.T) {
		t.Parallel()
		if _, err := sealing.Decode(clearPayload()); err == nil {
			t.Error("taken")
		}
	})
	t.Run("changed", func(t *testing.T) {
		t.Parallel()
		sealed, err := sealing.Encode(clearPayload())
		if err != nil {
			t.Fatal(err)
		}
		sealed[0].Data[len(sealed[0].Data)-1] ^= 1
		if _, err := sealing.Decode(sealed); err == nil {
			t.Error("taken")
		}
	})
	t.Run("under a key of another size", func(t *testing.T) {
		t.Parallel()
		if _, err := newCodec(testKey()[:16]); err == nil {
			t.Error("taken")
		}
	})
}
