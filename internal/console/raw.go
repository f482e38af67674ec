package console

import (
	"context"
	"fmt"
	"io"

	"gatehouse/internal/store"
)

// exportRaw hands out a recording as it lies: what is encrypted stays so, and whoever has an identity opens it on a machine of
// their own. What is not encrypted holds its secrets unmasked, and is handed out like them.
func (c *Console) exportRaw(ctx context.Context, by Actor, s store.Session) (*Download, error) {
	raw, err := c.cfg.Recordings.Raw(s.ID)
	if err != nil {
		return nil, fmt.Errorf("read recording of %s: %w", s.ID, c.gone(ctx, s, err))
	}
	if !raw.Encrypted() && !c.unmasked() {
		raw.Close()
		return nil, fmt.Errorf("export %s as it lies: %w", s.ID, ErrUnmask)
	}
	kind := formats[Raw]
	return &Download{By: by, Session: s.ID, Name: s.ID + kind.suffix, MediaType: kind.media, Write: func(w io.Writer) error {
		defer raw.Close()
		if err := raw.WriteTar(w); err != nil {
			return fmt.Errorf("export %s as it lies: %w", s.ID, err)
		}
		return nil
	}}, nil
}
