package walls_test

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// Every contract of ours is linked in, so that the descriptors are all there; TestEveryContractIsLinked keeps the list whole.
	_ "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

// openToAll are the RPCs that anybody may call without a key: their answer is the same for everybody.
var openToAll = []string{"/lendgate.mobile.v1.AppService/GetAppConfig"}

// withoutRequestID are the mutations that bear no request_id, with the reason.
var withoutRequestID = map[string]string{
	"/lendgate.payments.v1.PaymentService/ReceiveWebhook":  "a provider's notification is deduplicated by its own content",
	"/lendgate.push.v1.NotificationService/ReceiveReceipt": "a provider's receipt is deduplicated by its own content",
}

// edgePackages are the contracts that the outside reaches; the others are between our own processes.
var edgePackages = []protoreflect.FullName{"lendgate.mobile.v1", "lendgate.partner.v1", "lendgate.agent.v1"}

// methods are the RPCs of every contract, in the order of their procedures. Missing options fail the test.
func methods(t *testing.T) []inproc.Method {
	t.Helper()
	loaded, err := inproc.LoadMethods()
	if err != nil {
		t.Fatalf("RPCs without signature class, permission or idempotency level:\n%v", err)
	}
	return slices.SortedFunc(slices.Values(loaded.All()), func(a, b inproc.Method) int { return strings.Compare(a.Procedure, b.Procedure) })
}

func outside(m inproc.Method) bool {
	return slices.Contains(edgePackages, m.Descriptor.ParentFile().Package())
}

