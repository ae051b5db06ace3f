package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/edge/admission"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

func TestACallerMayLowerItsClassAndNeverRaiseIt(t *testing.T) {
	t.Parallel()
	const (
		background = typev1.Priority_PRIORITY_BACKGROUND
		user       = typev1.Priority_PRIORITY_USER
		money      = typev1.Priority_PRIORITY_MONEY
	)
	e := &Edge{}
	for _, c := range []struct {
		declared typev1.Priority
		header   string
		want     admission.Class
	}{
		{money, "", admission.Money},
		{user, "", admission.User},
		{background, "", admission.Background},
		{background, "u=0", admission.Background},
		{user, "u=1, i", admission.User}, // What browsers send for a fetch.
		{user, "u=4", admission.Background},
		{user, "i, u=6", admission.Background},
		{user, "u=7", admission.Export},
		{money, "u=5", admission.Background},
		{user, "u=8", admission.User},
		{user, "u=-1", admission.User},
		{user, `u="7"`, admission.User},
		{user, "u=(7)", admission.User},
		{user, "u=", admission.User},
		{user, "\x00", admission.User},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		if c.header != "" {
			r.Header.Set("Priority", c.header)
		}
		if got := e.classOf(&call{rpc: &rpc{}, method: inproc.Method{Priority: c.declared}}, r); got != c.want {
			t.Errorf("%v with %q is of class %d, want %d", c.declared, c.header, got, c.want)
		}
	}
}

func TestWhatIsNoRPCHasAClass(t *testing.T) {
	t.Parallel()
	e := &Edge{raw: http.NewServeMux()}
	e.raw.Handle("POST /webhooks/{tenant}/{provider}", http.NotFoundHandler())
	e.raw.Handle("GET /cabinet/", http.NotFoundHandler())
	for target, want := range map[string]admission.Class{
		"POST /webhooks/demo/tbank": admission.Money, "GET /cabinet/": admission.User, "POST /nowhere": admission.Export, "GET /nowhere": admission.Export,
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		if got := e.classOf(&call{}, r); got != want {
			t.Errorf("%s is of class %d, want %d", target, got, want)
		}
	}
}
