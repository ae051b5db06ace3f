// Package template owns the texts of messages: what is said, in which language, over which channels, and which parameters it takes.
//
// Templates are data beside this file: templates.json says what a template needs and how it travels, texts/<language>.json says what it
// reads like. [Load] proves all of it at start: every template has every text that it needs in every language, every text compiles, and
// none uses a parameter that its template does not declare. Rendering can then fail only for a parameter that was not given.
//
// What is shown on a lock screen names no person, no sum and no verdict; the data beside it says which screen to open.
//
// The package is pure: no clock, no database, no provider, no tenant. It does not escape: the texts are plain, not HTML.
package template
