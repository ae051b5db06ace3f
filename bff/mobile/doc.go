// Package mobile shapes what a phone sees: a file a screen or journey.
//
// It owns no data. A screen is composed of sections that are fetched from the backends side by side under one deadline; a section that
// cannot be had says so (SectionStatus) and the others are shown. Only a section that the contract marks as required makes its failure the
// screen's. A mutation is passed on to one backend with the caller's own request_id, so that a repeat is recognised there.
//
// It promises that every amount comes with the text to show, in the caller's language, and that a backend's refusal reaches the app with
// its own reason. The caller's rights are checked before (package edge) and again behind (each service's door).
package mobile
