package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// Config is what an Indexer needs.
type Config struct {
	// Dir is where the recordings are, and their indexes beside them.
	Dir string
	// Source reads them.
	Source Source
	// Detector finds the secrets that are masked.
	Detector *secret.Detector
	// Meta says whose a session is, beside what its recording says. It may be nil.
	Meta func(ctx context.Context, m *Meta) error
	// Sink gets the rows; nil if there is no search.
	Sink Sink
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// Log gets what an operator should know; nil discards it.
	Log hclog.Logger
}

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("index: Dir is empty")
	case c.Source == nil:
		return errors.New("index: Source is nil")
	case c.Detector == nil:
		return errors.New("index: Detector is nil")
	}
	return nil
}

// maxQueue bounds the sessions that wait; what is more is found by looking at the folder.
const maxQueue = 1024

// Indexer makes the indexes of closed recordings, one at a time, by a goroutine that gives way to everything else. All methods
// may be called concurrently; Run once.
type Indexer struct {
	cfg  Config
	wake chan struct{} // holds one: something is to do

	mu      sync.Mutex
	queue   []waiting
	missed  bool            // the queue was full: the folder is to be looked at
	listed  bool            // the folder was looked at since the start
	failed  map[string]bool // not tried again by this process
	done    int64
	wrong   int64
	current *waiting
}

// waiting is a recording to be indexed.
type waiting struct {
	session string
	since   time.Time
}

// New returns an Indexer, which does nothing before Run.
func New(cfg Config) (*Indexer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Indexer{cfg: cfg, wake: make(chan struct{}, 1), failed: map[string]bool{}, missed: true}, nil
}

// Closed says that a recording is closed. It never waits.
func (ix *Indexer) Closed(session string) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if len(ix.queue) < maxQueue {
		ix.queue = append(ix.queue, waiting{session, ix.cfg.Now()})
	} else {
		ix.missed = true
	}
	select {
	case ix.wake <- struct{}{}:
	default:
	}
}

// Behind says how far the indexer is behind.
type Behind struct {
	Waiting int           // recordings, the one at hand included
	Oldest  time.Duration // how long the oldest of them has been closed, or known
	Listed  bool          // what was there at the start is among them
	Done    int64         // recordings indexed since the start
	Failed  int64         // recordings that could not be
}

// Behind says how far the indexer is behind.
func (ix *Indexer) Behind() Behind {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	b := Behind{Waiting: len(ix.queue), Listed: ix.listed, Done: ix.done, Failed: ix.wrong}
	oldest := ix.current
	if oldest != nil {
		b.Waiting++
	} else if len(ix.queue) > 0 {
		oldest = &ix.queue[0]
	}
	if oldest != nil {
		b.Oldest = ix.cfg.Now().Sub(oldest.since)
	}
	return b
}

// Run looks for closed recordings without an index, and then indexes what is closed, until ctx ends. A recording that cannot
// be indexed is logged and not tried again before the next start.
func (ix *Indexer) Run(ctx context.Context) {
	giveWay()
	for ctx.Err() == nil {
		w, ok := ix.next()
		switch {
		case ok:
			ix.handle(ctx, w)
		case ix.list(ctx):
		default:
			select {
			case <-ctx.Done():
			case <-ix.wake:
			}
		}
	}
}

// next takes the oldest from the queue.
func (ix *Indexer) next() (waiting, bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if len(ix.queue) == 0 {
		return waiting{}, false
	}
	w := ix.queue[0]
	ix.queue = ix.queue[1:]
	ix.current = &w
	return w, true
}

// handle indexes one recording and survives whatever comes of it.
func (ix *Indexer) handle(ctx context.Context, w waiting) {
	begun := time.Now()
	err := ix.survive(ctx, w.session)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.current = nil
	switch {
	case ctx.Err() != nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, errEncrypted): // the recording was deleted meanwhile, or stays closed
	case err != nil:
		ix.wrong++
		ix.giveUp(w.session)
		ix.cfg.Log.Warn("recording is not indexed: it plays all the same, and slower", "session_id", w.session, "error", err)
	default:
		ix.done++
		ix.cfg.Log.Debug("recording indexed", "session_id", w.session, "took", time.Since(begun).Round(time.Millisecond).String())
	}
}

// maxFailed bounds what is remembered of failures. Then the folder is not looked at any more until the next start.
const maxFailed = 50_000

