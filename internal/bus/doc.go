// Package bus carries events between services over the Kafka API.
//
// The outbox tables are the truth and the bus a means: a Relay for each service reads its outbox and produces to the topic
// "lendgate.<service>.events", keyed by subject; a Consumer for each interested service takes events in, each in one transaction with a
// note in its inbox, so that a second delivery does nothing. An event that cannot be taken in after many tries is kept in dead_events and
// the others go on. Brokers are found by address; one machine runs an in-process broker (package app).
package bus
