// Package load sends prepared requests over raw keep-alive connections and watches every answer.
//
// It owns HTTP/1.1 as far as a load generator needs it: the bytes of a request are given, an answer is read to its end and its status
// counted. Closed sends the next request when the answer to the last one is there, which is right for measuring cost. Open sends by the
// clock, as people do, and counts a delay from the moment at which a request was due, so that a server that stalls cannot hide it by being
// asked less (coordinated omission). It parses nothing that it does not need and allocates nothing per request.
package load
