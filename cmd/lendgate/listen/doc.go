// Package listen follows the event bus of a running platform and prints a line an event, for whoever builds on events or looks for one.
//
// It reads beside the services' own consumers and in nobody's group, so it takes nothing away from anybody, and it leaves no trace. Of an event
// it shows what the contract does not mark as personal data. Events may come twice and, of different subjects, out of order: so does the bus.
package listen
