// Package cases runs the outside cases, files of inputs and expected figures
// that others published, against the same pure packages that serve the product.
//
// It owns finding the files, matching each to its runner by base name, counting
// and reporting. It promises that every figure is computed from the case's
// inputs, that a file it does not know is named rather than ignored, and that a
// broken file is an error entry rather than a crash. It writes nothing.
package cases
