package link

import "sync"

// maxKept is what is kept of memory for frames, in bytes; larger ones are rare.
const maxKept = 64 << 10

// room is memory that one frame after the other uses.
type room struct{ b []byte }

var rooms = sync.Pool{New: func() any { return &room{make([]byte, 0, 1<<10)} }}

// takeRoom takes a room with nothing in it.
func takeRoom() *room {
	r := rooms.Get().(*room)
	r.b = r.b[:0]
	return r
}

// takeRoomOf takes a room with n bytes in it, whatever they are.
func takeRoomOf(n int) *room {
	r := takeRoom()
	if cap(r.b) < n {
		r.b = make([]byte, n)
	}
	r.b = r.b[:n]
	return r
}

// leave gives the room to the next frame. Nobody may look into it after.
func (r *room) leave() {
	if cap(r.b) <= maxKept {
		rooms.Put(r)
	}
}
