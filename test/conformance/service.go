package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/lendgate/lendgate/internal/rpcerr"
	conformancev1 "github.com/lendgate/lendgate/test/conformance/gen/connectrpc/conformance/v1"
)

// service answers as each request says, and echoes the request.
type service struct{}

// Unary answers as its request says.
func (service) Unary(ctx context.Context, req *conformancev1.UnaryRequest) (*conformancev1.UnaryResponse, error) {
	payload, err := answer(ctx, req, req.GetResponseDefinition())
	return &conformancev1.UnaryResponse{Payload: payload}, err
}

// IdempotentUnary answers as its request says, and tells the query that it was asked by.
func (service) IdempotentUnary(ctx context.Context, req *conformancev1.IdempotentUnaryRequest) (*conformancev1.IdempotentUnaryResponse, error) {
	payload, err := answer(ctx, req, req.GetResponseDefinition())
	return &conformancev1.IdempotentUnaryResponse{Payload: payload}, err
}

// Unimplemented refuses, as the suite wants.
func (service) Unimplemented(context.Context, *conformancev1.UnimplementedRequest) (*conformancev1.UnimplementedResponse, error) {
	return nil, rpcerr.Authored(connect.NewError(connect.CodeUnimplemented, errors.New("nobody answers this, as the suite wants it")))
}

// answer does what a definition asks for: waits, sets headers and trailers, and gives data or an error.
func answer(ctx context.Context, req proto.Message, definition *conformancev1.UnaryResponseDefinition) (*conformancev1.ConformancePayload, error) {
	m, err := metadataOf(ctx)
	if err != nil {
		return nil, err
	}
	echo, err := m.echo(ctx, req)
	if err != nil {
		return nil, err
	}
	delay := time.NewTimer(time.Duration(definition.GetResponseDelayMs()) * time.Millisecond)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if definition.GetError() != nil {
		return nil, refusal(definition, echo)
	}
	for _, header := range definition.GetResponseHeaders() {
		add(m.header, header.GetName(), header.GetValue())
	}
	for _, trailer := range definition.GetResponseTrailers() {
		add(m.trailer, m.trailerPrefix+trailer.GetName(), trailer.GetValue())
	}
	return &conformancev1.ConformancePayload{Data: definition.GetResponseData(), RequestInfo: echo}, nil
}

// refusal is the error of a definition, with the echo as its last detail. The library has one place for the headers and trailers of errors.
func refusal(definition *conformancev1.UnaryResponseDefinition, echo *conformancev1.ConformancePayload_RequestInfo) error {
	asked := definition.GetError()
	refused := connect.NewError(connect.Code(asked.GetCode()), errors.New(asked.GetMessage()))
	info, err := anypb.New(echo)
	if err != nil {
		return err
	}
	for _, message := range append(asked.GetDetails(), info) {
		detail, err := connect.NewErrorDetail(message)
		if err != nil {
			return err
		}
		refused.AddDetail(detail)
	}
	for _, header := range append(definition.GetResponseHeaders(), definition.GetResponseTrailers()...) {
		add(refused.Meta(), header.GetName(), header.GetValue())
	}
	return rpcerr.Authored(refused)
}

// metadata is what surrounds a message, whichever of the two ways it came.
type metadata struct {
	request         http.Header
	query           url.Values
	header, trailer http.Header
	// trailerPrefix marks the trailers of Connect's unary calls, which are headers.
	trailerPrefix string
}

// metadataOf finds it: Connect's handlers keep it for gRPC and gRPC-Web, the edge's own reader leaves it to HTTP.
func metadataOf(ctx context.Context) (metadata, error) {
	if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
		return metadata{request: info.RequestHeader(), header: info.ResponseHeader(), trailer: info.ResponseTrailer()}, nil
	}
	around, ok := ctx.Value(wireKey{}).(wire)
	if !ok {
		return metadata{}, errors.New("no request around the message")
	}
	m := metadata{request: around.request.Header, header: around.answer.Header(), trailer: around.answer.Header(), trailerPrefix: "Trailer-"}
	if around.request.Method == http.MethodGet {
		m.query = around.request.URL.Query()
	}
	return m, nil
}

// echo tells the suite what has arrived.
func (m metadata) echo(ctx context.Context, req proto.Message) (*conformancev1.ConformancePayload_RequestInfo, error) {
	message, err := anypb.New(req)
	if err != nil {
		return nil, err
	}
	info := &conformancev1.ConformancePayload_RequestInfo{RequestHeaders: listed(m.request), Requests: []*anypb.Any{message}}
	if deadline, ok := ctx.Deadline(); ok && m.hasTimeout() {
		info.TimeoutMs = proto.Int64(time.Until(deadline).Milliseconds())
	}
	if len(m.query) > 0 {
		info.ConnectGetInfo = &conformancev1.ConformancePayload_ConnectGetInfo{QueryParams: listed(m.query)}
	}
	return info, nil
}

// hasTimeout tells whether the caller said how long it waits: without that the door sets a bound of ours, which is nobody's to hear.
func (m metadata) hasTimeout() bool {
	return m.request.Get("Connect-Timeout-Ms") != "" || m.request.Get("Grpc-Timeout") != ""
}

func listed(values map[string][]string) []*conformancev1.Header {
	list := make([]*conformancev1.Header, 0, len(values))
	for name, value := range values {
		list = append(list, &conformancev1.Header{Name: name, Value: value})
	}
	return list
}

func add(header http.Header, name string, values []string) {
	for _, value := range values {
		header.Add(name, value)
	}
}
