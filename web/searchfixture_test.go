package web

import (
	"context"

	"gatehouse/recorder/index"
	"gatehouse/recorder/search"
)

// sink opens the search and returns it, or nothing in a build without.
func (h *house) sink() index.Sink {
	h.t.Helper()
	var err error
	h.search, err = search.New(search.Config{Dir: h.t.TempDir()})
	must(h.t, err)
	h.t.Cleanup(func() { must(h.t, h.search.Close()) })
	if !search.Built {
		return nil
	}
	return h.search
}

// meta adds the verdict, as the door does.
func (h *house) meta(ctx context.Context, m *index.Meta) error {
	s, err := h.store.Get(ctx, m.Session)
	m.Verdict, m.Task = s.Verdict, s.Task
	return err
}
