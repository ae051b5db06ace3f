// Package stage is what the Go peers have in common: how they listen, and the home screen that they shape by hand.
//
// It promises that all peers do the same work: three backends, four calls, one answer that is equal to lendgate's field for field (the
// conductor compares them). It is written as a careful engineer would write it for one product, without lendgate's own code.
package stage
