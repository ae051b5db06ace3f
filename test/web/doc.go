// Package web tests the borrower's cabinet as a person uses it: a real Chromium, the size of a phone, on a real platform that it starts by
// itself in a folder of its own.
//
// It promises that a loan can be taken to the payout and paid on by what is on the screen alone, that a status changes while one looks,
// that one missing section leaves the others, and that neither a script fails nor the content security policy is broken on the way.
//
// It does not test other browsers, and it knows no class names: it looks for what a person or a screen reader finds. Without a Chromium its
// tests are skipped and say so; tools/install-chromium installs one. With -screenshots FOLDER it keeps pictures of the screens.
package web
