// Package mobile shapes what a phone sees: a file a screen or journey.
//
// It owns no data. A screen is composed of sections (compose) that are fetched from the backends side by side; a section that cannot be had
// says so (SectionStatus) and the others are shown. Only a section that the contract marks as required makes its failure the screen's. A read
// mask names the sections that an app needs; the others are not asked for.
//
// Each section has a time, cut to what its caller has left. A read that takes unusually long is made once more beside the first (read), for
// at most one read in twenty; a backend that keeps failing is left alone for a while; and the last good answer stands in, marked as old
// (fetch). None of it is for mutations: those are passed on once, to one backend, with the caller's own request_id, so that a repeat is
// recognised there.
//
// It promises that every amount comes with the text to show, that words come in the caller's language (catalog/), and that a backend's refusal
// reaches the app with its own reason. The caller's rights are checked before (package edge) and again behind (each service's door).
package mobile
