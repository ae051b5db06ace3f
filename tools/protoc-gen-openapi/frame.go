package main

// about is how the document begins.
const about = `The REST form of lendgate's API: the same RPCs, rules and errors as in Connect, gRPC and gRPC-Web, on the same port.

JSON is protoJSON: names are camelCase (snake_case is taken, too), 64-bit integers are strings, enums are words, unset fields are left out.
What the path does not hold comes as JSON, or as the query when there is no body: nested fields with a dot (page.pageSize=20), lists by
repetition. A query parameter that the request does not have is refused with INVALID_REQUEST.

A change bears a UUID in the header Idempotency-Key, the same on every repeat. It is the request_id; the body may leave that out.
Answers to GET bear an ETag. All answers bear X-Request-Id, and RateLimit once the caller is known.`

const signed = "HTTP Message Signatures (RFC 9421) with a Content-Digest of the body (RFC 9530), in Signature-Input and Signature, tag lendgate-1. " +
	"It covers the method, the path and the query as they go over the wire. A refusal says in Accept-Signature what is wanted. "

// frame is the document without what the contracts fill in.
func frame() *document {
	return &document{
		OpenAPI: "3.1.0",
		Info:    info{Title: "lendgate", Version: "v1", Description: about, License: license{Name: "Apache 2.0", Identifier: "Apache-2.0"}},
		Servers: []server{{URL: "/", Description: "The host that serves this document."}},
		Paths:   map[string]map[string]operation{},
		Components: components{
			SecuritySchemes: map[string]securityScheme{
				"DeviceSignature":  {Type: "apiKey", In: "header", Name: "Signature", Description: signed + "By the key of an enrolled device (ecdsa-p256-sha256)."},
				"MoneySignature":   {Type: "apiKey", In: "header", Name: "Signature", Description: signed + "By the key of an enrolled device, over Idempotency-Key and Authorization as well."},
				"EnrolSignature":   {Type: "apiKey", In: "header", Name: "Signature", Description: signed + "By the key that the request presents in Lendgate-Device-Key."},
				"PartnerSignature": {Type: "apiKey", In: "header", Name: "Signature", Description: signed + "By a key of the partner."},
				"Session":          {Type: "http", Scheme: "bearer", Description: "The access token of a session, good on the device that logged in alone."},
			},
			Parameters: map[string]parameter{"IdempotencyKey": {
				Name: "Idempotency-Key", In: "header", Required: true, Description: "A UUID that the caller chooses, the same on every repeat of the request.",
				Schema: &schema{Type: "string", Format: "uuid"},
			}},
			Responses: map[string]response{"Error": {
				Description: "A refusal. The status follows from the code: 400 for a wrong request or state, 401 without proof of who asks, 403, 404, 405, 409 " +
					"for what was done before or at the same time, 429 and 503 with Retry-After, 500 for our own fault, 504 for lack of time.",
				Content: inJSON(&schema{Ref: "#/components/schemas/Error"}),
			}},
			Schemas: map[string]*schema{"Error": errorSchema()},
		},
	}
}

// errorSchema is the error of Connect's protocol with what programs without Protobuf look for.
func errorSchema() *schema {
	word := func(about string) *schema { return &schema{Type: "string", Description: about} }
	violation := &schema{Type: "object", Properties: map[string]*schema{"field": word("The field, as in loan_id or principal.minor_units."), "description": word("What is wrong, for developers.")}}
	detail := &schema{Type: "object", Properties: map[string]*schema{
		"type":  word("The message that value holds, such as google.rpc.ErrorInfo."),
		"value": {Type: "string", ContentEncoding: "base64", Description: "The message in Protobuf's wire form, base64 without padding."},
	}}
	return &schema{
		Type: "object", Description: "Why a request was refused.", Required: []string{"code", "message"},
		Properties: map[string]*schema{
			"code":       word("The code of Connect and gRPC, such as not_found."),
			"reason":     word("The stable cause, such as LOAN_NOT_FOUND: switch over it. docs/errors.md lists all."),
			"message":    word("What happened, in English, for developers."),
			"text":       word("What to show to a person, in their language. Left out when there is nothing to show."),
			"metadata":   {Type: "object", Description: "Facts of the reason.", AdditionalProperties: &schema{Type: "string"}},
			"violations": {Type: "array", Description: "The fields that break the contract.", Items: violation},
			"details":    {Type: "array", Description: "The same in Protobuf, as other protocols bear it.", Items: detail},
		},
	}
}
