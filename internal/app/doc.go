// Package app is the composition root: it alone knows which parts run in this process, and how they find each other.
//
// It reads like a bill of materials: configuration, secrets, the local machine's servers (machine.go), the simulators of third parties
// (sims.go), the services (services.go), the edge (front.go). Up runs everything in one process; Serve runs any part and dials the others.
// Services cannot tell the difference.
package app
