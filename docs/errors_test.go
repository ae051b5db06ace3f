package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	reasonLine  = regexp.MustCompile(`^\s*ERROR_REASON_([A-Z0-9_]+) = (\d+)(?: \[\(retry\) = RETRY_([A-Z_]+)\])?;`)
	bornPattern = regexp.MustCompile(`rpcerr\.(New\(\s*connect\.Code(\w+),\s*|Invalid\(\s*|Precondition\(\s*|NotFound\(\s*)typev1\.ErrorReason_ERROR_REASON_([A-Z0-9_]+)`)
	saidBy      = regexp.MustCompile(`(?s)Errors: (.+?)\.\n\s*rpc (\w+)`)
	reasonWord  = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\bINTERNAL\b|\bUNAVAILABLE\b|\bUNDERAGE\b`)
	capital     = regexp.MustCompile(`([a-z])([A-Z])`)
)

// TestErrorsAreThoseOfTheContract writes errors.md from the contract's enum, the code that errors are born in, the comments of RPCs, and the
// words for people.
func TestErrorsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	words := map[string]string{}
	if err := json.Unmarshal([]byte(read(t, "bff/edge/catalog/en.json")), &words); err != nil {
		t.Fatal(err)
	}
	codes, callers := codesOfReasons(t), callersOfReasons(t)
	var out strings.Builder
	out.WriteString(`# Errors

<!-- Written by: go test ./docs -update. Do not edit. -->

Every refusal has a code of Connect (and gRPC) and a ` + "`google.rpc.ErrorInfo`" + ` with a reason of the enum
[` + "`ErrorReason`" + `](../proto/lendgate/type/v1/error.proto). Apps switch over the reason; people read the ` + "`LocalizedMessage`" + `, whose
English words stand in the last column. They come in English, Ukrainian, Russian and Polish and say what a person can do next.

"Repeat" is the option ` + "`retry`" + ` of the reason: what an app can do by itself, always with the same ` + "`request_id`" + `.

| repeat | what an app does |
|---|---|
| never | Nothing: the same request would be refused again. |
| after the hint | Waits as ` + "`RetryInfo`" + ` (or ` + "`Retry-After`" + `) says, without a hint a second, doubled each time. |
| same request | Repeats at once or later: what was done meanwhile is answered, not done again. |
| signed again | Signs with a new nonce and time, and repeats once. |
| new session | Renews the session and repeats once. |

The code is where the error is born in this tree; a dash means that it is made elsewhere, or not yet. "Said by" are the RPCs of
` + "`lendgate.mobile.v1`" + ` and ` + "`lendgate.partner.v1`" + ` whose comments name the reason; one of the first group may come from every RPC.
`)
	group := ""
	var comment []string
	for line := range strings.Lines(read(t, "proto/lendgate/type/v1/error.proto")) {
		line = strings.TrimSpace(line)
		if said, ok := strings.CutPrefix(line, "//"); ok {
			comment = append(comment, strings.TrimSpace(said))
			continue
		}
		found := reasonLine.FindStringSubmatch(line)
		switch {
		case found == nil && line == "" && len(comment) == 1: // A comment by itself begins a group.
			group = strings.TrimSuffix(comment[0], ".")
			fmt.Fprintf(&out, "\n## %s\n\n| reason | code | repeat | meaning | said by | words |\n|---|---|---|---|---|---|\n", group)
		case found != nil && group != "":
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s |\n", found[1], dash(codes[found[1]]), repeat(found[3]), strings.Join(comment, " "), dash(callers[found[1]]), words[found[1]])
		}
		comment = nil
	}
	expect(t, "docs/errors.md", out.String())
}

// repeat is what the option says, in words.
func repeat(option string) string {
	switch option {
	case "":
		return "never"
	case "AFTER_HINT":
		return "after the hint"
	default:
		return strings.ToLower(strings.ReplaceAll(option, "_", " "))
	}
}

func dash(names map[string]bool) string {
	if len(names) == 0 {
		return "–"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// codesOfReasons looks where errors are born.
func codesOfReasons(t *testing.T) map[string]map[string]bool {
	t.Helper()
	codes := map[string]map[string]bool{}
	note := func(reason, code string) {
		if codes[reason] == nil {
			codes[reason] = map[string]bool{}
		}
		codes[reason]["`"+code+"`"] = true
	}
	for _, file := range sources(t, ".go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, born := range bornPattern.FindAllStringSubmatch(read(t, file), -1) {
			switch {
			case strings.HasPrefix(born[1], "Invalid"):
				note(born[3], "invalid_argument")
			case strings.HasPrefix(born[1], "Precondition"):
				note(born[3], "failed_precondition")
			case strings.HasPrefix(born[1], "NotFound"):
				note(born[3], "not_found")
			default:
				note(born[3], strings.ToLower(capital.ReplaceAllString(born[2], "${1}_$2")))
			}
		}
	}
	return codes
}

// callersOfReasons reads the paragraphs "Errors:" of the edge's RPCs.
func callersOfReasons(t *testing.T) map[string]map[string]bool {
	t.Helper()
	callers := map[string]map[string]bool{}
	for _, file := range sources(t, ".proto") {
		if !strings.HasPrefix(file, "proto/lendgate/mobile/") && !strings.HasPrefix(file, "proto/lendgate/partner/") {
			continue
		}
		text := regexp.MustCompile(`(?m)^\s*// ?`).ReplaceAllString(read(t, file), "")
		for _, found := range saidBy.FindAllStringSubmatch(text, -1) {
			for _, reason := range reasonWord.FindAllString(found[1], -1) {
				if callers[reason] == nil {
					callers[reason] = map[string]bool{}
				}
				callers[reason]["`"+found[2]+"`"] = true
			}
		}
	}
	return callers
}
