package audit

import "context"

// Probe goes the way of an Append that adds nothing: the writer, the files, an fsync, a checkpoint in the old one's place. It
// returns nil if an entry could be appended now, and changes nothing that is signed.
func (l *Log) Probe(ctx context.Context) error {
	req := &request{done: make(chan error, 1)}
	if err := l.send(ctx, req); err != nil {
		return err
	}
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
