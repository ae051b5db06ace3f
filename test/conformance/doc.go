// Command conformance is the server that the suite of the Connect project (connectrpc.com/conformance) calls: the edge's whole chain, as
// internal/app puts it together, with the suite's service mounted in the place of screens.
//
// The suite's runner starts it for each transport, writes on its standard input how to listen, and reads from its standard output where.
// Connect's unary calls are answered by the edge's own reader and writer, gRPC and gRPC-Web by Connect's handlers on the same chain. The
// suite's RPCs declare themselves unsigned, open and read-only in a copy of its contract, so what is tested is the protocols and not the
// keys; bff/edge tests those.
//
// It promises nothing to anybody but the runner: `make conformance`.
package main
