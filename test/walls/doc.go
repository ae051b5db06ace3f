// Package walls keeps the house in shape: its tests read the module as a whole and refuse what a review would.
//
// It owns three kinds of rules. Imports: who may know whom (imports_test.go). Contracts: what every RPC and field declares
// (contract_test.go, bounds_test.go), and that a test calls every RPC (rpctest_test.go). Sources: length, names, comments (sources_test.go).
//
// It promises that a failure names the rule, the place and what to do instead. It needs no database and runs in seconds. It judges
// sources only; what a running platform does is the matter of test/platform.
package walls
