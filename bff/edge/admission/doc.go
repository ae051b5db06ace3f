// Package admission decides what is worked on when there is more than can be.
//
// It owns how many requests are worked on at once, which it learns from how long they take, and the line of those that wait for a place.
// It promises four things: what is more important goes first; nobody waits longer than the class is worth; a line is short, so that a
// refusal comes while it still helps; and a line that does not end is cut down to milliseconds, because waiting in it helps nobody.
//
// It knows no request: the edge says which class one is of and which others it resembles. It refuses nobody by name and counts no rates.
package admission
