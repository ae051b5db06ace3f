package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// service is the name under which records are written: the edge's, which may.
	service = "edge"
	// recordPatience is for how long a record may take, also when the caller went away.
	recordPatience = 5 * time.Second
	// maxSubjects bounds what a record says a call was about, as its contract does.
	maxSubjects = 20
	// maxSubject is the length of a subject in bytes, as its contract says.
	maxSubject = 64
)

// Records writes down what staff do.
type Records struct {
	Audit identityv1connect.AuditServiceClient
}

// recorded asks a backend and writes down how it ended. The record is written whether the caller still waits or not.
func recorded[Res proto.Message](ctx context.Context, r Records, procedure string, req proto.Message, ask func() (Res, error)) (Res, error) {
	res, err := ask()
	err = rpcerr.PassPeer(err)
	if noted := r.Note(ctx, procedure, append(asked(req), about(res, err)...), err); noted != nil {
		var none Res
		return none, noted
	}
	return res, err
}

// Note writes a record about a call that ended with err. Its own error is the caller's answer: nothing is said that is not written down.
func (r Records) Note(ctx context.Context, procedure string, subjects []string, err error) error {
	who := actor.Must(ctx)
	outcome := "ok"
	if err != nil {
		outcome = connect.CodeOf(err).String()
	}
	slices.Sort(subjects)
	subjects = slices.Compact(subjects)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	_, noted := r.Audit.RecordCall(actor.AsService(ctx, who.TenantID, service), &identityv1.RecordCallRequest{
		RequestId: id.New().String(), Actor: who.String(), Procedure: procedure, Subjects: subjects[:min(len(subjects), maxSubjects)],
		Outcome: outcome, Reason: reasonName(err), EdgeRequestId: who.RequestID,
	})
	if noted != nil {
		return fmt.Errorf("record %s: %w", procedure, noted)
	}
	return nil
}

// reasonName is the reason of a refusal; "" when there was none.
func reasonName(err error) string {
	if err == nil {
		return ""
	}
	return rpcerr.Name(rpcerr.ReasonOf(err))
}

// asked lists the ids and role names that a request names. Addresses, phones and names of people are no ids and are left out.
func asked(req proto.Message) []string {
	var subjects []string
	req.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := string(field.Name())
		isID := strings.HasSuffix(name, "_id") && name != "request_id" || name == "name"
		switch {
		case field.Kind() != protoreflect.StringKind:
		case field.IsList() && name == "roles":
			for i := range value.List().Len() {
				subjects = appendSubject(subjects, value.List().Get(i).String())
			}
		case !field.IsList() && isID:
			subjects = appendSubject(subjects, value.String())
		}
		return true
	})
	return subjects
}

// about lists the ids of what an answer shows: the thing itself and whose it is.
func about(res proto.Message, err error) []string {
	var subjects []string
	if err != nil {
		return nil
	}
	res.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.MessageKind || field.IsList() || field.IsMap() {
			return true
		}
		shown := value.Message()
		for _, name := range []protoreflect.Name{"id", "person_id", "staff_id", "name"} {
			inner := shown.Descriptor().Fields().ByName(name)
			if inner != nil && inner.Kind() == protoreflect.StringKind && !inner.IsList() {
				subjects = appendSubject(subjects, shown.Get(inner).String())
			}
		}
		return true
	})
	return subjects
}

func appendSubject(subjects []string, subject string) []string {
	if subject == "" || len(subject) > maxSubject {
		return subjects
	}
	return append(subjects, subject)
}
