// Package docs holds the documentation of lendgate and the tests that keep it true. It exports nothing.
//
// The tests read files and nothing else: links lead somewhere and line links to what they name (links_test.go), every capability is told
// once and proven by tests that exist (capabilities_test.go), every setting is documented with its default (configuration_test.go), the
// list of errors is that of the contract (errors_test.go), and the picture of the demo is the recorded text (demo_test.go).
//
// After a change of the sources, `go test ./docs -update` rewrites what can be derived: line numbers, errors.md and the picture.
package docs
