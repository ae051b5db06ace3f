package realtime

import "sync"

// shape is everything that the bytes of a publication depend on, besides the publication: few enough to prepare one frame for
// each and share it among all sessions.
type shape struct {
	proto    bool // Protobuf framing
	jsonData bool // JSON payload; always so in the JSON framing
	numeric  bool // channel by numeric id
}

// prepared is a publication with its push frames, encoded at most once per shape.
type prepared struct {
	Publication
	stream string
	id     int64 // the stream's numeric id in this process

	mu     sync.Mutex
	frames map[shape][]byte
	errs   map[shape]error
}

// frame returns the push. It fails when the shape needs JSON and the publication has none, or something else.
func (p *prepared) frame(s shape) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.frames[s]; ok {
		return f, p.errs[s]
	}
	if p.frames == nil {
		p.frames, p.errs = make(map[shape][]byte, 1), make(map[shape]error)
	}
	body := &push{Channel: p.stream, Pub: s.publication(p.Publication)}
	if s.numeric {
		body.Channel, body.ID = "", p.id
	}
	f, err := s.codec().encode(&reply{Push: body})
	p.frames[s], p.errs[s] = f, err
	return f, err
}

// codec is the framing of the shape.
func (s shape) codec() codec {
	if s.proto {
		return protoCodec{}
	}
	return jsonCodec{}
}

// publication chooses the payload.
func (s shape) publication(p Publication) *publication {
	out := &publication{Data: p.Data, Offset: p.Offset}
	if s.jsonData {
		out.Data = p.JSON
		if len(out.Data) == 0 {
			// Not valid JSON, on purpose: the encoder then refuses what a JSON client could not read.
			out.Data = payload{0}
		}
	}
	if !p.Time.IsZero() {
		out.Time = p.Time.UnixMilli()
	}
	return out
}
