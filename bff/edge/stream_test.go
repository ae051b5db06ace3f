package edge_test

import (
	"net/http/httptest"
	"testing"

	"connectrpc.com/grpcreflect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
)

// TestAStreamIsAnsweredBeforeItEnds asks gRPC's reflection as tools do: the next question waits for the answer to the one before.
func TestAStreamIsAnsweredBeforeItEnds(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.edge.Stream(grpcreflect.NewHandlerV1(grpcreflect.NewStaticReflector(partnerv1connect.CatalogServiceName)))
	server := httptest.NewUnstartedServer(r.edge.Handler())
	server.EnableHTTP2 = true // A stream in both directions needs it.
	server.StartTLS()
	t.Cleanup(server.Close)
	stream := grpcreflect.NewClient(server.Client(), server.URL).NewStream(t.Context())
	services, err := stream.ListServices()
	if diff := cmp.Diff([]protoreflect.FullName{partnerv1connect.CatalogServiceName}, services); err != nil || diff != "" {
		t.Errorf("listed (%v, -want +got):\n%s", err, diff)
	}
	if files, err := stream.FileContainingSymbol(partnerv1connect.CatalogServiceName); err != nil || len(files) == 0 {
		t.Errorf("described by %d files (%v)", len(files), err)
	}
	if _, err := stream.Close(); err != nil {
		t.Error(err)
	}
}
