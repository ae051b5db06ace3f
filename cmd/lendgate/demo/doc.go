// Package demo is a phone: it takes a loan on a running platform and checks the books at the end.
//
// It uses what an app uses and nothing else: the generated clients of lendgate.mobile.v1, the signature package, the websocket's public
// protocol. Only where a person would look at another screen it looks at the simulators' pages: the SMS inbox, the bank's forms, the push
// tray. The journey is a list of steps; its state is written down before each, so that --resume goes on where a killed run, or a killed
// platform, left off.
package demo
