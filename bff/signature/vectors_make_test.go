package signature_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

// maxVectorField leaves out tamperings by sheer size, which need no vector.
const maxVectorField = 2048

// makeVectors makes what signing.json has to hold.
func makeVectors(t *testing.T) vectorFile {
	t.Helper()
	file := vectorFile{
		About: []string{
			"Test vectors of lendgate's HTTP message signatures (RFC 9421 with RFC 9530), made by bff/signature and checked by its tests.",
			"The keys are for these vectors only and are made from a fixed text: never use them for anything else.",
			"With expect: sign input.request (or input.response, an answer to input.request) with input.key and input.params.",
			"The base must be equal byte for byte; expect.headers are the fields to set. exact false: the Signature is one of many valid ones.",
			"With error: verify the message at unix time input.now as input.policy asks; the reason of the refusal is for logs.",
			"The server answers for api.lender.example and partner.lender.example. seen: its nonce was consumed before.",
		},
		Profile: signature.TagLendgate1,
		Keys:    vectorKeys(t),
	}
	keys := demoKeys(t)
	for _, id := range []string{"demo-device", "demo-server", "demo-shop"} {
		for _, m := range plainRequests() {
			v := vector{Name: m.name + " signed by " + id, Input: vectorInput{
				Policy: m.policy, Now: demoNow().Unix(), Key: id, Params: vectorParameters(id), Request: m.request,
			}}
			v.Expect = v.Input.sign(t, keys)
			file.Vectors = append(file.Vectors, v)
		}
	}
	file.Vectors = slices.Concat(file.Vectors, responseVectors(t, keys), refusedVectors(t, keys))
	return file
}

func vectorParameters(id string) *vectorParams {
	created := demoNow().Unix()
	return &vectorParams{
		Label: "lendgate", Created: created, Expires: created + 60, Nonce: "bm9uY2Utb2YtMTI4LWJpdHM",
		KeyID: id, Tag: signature.TagLendgate1,
	}
}

type plainRequest struct {
	name, policy string
	request      vectorMessage
}

// plainRequests are requests before they are signed.
func plainRequests() []plainRequest {
	get := vectorMessage{
		Method: http.MethodGet, Scheme: "https", Authority: "api.lender.example",
		Target: "/v1/loans", Headers: [][2]string{},
	}
	query, host := get, get
	query.Target = "/v1/loans/%D0%B0%2F1?page_size=20&state=A%20B+C&empty="
	query.Headers = [][2]string{{"Authorization", "Bearer demo-session"}}
	host.Authority = "API.Lender.Example:443"
	empty := get
	empty.Method, empty.Target = http.MethodPost, "/v1/sessions:end"
	pay := describe(demoRequest(), []byte(demoBody))
	return []plainRequest{
		{"GET without query or fields", "request", get},
		{"GET with an encoded path and query", "request", query},
		{"GET with a capital host and the default port", "request", host},
		{"POST without content", "request", empty},
		{"POST with JSON", "request", pay},
		{"POST of the money class", "money", pay},
	}
}

// responseVectors are an answer, and the same answer offered for other requests.
func responseVectors(t *testing.T, keys signature.KeyRing) []vector {
	t.Helper()
	asked := signed(t, demoSigner(keys["demo-device"], signature.ProfileLendgate1Money()))
	params := vectorParameters("demo-server")
	params.Nonce = ""
	answer := vector{Name: "answer to a payment", Input: vectorInput{
		Policy: "response", Now: demoNow().Unix(), Key: "demo-server", Params: params,
		Request: describe(asked, []byte(demoBody)),
		Response: &vectorMessage{
			Status: http.StatusOK, Headers: [][2]string{{"Content-Type", "application/json"}}, Body: `{"state":"ACCEPTED"}`,
		},
	}}
	answer.Expect = answer.Input.sign(t, keys)
	vectors := []vector{answer}
	for _, c := range []struct {
		name   string
		change func(request, response *vectorMessage)
		want   signature.Reason
	}{
		{"answer with another status", func(_, m *vectorMessage) { m.Status = http.StatusAccepted }, signature.ReasonSignature},
		{"answer with another body", func(_, m *vectorMessage) { m.Body = `{"state":"REJECTED"}` }, signature.ReasonDigest},
		{"answer to a request for another path", func(m, _ *vectorMessage) { m.Target = "/other" }, signature.ReasonSignature},
		{"answer to a request with another query", func(m, _ *vectorMessage) { m.Target += "&x=1" }, signature.ReasonSignature},
		{"answer to an equal request that was signed anew", func(m, _ *vectorMessage) {
			header := m.header()
			header.Set("Signature", "lendgate=:"+strings.Repeat("A", 86)+"==:")
			m.Headers = fieldsOf(header)
		}, signature.ReasonSignature},
		{"answer to a request with other content", func(m, _ *vectorMessage) {
			header := m.header()
			header.Set("Content-Digest", signature.ContentDigest([]byte("other")))
			m.Headers = fieldsOf(header)
		}, signature.ReasonSignature},
	} {
		request, response := answer.Input.Request, *answer.Input.Response
		response.Headers = slices.Concat(response.Headers, answer.Expect.Headers)
		c.change(&request, &response)
		vectors = append(vectors, vector{Name: c.name, Error: string(c.want), Input: vectorInput{
			Policy: "response", Now: answer.Input.Now, Request: request, Response: &response,
		}})
	}
	return vectors
}

// refusedVectors are requests that must not pass.
func refusedVectors(t *testing.T, keys signature.KeyRing) []vector {
	t.Helper()
	policy := signature.ProfileLendgate1()
	var vectors []vector
	add := func(name, policyName string, r *http.Request, body []byte, reason signature.Reason) *vector {
		vectors = append(vectors, vector{Name: name, Error: string(reason), Input: vectorInput{
			Policy: policyName, Now: demoNow().Unix(), Request: describe(r, body),
		}})
		return &vectors[len(vectors)-1]
	}
	for _, c := range tamperings() {
		r := signed(t, demoSigner(keys["demo-device"], policy))
		body := bodyOf(t, r)
		c.change(r, &body)
		if len(strings.Join(r.Header.Values("Signature-Input"), "")) < maxVectorField {
			add("tampered: "+c.name, "request", r, body, c.want)
		}
	}
	fewer := policy
	fewer.Required = fewer.Required[:3]
	otherTag := policy
	otherTag.Tag = "web-bot-auth"
	for name, c := range map[string]signature.Policy{"valid, but covers no query": fewer, "valid, but for another purpose": otherTag} {
		r := signed(t, demoSigner(keys["demo-shop"], c))
		reason := signature.ReasonPolicy
		if c.Tag != policy.Tag {
			reason = signature.ReasonMissing
		}
		add(name, "request", r, []byte(demoBody), reason)
	}
	slices.SortStableFunc(vectors, func(a, b vector) int { return strings.Compare(a.Name, b.Name) })

	noKey := demoRequest()
	noKey.Header.Del("Idempotency-Key")
	if err := demoSigner(keys["demo-shop"], policy).Sign(noKey); err != nil {
		t.Fatal(err)
	}
	add("valid, but money without an idempotency key", "money", noKey, []byte(demoBody), signature.ReasonPolicy)
	again := signed(t, demoSigner(keys["demo-shop"], policy))
	add("valid, but offered again", "request", again, []byte(demoBody), signature.ReasonReplay).Input.Seen = true
	return vectors
}
