// Package keep is what the door does with recordings after their end: legal holds, retention, and the destruction of keys.
//
// It trusts the session index for what a recording is about, and its own holds. Whoever asks was authorised by the decider
// before.
//
// It guarantees, in this order: nothing is destroyed that a hold is about, that is live, or whose file is not what the index
// says was closed; the audit entry that names what goes and why is durable before the first byte does; and what a crash cut
// off is finished by the next sweep.
package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/retain"
)

// Errors of what is not destroyed.
var (
	errMissing = errors.New("the recording's file is missing, and nothing says that it was removed")
	errChanged = errors.New("the recording's file is not what was closed: it stays, as evidence")
)

// Store is where holds and fates are kept; *store.SQLite. What returned is durable. Safe for concurrent use.
type Store interface {
	store.Sessions
	PutHold(ctx context.Context, h store.Hold) error
	LiftHold(ctx context.Context, id, by string, at time.Time) error
	Holds(ctx context.Context) ([]store.Hold, error)
	HoldsOn(ctx context.Context, s store.Session) ([]store.Hold, error)
	PutFate(ctx context.Context, f store.Fate) error
	Fates(ctx context.Context, sessions ...string) (map[string]store.Fate, error)
	Undone(ctx context.Context) ([]store.Fate, error)
	Kept(ctx context.Context, after string, limit int) ([]store.Session, error)
}

var _ Store = (*store.SQLite)(nil)

// Recordings destroys files; *recorder.Recorder.
type Recordings interface {
	Destroy(ctx context.Context, session string, note func(context.Context, recorder.Doomed) error) error
	Shred(ctx context.Context, session string, note func(context.Context, recorder.Doomed) error) error
	FileSize(session string) (int64, error)
}

var _ Recordings = (*recorder.Recorder)(nil)

// Disposal is what the audit log is to say of a destruction.
type Disposal struct {
	Who  console.Credential // of the person who asked; zero for a rule
	Kind string             // store.Deleted or store.Shredded
	What recorder.Doomed
	Why  string // the rule or the reason
}

// Forgetter is something derived from recordings: an index, a search.
type Forgetter interface {
	// Forget removes whatever it has of a session; durable when it returns. A session that it does not know is no error.
	Forget(ctx context.Context, session string) error
}

// Config is what a Keeper works with. Store, Recordings and Note are required.
type Config struct {
	Store      Store
	Recordings Recordings
	Note       func(ctx context.Context, d Disposal) error // the entry is durable when it returns
	Forget     []Forgetter
	Rules      retain.Rules
	Every      time.Duration    // between two sweeps; zero means an hour
	Now        func() time.Time // nil means time.Now
	Log        hclog.Logger     // nil discards
}

// Keeper holds, removes and shreds. All methods may be called concurrently.
type Keeper struct {
	cfg Config
	mu  sync.Mutex // a hold is made before a destruction begins, or after it ended
}

var _ console.Keeper = (*Keeper)(nil)

// New returns a Keeper.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil || cfg.Recordings == nil || cfg.Note == nil {
		return nil, errors.New("keep: Store, Recordings and Note are required")
	}
	if cfg.Every <= 0 {
		cfg.Every = time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Keeper{cfg: cfg}, nil
}

// Hold makes a hold; it is in force when it returns.
func (k *Keeper) Hold(ctx context.Context, h store.Hold) (store.Hold, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h.At = k.cfg.Now().UTC()
	h.ID = id.New(id.Hold, h.At)
	if err := k.cfg.Store.PutHold(ctx, h); err != nil {
		return store.Hold{}, fmt.Errorf("hold: %w", err)
	}
	return h, nil
}

// Lift ends a hold.
func (k *Keeper) Lift(ctx context.Context, hold, by string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cfg.Store.LiftHold(ctx, hold, by, k.cfg.Now().UTC())
}

// Holds lists what stands.
func (k *Keeper) Holds(ctx context.Context) ([]store.Hold, error) { return k.cfg.Store.Holds(ctx) }

// HoldsOn lists the holds that are about a session.
func (k *Keeper) HoldsOn(ctx context.Context, s store.Session) ([]store.Hold, error) {
	return k.cfg.Store.HoldsOn(ctx, s)
}

// Fates says what became of recordings.
func (k *Keeper) Fates(ctx context.Context, sessions ...string) (map[string]store.Fate, error) {
	return k.cfg.Store.Fates(ctx, sessions...)
}

// Shred destroys the key of a session's recording.
func (k *Keeper) Shred(ctx context.Context, who console.Credential, by string, s store.Session, reason string) error {
	if s.State == store.Live {
		return fmt.Errorf("shred %s: %w", s.ID, recorder.ErrLive)
	}
	return k.dispose(ctx, s, store.Fate{Session: s.ID, Kind: store.Shredded, Why: reason, By: by}, who)
}

// dispose destroys one recording, or its key, unless it is held.
func (k *Keeper) dispose(ctx context.Context, s store.Session, fate store.Fate, who console.Credential) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.held(ctx, s); err != nil {
		return err
	}
	fate.At = k.cfg.Now().UTC()
	err := k.remove(ctx, fate, func(ctx context.Context, d recorder.Doomed) error {
		switch {
		case d.SHA256 == "":
			return errMissing
		case d.SHA256 != s.Recording:
			return errChanged
		}
		fate.Size = d.Size
		if err := k.cfg.Note(ctx, Disposal{Who: who, Kind: fate.Kind, What: d, Why: fate.Why}); err != nil {
			return err
		}
		return k.cfg.Store.PutFate(ctx, fate)
	})
	if err != nil {
		return err
	}
	return k.finish(ctx, fate)
}

// held is an error that names the hold, if there is one.
func (k *Keeper) held(ctx context.Context, s store.Session) error {
	holds, err := k.cfg.Store.HoldsOn(ctx, s)
	if err != nil {
		return err
	}
	if len(holds) > 0 {
		return &console.HeldError{Session: s.ID, Hold: holds[0]}
	}
	return nil
}

func (k *Keeper) remove(ctx context.Context, fate store.Fate, note func(context.Context, recorder.Doomed) error) error {
	if fate.Kind == store.Shredded {
		return k.cfg.Recordings.Shred(ctx, fate.Session, note)
	}
	return k.cfg.Recordings.Destroy(ctx, fate.Session, note)
}

// finish removes what was derived and notes that all is gone.
func (k *Keeper) finish(ctx context.Context, fate store.Fate) error {
	for _, f := range k.cfg.Forget {
		if err := f.Forget(ctx, fate.Session); err != nil {
			return fmt.Errorf("forget what was derived from %s: %w", fate.Session, err)
		}
	}
	fate.Done = true
	return k.cfg.Store.PutFate(ctx, fate)
}

// resume finishes what a crash cut off: the log has it, the bytes may still be there.
func (k *Keeper) resume(ctx context.Context, fate store.Fate) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.cfg.Store.Get(ctx, fate.Session)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil {
		if err := k.held(ctx, s); err != nil {
			return err
		}
	}
	noted := func(_ context.Context, d recorder.Doomed) error {
		if err == nil && d.SHA256 != "" && d.SHA256 != s.Recording {
			return errChanged // since the entry: it names another file
		}
		return nil
	}
	if err := k.remove(ctx, fate, noted); err != nil && !errors.Is(err, recorder.ErrNotEncrypted) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return k.finish(ctx, fate)
}
