// Package platform runs the real binary and looks at it from outside.
//
// Its tests start `lendgate up` and `lendgate serve` as an operator does, each installation in a folder of its own, and drive them by the
// demo's phone, by signed and spoiled requests, by signals and by kill -9. They prove the promises that no single package can: the journey
// passes in one process and in several, survives being killed at any point with one payout and books at zero, bad input is refused by its
// documented code and writes nothing, and a stop loses no request and leaves no process behind.
//
// They take minutes and are left out by -short. LENDGATE_TEST_KILLS sets how often the platform is killed, LENDGATE_TEST_SEED repeats the
// points of an earlier run. They own no rule: what they refuse is documented in the contracts.
package platform
