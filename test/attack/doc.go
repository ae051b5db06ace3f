// Package attack runs the attack matrix against the real platform, through the address that strangers reach.
//
// Each row has an id (S: signatures, A: access, L: logins, T: input and transport) and is a subtest of that name. Rows that speak of every RPC
// are made from the descriptors, so an RPC that is added is attacked the same day. What a row finds is one of: held here; held by tests
// nearer to the code, which are named and must exist; not applicable yet, with the reason. docs/security.md bears the table, written by
// `go test ./test/attack -update`; the test fails when the page tells something else than the run.
//
// The ASVS requirements lie in docs/asvs/coverage.yaml, under the same rule: what is called covered names a test that exists.
//
// The rows run one after another on one installation of two lenders, which is started for them and removed. They take a few minutes at most and
// are left out by -short. They own no rule: what they refuse is documented in the contracts.
package attack