func TestEveryContractIsLinked(t *testing.T) {
	t.Parallel()
	top := root(t)
	found, err := filepath.Glob(filepath.Join(top, "proto", "lendgate", "*", "v*", "*.proto"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no contracts found (%v)", err)
	}
	for _, name := range found {
		relative, err := filepath.Rel(filepath.Join(top, "proto"), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := protoregistry.GlobalFiles.FindFileByPath(filepath.ToSlash(relative)); err != nil {
			t.Errorf("%s is not linked into the walls: import its generated package in contract_test.go (%v)", relative, err)
		}
	}
}

func TestEveryRPCDeclaresWhoMayCall(t *testing.T) {
	t.Parallel()
	list := methods(t)
	if len(list) < 80 {
		t.Fatalf("only %d RPCs are linked", len(list))
	}
	for _, m := range list {
		internal := m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_INTERNAL
		switch {
		case outside(m) && internal:
			t.Errorf("%s is reached from outside and signed by nobody: give it the class ENROL, DEVICE or MONEY", m.Procedure)
		case !outside(m) && !internal:
			t.Errorf("%s is between our processes and asks for %s: only contracts of the edge may", m.Procedure, m.Signature)
		case m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_NONE && !slices.Contains(openToAll, m.Procedure):
			t.Errorf("%s is open to anybody: sign it, or list it in openToAll with its reviewer's consent", m.Procedure)
		case m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_NONE && !m.ReadOnly:
			t.Errorf("%s changes something and is open to anybody", m.Procedure)
		case m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY && m.Permission == typev1.Permission_PERMISSION_OPEN:
			t.Errorf("%s moves money without a session: ask for a permission", m.Procedure)
		}
	}
}

func TestEveryMutationHasARequestID(t *testing.T) {
	t.Parallel()
	excused := maps.Clone(withoutRequestID)
	for _, m := range methods(t) {
		field := m.Descriptor.Input().Fields().ByName("request_id")
		switch {
		case excused[m.Procedure] != "":
			delete(excused, m.Procedure)
		case m.ReadOnly && field != nil:
			t.Errorf("%s changes nothing and has a request_id: it would be asked for and never used", m.Procedure)
		case !m.ReadOnly && field == nil:
			t.Errorf("%s changes something and has no request_id: a repeat cannot be told from a second request (AIP-155)", m.Procedure)
		case field != nil && !fieldRules(t, field).GetString().GetUuid():
			t.Errorf("%s is no UUID by its rules: the Idempotency-Key is one", field.FullName())
		}
	}
	for procedure := range excused {
		t.Errorf("withoutRequestID excuses %s, which does not exist", procedure)
	}
}

// errorsParagraph is the last paragraph of an RPC's comment: the reasons of its own, or that it has none.
var (
	errorsParagraph = regexp.MustCompile(`(?s)(?:^|\n)Errors: (.+)\.$`)
	rpcLine         = regexp.MustCompile(`^\s*rpc ([A-Za-z]+)\(`)
	serviceLine     = regexp.MustCompile(`^service ([A-Za-z]+) \{`)
	packageLine     = regexp.MustCompile(`^package ([a-z0-9.]+);`)
	// A reason may be followed by what it means here, in brackets.
	reasonWords = regexp.MustCompile(`^([A-Z][A-Z0-9_]+)(?: \([^()]+\))?(?:, |$)`)
)

func TestEveryRPCListsItsErrors(t *testing.T) {
	t.Parallel()
	comments := rpcComments(t)
	for _, m := range methods(t) {
		comment := comments[m.Procedure]
		found := errorsParagraph.FindStringSubmatch(comment)
		if found == nil {
			t.Errorf("the comment of %s does not end with a paragraph \"Errors: A, B.\" or \"Errors: none of its own.\"", m.Procedure)
			continue
		}
		if found[1] == "none of its own" {
			continue
		}
		seen := map[string]bool{}
		for rest := strings.ReplaceAll(found[1], "\n", " "); rest != ""; {
			word := reasonWords.FindStringSubmatch(rest)
			if word == nil {
				t.Errorf("the errors of %s cannot be read at %q: write REASON, REASON (when), REASON", m.Procedure, rest)
				break
			}
			if _, ok := typev1.ErrorReason_value["ERROR_REASON_"+word[1]]; !ok {
				t.Errorf("%s names the reason %q, which ErrorReason does not have", m.Procedure, word[1])
			}
			if seen[word[1]] {
				t.Errorf("%s names the reason %s twice", m.Procedure, word[1])
			}
			seen[word[1]] = true
			rest = rest[len(word[0]):]
		}
	}
}

// rpcComments reads the comments of all RPCs from the contracts, by procedure. Generated code has them too, but no longer as written.
func rpcComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	for _, f := range handwritten(t, ".proto") {
		var pkg, service string
		var comment []string
		for line := range strings.Lines(string(f.text)) {
			line = strings.TrimRight(line, "\n")
			if said, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
				comment = append(comment, strings.TrimSpace(said))
				continue
			}
			if found := packageLine.FindStringSubmatch(line); found != nil {
				pkg = found[1]
			}
			if found := serviceLine.FindStringSubmatch(line); found != nil {
				service = found[1]
			}
			if found := rpcLine.FindStringSubmatch(line); found != nil {
				comments["/"+pkg+"."+service+"/"+found[1]] = strings.Join(comment, "\n")
			}
			comment = nil
		}
	}
	return comments
}

func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	catalogs, err := filepath.Glob(filepath.Join(root(t), "bff", "edge", "catalog", "*.json"))
	if err != nil || len(catalogs) < 2 {
		t.Fatalf("found %d catalogues (%v)", len(catalogs), err)
	}
	for _, name := range catalogs {
		t.Run(path.Base(filepath.ToSlash(name)), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			words := map[string]string{}
			if err := json.Unmarshal(raw, &words); err != nil {
				t.Fatal(err)
			}
			for full, number := range typev1.ErrorReason_value {
				reason := strings.TrimPrefix(full, "ERROR_REASON_")
				if number != 0 && strings.TrimSpace(words[reason]) == "" {
					t.Errorf("%s has no words for people: add it to every catalogue", reason)
				}
				delete(words, reason)
			}
			for reason := range words {
				t.Errorf("there are words for %s, which is no reason", reason)
			}
		})
	}
}
