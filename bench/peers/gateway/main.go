// Command gateway is grpc-gateway before a backend that has the home screen ready: REST in, gRPC out, one hop and no checks. The handler is
// what protoc-gen-grpc-gateway writes for such an RPC.
package main

import (
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/bench/peers/stage"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

const procedure = mobilev1connect.HomeServiceGetHomeProcedure

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		connection, err := grpc.NewClient(f.Backend, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		// Unset fields are left out, as everybody else here does.
		mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
		}))
		return mux, mux.HandlePath(http.MethodPost, procedure, func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
			inbound, outbound := runtime.MarshalerForRequest(mux, r)
			ctx, err := runtime.AnnotateContext(r.Context(), mux, r, procedure, runtime.WithHTTPPathPattern(procedure))
			req, res := &mobilev1.GetHomeRequest{}, &mobilev1.GetHomeResponse{}
			if err == nil {
				err = inbound.NewDecoder(r.Body).Decode(req)
			}
			var metadata runtime.ServerMetadata
			if err == nil {
				err = connection.Invoke(ctx, procedure, req, res, grpc.Header(&metadata.HeaderMD), grpc.Trailer(&metadata.TrailerMD))
			}
			ctx = runtime.NewServerMetadataContext(ctx, metadata)
			if err != nil {
				runtime.HTTPError(ctx, mux, outbound, w, r, err)
				return
			}
			runtime.ForwardResponseMessage(ctx, mux, outbound, w, r, res)
		})
	})
}
