package link

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// appendRefusal appends an error as google.rpc.Status. err comes from a door, so it is scrubbed already.
func appendRefusal(b []byte, err error) []byte {
	said := &status.Status{Code: int32(connect.CodeOf(err)), Message: err.Error()}
	var coded *connect.Error
	if errors.As(err, &coded) {
		said.Message = coded.Message()
		for _, detail := range coded.Details() {
			said.Details = append(said.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type(), Value: detail.Bytes()})
		}
	}
	out, marshalErr := proto.MarshalOptions{}.MarshalAppend(b, said)
	if marshalErr != nil { // Only text that is no UTF-8 cannot be written.
		said = &status.Status{Code: said.GetCode(), Message: "the reason cannot be written"}
		out, _ = proto.MarshalOptions{}.MarshalAppend(b, said)
	}
	return out
}

// parseRefusal reads an error off the wire.
func parseRefusal(content []byte) error {
	said := &status.Status{}
	code := connect.CodeUnknown
	if err := proto.Unmarshal(content, said); err != nil {
		return connect.NewError(connect.CodeInternal, errFrame)
	}
	if said.GetCode() >= int32(connect.CodeCanceled) && said.GetCode() <= int32(connect.CodeUnauthenticated) {
		code = connect.Code(said.GetCode())
	}
	err := connect.NewError(code, errors.New(said.GetMessage()))
	for _, packed := range said.GetDetails() {
		if detail, detailErr := connect.NewErrorDetail(packed); detailErr == nil {
			err.AddDetail(detail)
		}
	}
	return err
}
