package console

import (
	"context"
	"fmt"

	"gatehouse/recorder/index"
)

// Indexes is where the indexes of recordings are kept: an *index.Indexer.
type Indexes interface {
	// Open returns the index of a closed recording, masked; an error if there is none that fits, which is not a fault. Safe for
	// concurrent use.
	Open(session, sha256 string) (*index.Index, error)
}

var _ Indexes = (*index.Indexer)(nil)

// Index returns what a recording is replayed from: the index that is kept if it fits, else one that is made now, by a pass over
// the recording.
func (c *Console) Index(ctx context.Context, p *Playback) (*index.Index, error) {
	if x := c.keptIndex(p.Session.ID, p.Session.Recording, p.Session.Live()); x != nil {
		return x, nil
	}
	d := c.cfg.Secrets
	if p.Unmasked {
		d = nil
	}
	x, err := index.Make(ctx, c.cfg.Recordings, p.Session.ID, d, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare %s for replay: %w", p.Session.ID, err)
	}
	return x, nil
}

// keptIndex returns the index that is kept of a recording, nil if there is none. A session's row has the recording's hash only
// once it is closed.
func (c *Console) keptIndex(session, sha256 string, live bool) *index.Index {
	if c.cfg.Indexes == nil || live || c.unmasked() {
		return nil
	}
	x, err := c.cfg.Indexes.Open(session, sha256)
	if err != nil || !x.Masked {
		return nil
	}
	return x
}
