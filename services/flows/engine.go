package flows

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"connectrpc.com/connect"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// engineTimeout bounds a question to the engine that needs no waiting for anybody. The SDK tries again within it.
const engineTimeout = 5 * time.Second

// Engine says where the workflow engine is. One namespace serves all lenders: a process bears its lender in its id and its payloads are
// sealed.
type Engine struct {
	// Address is host:port of the frontend.
	Address string
	// Namespace of the engine; empty means "default".
	Namespace string
	// TLS is for a cluster elsewhere. Nil means plain text, for one machine.
	TLS *tls.Config
	// PayloadKey seals what the engine keeps: 32 bytes, used for nothing else. Without it running processes cannot go on.
	PayloadKey []byte
	Log        *slog.Logger
}

// Dial makes a client of the engine. It does not connect yet: services may start before the engine does.
func Dial(engine Engine) (client.Client, error) {
	data, failures, err := converters(engine.PayloadKey)
	if err != nil {
		return nil, err
	}
	return client.NewLazyClient(client.Options{
		HostPort: engine.Address, Namespace: engine.Namespace, ConnectionOptions: client.ConnectionOptions{TLS: engine.TLS},
		DataConverter: data, FailureConverter: failures, Logger: temporallog.NewStructuredLogger(engine.Log),
	})
}

// converters seal payloads, and the texts of errors among them. Messages and stack traces of failures would otherwise lie in the engine's
// database in clear.
func converters(key []byte) (converter.DataConverter, converter.FailureConverter, error) {
	sealed, err := newCodec(key)
	if err != nil {
		return nil, nil, err
	}
	data := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), sealed)
	failures := temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: true})
	return data, failures, nil
}

// fromEngine translates an error of the engine's client for our caller. ctx is the caller's own: when it has ended, that is the answer.
func (s *Service) fromEngine(ctx context.Context, err error) error {
	var (
		notFound *serviceerror.NotFound
		bad      *serviceerror.InvalidArgument
		query    *serviceerror.QueryFailed
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notFound):
		return flowNotFound()
	case ctx.Err() != nil && !unreachable(err):
		return ctx.Err()
	case errors.As(err, &bad), errors.As(err, &query):
		return fmt.Errorf("ask the engine: %w", err) // Our own fault.
	}
	s.log.WarnContext(ctx, "workflow engine unavailable", "error", err.Error())
	return rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_FLOW_ENGINE_UNAVAILABLE, "the workflow engine does not answer",
		rpcerr.RetryAfter(time.Second))
}

// unreachable tells whether the engine could not be asked at all, as opposed to its answer not being there in time.
func unreachable(err error) bool {
	var unavailable *serviceerror.Unavailable
	return errors.As(err, &unavailable)
}

// flowNotFound answers alike for a process that is not there and one that is not the caller's.
func flowNotFound() *connect.Error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND, "there is no such process")
}
