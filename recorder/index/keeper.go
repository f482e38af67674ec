package index

import "context"

// keeper is a Sink that knows what it has: what it has lost is put again.
type keeper interface {
	// Has says whether the rows of a session are there. Safe for concurrent use.
	Has(ctx context.Context, session string) (bool, error)
}

// lost says whether the sink does not have the rows of a recording that was handed to it. A sink that does not know is believed.
func (ix *Indexer) lost(session string) bool {
	k, ok := ix.cfg.Sink.(keeper)
	if !ok {
		return false
	}
	has, err := k.Has(context.Background(), session)
	return err == nil && !has
}
