package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/lendgate/lendgate/bff/edge/admission"
	"github.com/lendgate/lendgate/bff/signature"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/wirejson"
)

// rpc is an RPC that is mounted, with everything that can be known before the first request.
type rpc struct {
	method inproc.Method
	// handle is the handler as a plain function; http is it behind Connect's own, for gRPC and gRPC-Web.
	handle inproc.Handle
	http   http.Handler
	// request is the type that it takes, requestID the field of a mutation that its Idempotency-Key repeats.
	request   protoreflect.MessageType
	requestID protoreflect.FieldDescriptor
	// plan writes its answers as JSON; shape names the version of their contract in ETags.
	plan  *wirejson.Plan
	shape string
	// sections are the fields of a screen's answer that tell how good they are.
	sections []section
	// policy and keys are what its signatures are held against. Keys are nil where the request presents its own.
	policy signature.Policy
	keys   signature.KeyStore
	// takesSessionKeys tells that a session's key may sign them, too.
	takesSessionKeys bool
	// pace is how long it usually takes; the gate guards it.
	pace admission.Pace
	// succeeded and seconds are its meters.
	succeeded prometheus.Counter
	seconds   prometheus.Observer
}

// Mount serves the RPCs of a service. Both arguments are what the generated <Service>Routes answers with: the constructor of the HTTP
// handler, and the RPCs as plain functions. Mount before Handler. Handlers know no transport: they see no headers and set none.
func (e *Edge) Mount(make func(options ...connect.HandlerOption) (string, http.Handler), calls map[string]inproc.Handle) {
	_, handler := make(
		connect.WithInterceptors(e.wordsInterceptor(), e.deps.Door.Interceptor()),
		connect.WithReadMaxBytes(int(e.config.MaxBodyBytes)),
		connect.WithCompressMinBytes(minPackedBytes),
	)
	for procedure, handle := range calls {
		method, known := e.deps.Door.Methods().Get(procedure)
		request, err := protoregistry.GlobalTypes.FindMessageByName(requestName(method))
		if !known || err != nil {
			continue // Its contract is not linked in: it answers as an unknown RPC does.
		}
		e.rpcs[procedure] = e.newRPC(method, request, handle, handler)
		e.bindREST(e.rpcs[procedure])
	}
}

func requestName(method inproc.Method) protoreflect.FullName {
	if method.Descriptor == nil {
		return ""
	}
	return method.Descriptor.Input().FullName()
}

func (e *Edge) newRPC(method inproc.Method, request protoreflect.MessageType, handle inproc.Handle, handler http.Handler) *rpc {
	made := &rpc{
		method: method, handle: handle, http: handler, request: request,
		plan: e.plans.Compile(method.Descriptor.Output()), shape: shapeOf(method.Descriptor.Output()), policy: signature.ProfileLendgate1(),
		succeeded: e.metrics.requests.WithLabelValues(method.Procedure, ""), seconds: e.metrics.seconds.WithLabelValues(method.Procedure),
	}
	if field := method.Descriptor.Input().Fields().ByName("request_id"); field != nil && field.Kind() == protoreflect.StringKind {
		made.requestID = field
	}
	for i := range method.Descriptor.Output().Fields().Len() {
		field := method.Descriptor.Output().Fields().Get(i)
		if status := statusOf(field); status != nil {
			made.sections = append(made.sections, section{field, status})
		}
	}
	made.policy.Algorithms = []string{signature.ECDSAP256SHA256} // What phones keep in hardware.
	switch method.Signature {
	case typev1.SignatureClass_SIGNATURE_CLASS_DEVICE:
		made.keys = e.keys
		if e.sessionKeys != nil && takesSessionKeys(method) {
			made.takesSessionKeys = true
			made.policy.Algorithms = append(made.policy.Algorithms, signature.HMACSHA256)
		}
	case typev1.SignatureClass_SIGNATURE_CLASS_MONEY:
		made.keys, made.policy.Required, made.policy.IfPresent = e.keys, signature.ProfileLendgate1Money().Required, nil
	case typev1.SignatureClass_SIGNATURE_CLASS_PARTNER:
		made.keys, made.policy.Algorithms = e.partners, partnerAlgorithms()
	}
	return made
}

// shapeOf names the version of a message's contract: it changes with any change to the file that declares it, so that a phone never takes
// an answer of an older shape for the one it would get now.
func shapeOf(message protoreflect.MessageDescriptor) string {
	file, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(message.ParentFile()))
	if err != nil {
		file = fmt.Append(nil, err) // A descriptor that was linked in can always be written.
	}
	sum := sha256.Sum256(file)
	return base64.RawURLEncoding.EncodeToString(sum[:3])
}

// section is a field of a screen's answer, and the field in it that tells how good it is.
type section struct{ field, status protoreflect.FieldDescriptor }

// statusOf finds the field in which a section tells how good it is; nil in what is no section.
func statusOf(field protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if field.Message() == nil || field.IsList() || field.IsMap() {
		return nil
	}
	status := field.Message().Fields().ByName("status")
	if status == nil || status.Message() == nil || status.Message().FullName() != (&mobilev1.SectionStatus{}).ProtoReflect().Descriptor().FullName() {
		return nil
	}
	return status
}

// whole tells whether every section of an answer is what it should be.
func (r *rpc) whole(response proto.Message) bool {
	message := response.ProtoReflect()
	for _, section := range r.sections {
		if !message.Has(section.field) {
			continue
		}
		status, ok := message.Get(section.field).Message().Get(section.status).Message().Interface().(*mobilev1.SectionStatus)
		if ok && status.GetState() > mobilev1.SectionStatus_STATE_OK {
			return false
		}
	}
	return true
}
