// Package journal is the log of a process of ours: lines of JSON for log/slog.
//
// It owns how a line reaches the file: each bears the trace that it belongs to, and lines are written together, a second late at most, while
// warnings and errors are written at once. It promises that lines keep their order and that none is torn.
//
// It does not say what is logged, rotates no files, and loses the last second of a process that is killed.
package journal
