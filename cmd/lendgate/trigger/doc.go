// Package trigger makes one thing happen on a running platform, as somebody outside of it would, and prints it as data.
//
// It holds what the outside holds and nothing else: the public contracts, the signature package, and the demo partner's own key. What goes
// over the wire is printed as it went, so that whoever writes a client can hold it against their own.
package trigger
