// Package agreement turns the parameters of a loan into the document that is
// signed: a PDF from a template in the borrower's language.
//
// It promises that the same [Document] always gives the same bytes, so that
// their SHA-256 stands for the document: fonts, templates and times come from
// the binary and the caller, never from the machine. A template that is in use
// is never edited; a change is a new version, and agreements name the version
// that they were made from.
//
// It does not compute anything about the loan, store anything, or know what day
// it is.
package agreement
