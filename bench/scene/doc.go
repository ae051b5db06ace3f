// Package scene is what a contest plays: people with devices, keys and sessions, backends that answer from memory, and the requests of the
// phones, signed in advance.
//
// It owns fixed content: a profile of 11 fields, 5 loans and 3 notices, which make a home screen of about 2.4 KB in JSON. Everybody has the
// same. It promises that two processes that name the same cast get the same people, so that a generator can sign for devices that a server
// in another process knows. It checks nobody: permission, validation and signatures are the business of those who are measured.
package scene
