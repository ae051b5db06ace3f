package realtime

import "slices"

// history reads a page of past publications, at most RecoverPublications and RecoverBytes of them. A page that was cut can be
// continued from its last offset.
func (s *session) history(c *command) {
	r := c.History
	if r.Channel == "" {
		s.close(closeBadRequest)
		return
	}
	result, err := s.readHistory(r)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, &reply{History: result})
}

// readHistory checks the request and reads the page. A page read backwards is found by counting, since offsets are contiguous.
func (s *session) readHistory(r *historyRequest) (*historyResult, error) {
	if err := s.mayRead(r.Channel); err != nil {
		return nil, err
	}
	since := streamPosition{}
	if r.Since != nil {
		since = *r.Since
	}
	if len(r.Channel) > maxChannelBytes || since.Offset > maxOffset || (r.Reverse && r.Since != nil && since.Offset == 0) {
		return nil, errBadRequest
	}
	ctx, cancel := s.portContext()
	defer cancel()
	limit := s.h.cfg.RecoverPublications
	if r.Limit >= 0 {
		limit = min(limit, int(r.Limit))
	}
	after := since.Offset
	if limit == 0 || r.Reverse {
		top, err := s.h.cfg.Log.Position(ctx, s.principal, r.Channel)
		if err != nil {
			return nil, err
		}
		if limit == 0 {
			return historyPage(since, nil, top)
		}
		// The page below the top, or below since: offsets are contiguous, so its beginning can be computed.
		end := top.Offset + 1
		if since.Offset > 0 {
			end = min(end, since.Offset)
		}
		after = uint64(max(0, int64(end)-1-int64(limit)))
		limit = int(end - 1 - after)
		if limit == 0 {
			return historyPage(since, nil, top)
		}
	}
	pubs, top, err := s.h.cfg.Log.After(ctx, s.principal, r.Channel, after, limit)
	if err != nil {
		return nil, err
	}
	if r.Reverse {
		slices.Reverse(pubs)
	}
	return historyPage(since, s.fitting(pubs), top)
}

// fitting cuts a page at the byte limit, but never to nothing.
func (s *session) fitting(pubs []Publication) []*publication {
	var page []*publication
	left := s.h.cfg.RecoverBytes
	for _, p := range pubs {
		out := s.shape.publication(p)
		left -= len(out.Data)
		if left < 0 && len(page) > 0 {
			break
		}
		page = append(page, out)
	}
	return page
}

// historyPage refuses a page of another epoch than the one asked for.
func historyPage(since streamPosition, page []*publication, top Position) (*historyResult, error) {
	if since.Epoch != "" && since.Epoch != top.Epoch {
		return nil, errUnrecoverable
	}
	if page == nil {
		page = []*publication{} // an empty list, not null
	}
	return &historyResult{Publications: page, Epoch: top.Epoch, Offset: top.Offset}, nil
}
