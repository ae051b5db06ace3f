// Package bench is the measuring room: it holds no code of its own, only rooms.
//
//   - edge runs the contest of the edge against its peers and writes the tables: the program behind make bench-edge.
//   - ours is the real edge over backends in memory, backend the same backends as a process of their own.
//   - scene is what all of them play: people with keys and sessions, and the fixed content of the screens.
//   - load sends requests and meter reads what they cost.
//   - peers holds what we are compared with. Its Go programs are a module of their own, so that nobody else pays for their dependencies.
//
// Nothing here is part of the platform, and nothing of the platform may import it.
package bench
