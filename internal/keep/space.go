package keep

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"gatehouse/internal/console"
)

// SpaceConfig says where recordings lie and when people are to know.
type SpaceConfig struct {
	Dir   string
	Warn  uint64        // free bytes below which people are warned
	Least uint64        // free bytes below which no session begins
	Every time.Duration // between two looks; zero means 15 s
	Log   hclog.Logger  // nil discards
}

// Space watches the file system of the recordings. It removes nothing: what is to go is said by rules.
type Space struct{ cfg SpaceConfig }

// remind is how often a state that lasts is logged again.
const remind = time.Hour

// NewSpace returns a Space; Run watches.
func NewSpace(cfg SpaceConfig) *Space {
	if cfg.Every <= 0 {
		cfg.Every = 15 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Space{cfg}
}

// Look says how much is free now.
func (s *Space) Look() (console.Storage, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.cfg.Dir, &st); err != nil {
		return console.Storage{}, fmt.Errorf("free space of recordings: %w", err)
	}
	out := console.Storage{Free: st.Bavail * uint64(st.Bsize), Warn: s.cfg.Warn, Least: s.cfg.Least, State: console.StorageOK}
	switch {
	case out.Free < s.cfg.Least:
		out.State = console.StorageFull
	case out.Free < s.cfg.Warn:
		out.State = console.StorageLow
	}
	return out, nil
}

// Run logs every change of the state, and once an hour that it lasts, until ctx ends.
func (s *Space) Run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	last, said := console.StorageOK, time.Now()
	for {
		now, err := s.Look()
		if err != nil {
			s.cfg.Log.Error("look at the free space", "error", err)
		} else if now.State != last || now.State != console.StorageOK && time.Since(said) >= remind {
			s.say(now)
			last, said = now.State, time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Space) say(now console.Storage) {
	args := []any{"free", now.Free, "warn_free", now.Warn, "min_free", now.Least}
	switch now.State {
	case console.StorageFull:
		s.cfg.Log.Error("no space for recordings: new sessions are refused; nothing is removed by itself", args...)
	case console.StorageLow:
		s.cfg.Log.Warn("space for recordings is low: below min_free new sessions will be refused; add space, or a retention rule", args...)
	default:
		s.cfg.Log.Info("there is space for recordings again", args...)
	}
}