// giveUp sees to it that a recording is not tried again by this process, with mu held.
func (ix *Indexer) giveUp(session string) {
	if len(ix.failed) < maxFailed {
		ix.failed[session] = true
	}
}

// survive turns a panic into an error: the bytes are a host's.
func (ix *Indexer) survive(ctx context.Context, session string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return ix.index(ctx, session)
}

// errEncrypted is of a recording that is encrypted: what can be read in it must not lie beside it in the clear, nor in the
// search, and must be gone when its key is.
var errEncrypted = errors.New("encrypted recordings have no index")

// index makes and stores the index of one recording, and hands its rows to the sink. A sink that fails costs the search the
// rows until the next start, nothing else.
func (ix *Indexer) index(ctx context.Context, session string) error {
	source, err := recorder.Path(ix.cfg.Dir, session)
	if err != nil {
		return err
	}
	path, err := Path(ix.cfg.Dir, session)
	if err != nil {
		return err
	}
	hash, size, err := fingerprint(source)
	if err != nil {
		return err
	}
	x, err := ix.make(ctx, session)
	if err != nil {
		return err
	}
	x.SHA256, x.Size = hash, size
	if err := x.Write(path); err != nil {
		return err
	}
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) { // removed while it was indexed
		return ix.Forget(ctx, session)
	}
	return nil
}

// Forget removes what was derived from a recording: the index, and what the sink has if it can forget. The recording itself is
// gone before. A session that is not known is no error.
func (ix *Indexer) Forget(ctx context.Context, session string) error {
	err := Remove(ix.cfg.Dir, session)
	if sink, ok := ix.cfg.Sink.(interface {
		Forget(ctx context.Context, session string) error
	}); ok {
		err = errors.Join(err, sink.Forget(ctx, session))
	}
	return err
}

// make makes the index while the sink takes the rows; without a sink, or when it has enough, on its own.
func (ix *Indexer) make(ctx context.Context, session string) (x *Index, err error) {
	m, err := ix.meta(ctx, session)
	if err != nil {
		return nil, err
	}
	if ix.cfg.Sink == nil {
		return Make(ctx, ix.cfg.Source, session, ix.cfg.Detector, nil)
	}
	sunk := ix.cfg.Sink.Put(ctx, m, func(yield func(Row) bool) {
		if x != nil || err != nil {
			return // rows come once
		}
		more := true
		x, err = Make(ctx, ix.cfg.Source, session, ix.cfg.Detector, func(r Row) { more = more && yield(r) })
	})
	if x == nil && err == nil {
		x, err = Make(ctx, ix.cfg.Source, session, ix.cfg.Detector, nil)
	}
	if err != nil {
		return nil, err
	}
	if sunk != nil {
		x.note("the search does not have this recording yet")
		ix.cfg.Log.Warn("the search does not have a recording", "session_id", session, "error", sunk)
		ix.mu.Lock()
		ix.giveUp(session)
		ix.mu.Unlock()
	}
	x.Rows = sunk == nil
	return x, nil
}

// meta is whose a recording is. It refuses one that is encrypted, whether or not it can be read here.
func (ix *Indexer) meta(ctx context.Context, session string) (Meta, error) {
	rd, err := ix.cfg.Source.Read(session)
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) {
		return Meta{}, errEncrypted
	}
	if err != nil {
		return Meta{}, err
	}
	h := rd.Header()
	if err := rd.Close(); err != nil {
		return Meta{}, err
	}
	if h.Cipher != "" {
		return Meta{}, errEncrypted
	}
	m := Meta{Session: session, Identity: h.Identity, Owner: h.Owner, Task: h.Task, Target: h.Target, Login: h.Login, Started: h.Started}
	if ix.cfg.Meta != nil {
		err = ix.cfg.Meta(ctx, &m)
	}
	m.Task = ix.cfg.Detector.MaskText(m.Task) // an agent names it
	return m, err
}

// Open returns the index of a session's recording. It returns fs.ErrNotExist, or ErrIndex, if there is none that fits: sha256 is
// the recording's hash if it is known, else empty.
func (ix *Indexer) Open(session, sha256 string) (*Index, error) {
	path, err := recorder.Path(ix.cfg.Dir, session)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if path, err = Path(ix.cfg.Dir, session); err != nil {
		return nil, err
	}
	x, err := Open(path)
	if err != nil {
		return nil, err
	}
	if !x.Fits(file.Size(), sha256) || x.Header().Session != session {
		return nil, fmt.Errorf("%w of this recording", ErrIndex)
	}
	return x, nil
}
