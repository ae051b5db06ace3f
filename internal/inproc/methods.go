package inproc

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Method is an RPC with its options.
type Method struct {
	// Procedure is its path, such as "/lendgate.mobile.v1.HomeService/GetHome".
	Procedure  string
	Signature  typev1.SignatureClass
	Permission typev1.Permission
	Priority   typev1.Priority
	// ReadOnly is true for NO_SIDE_EFFECTS: it may be asked by GET and needs no idempotency key.
	ReadOnly bool
	// Fresh is for how long an answer may be given again to the same caller while nothing of theirs changes; 0 for never. Only reads have it.
	Fresh time.Duration
	// Ending says whether the RPC is on its way out.
	Ending Ending
	// Descriptor is the contract itself.
	Descriptor protoreflect.MethodDescriptor
}

// Methods are the RPCs whose contracts are linked into this binary.
type Methods struct {
	byProcedure map[string]Method
}

// LoadMethods reads the options of every RPC under lendgate, and of services elsewhere that import our options. It fails when one lacks a
// signature class or a permission.
func LoadMethods() (*Methods, error) {
	methods := &Methods{byProcedure: map[string]Method{}}
	var faults []error
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "lendgate.") && !importsOptions(file) {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method, err := readMethod(service, service.Methods().Get(j))
				if err != nil {
					faults = append(faults, err)
				}
				methods.byProcedure[method.Procedure] = method
			}
		}
		return true
	})
	return methods, errors.Join(faults...)
}

func importsOptions(file protoreflect.FileDescriptor) bool {
	for i := range file.Imports().Len() {
		if file.Imports().Get(i).Path() == typev1.File_lendgate_type_v1_option_proto.Path() {
			return true
		}
	}
	return false
}

func readMethod(service protoreflect.ServiceDescriptor, method protoreflect.MethodDescriptor) (Method, error) {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	m := Method{
		Procedure:  fmt.Sprintf("/%s/%s", service.FullName(), method.Name()),
		ReadOnly:   options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS,
		Descriptor: method,
		Priority:   typev1.Priority_PRIORITY_USER,
	}
	if proto.HasExtension(options, typev1.E_Signature) {
		m.Signature = proto.GetExtension(options, typev1.E_Signature).(typev1.SignatureClass)
	}
	if proto.HasExtension(options, typev1.E_Permission) {
		m.Permission = proto.GetExtension(options, typev1.E_Permission).(typev1.Permission)
	}
	if proto.HasExtension(options, typev1.E_Priority) {
		m.Priority = proto.GetExtension(options, typev1.E_Priority).(typev1.Priority)
	}
	if proto.HasExtension(options, typev1.E_FreshSeconds) {
		m.Fresh = time.Duration(proto.GetExtension(options, typev1.E_FreshSeconds).(int32)) * time.Second
	}
	if m.Fresh != 0 && (!m.ReadOnly || m.Fresh < 0) {
		return m, fmt.Errorf("%s declares that its answers stay fresh, which only a read's do", m.Procedure)
	}
	var err error
	if m.Ending, err = readEnding(options); err != nil {
		return m, fmt.Errorf("%s: %w", m.Procedure, err)
	}
	if m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_UNSPECIFIED || m.Permission == typev1.Permission_PERMISSION_UNSPECIFIED {
		return m, fmt.Errorf("%s declares no signature class or no permission", m.Procedure)
	}
	if options.GetIdempotencyLevel() == descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
		return m, fmt.Errorf("%s declares no idempotency level", m.Procedure)
	}
	return m, nil
}

// Get finds an RPC by its procedure.
func (m *Methods) Get(procedure string) (Method, bool) {
	method, ok := m.byProcedure[procedure]
	return method, ok
}

// All lists the RPCs in no order.
func (m *Methods) All() []Method {
	all := make([]Method, 0, len(m.byProcedure))
	for _, method := range m.byProcedure {
		all = append(all, method)
	}
	return all
}
