// Package sessionkey derives the keys with which a phone signs its everyday requests after a login.
//
// It owns how a key follows from the platform's own key, the session and the access token: whoever answers a login derives it, whoever checks
// a signature derives it again, and nobody stores it.
//
// It promises that a key says nothing about any other, nor about the platform's key; that a repeated answer holds the same key; and that a key
// is good exactly as long as the access token that it was given out with.
//
// It does not tell whether a session lives, nor what may be signed with its key: that is the edge's.
package sessionkey
