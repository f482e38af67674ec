package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/mod/sumdb/note"
)

// The files of a log.
const (
	entriesFile    = "entries"
	hashesFile     = "hashes"
	checkpointFile = "checkpoint"
	historyFile    = "checkpoints"
	cosignedFile   = "cosigned" // the newest checkpoint that a witness cosigned
	tornPrefix     = "torn-"
)

const (
	maxGroup      = 4096             // entries that share an fsync
	maxGroupBytes = 8 << 20          // of them
	maxWaiting    = 1024             // Appends that wait for the writer; further ones wait in Append
	beatEvery     = 60 * time.Second // heartbeat
	historyEvery  = time.Second      // at most one line of history
)

// Config is what a Log needs.
type Config struct {
	Dir         string      // the log's folder, used by nothing else
	Signer      note.Signer // Ed25519; from LoadOrCreateKey
	VerifierKey string      // of Signer
	Origin      string      // the log's name in checkpoints; must be the signer's name
	Node        string      // in every entry; empty means the host's name
	Now         func() time.Time
	Log         hclog.Logger
}

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("audit: Dir is empty")
	case c.Signer == nil:
		return errors.New("audit: Signer is nil")
	case c.VerifierKey == "":
		return errors.New("audit: VerifierKey is empty")
	case c.Origin != c.Signer.Name():
		return fmt.Errorf("audit: origin %q, but the key is of %q", c.Origin, c.Signer.Name())
	}
	return nil
}

// Log is an open audit log. Only one process can have it open. All methods may be called concurrently.
type Log struct {
	// Immutable.
	cfg      Config
	verifier note.Verifier
	node     string // quoted JSON
	requests chan *request
	done     chan struct{} // closed when the writer has ended
	stopBeat context.CancelFunc
	beatDone chan struct{}

	mu     sync.RWMutex // held for reading while a request is handed over
	closed bool         // guarded by mu

	// Owned by Open until the writer starts, then by the writer.
	state
	now     time.Time // newest time given to an entry
	dirty   bool      // files may be longer than state says
	history history

	signedMu sync.Mutex
	signed   []byte // newest checkpoint, guarded by signedMu
}

// state is what is durable.
type state struct {
	entries, hashes *os.File
	entriesLen      int64
	tree            tree
}

// request is one call of Append.
type request struct {
	bodies [][]byte
	size   int
	first  int64      // set before done
	done   chan error // buffered
}

// Open opens the log in cfg.Dir, or begins one. After a crash it keeps whole entries beyond the checkpoint and moves a torn
// last one aside, and an entry says so. What contradicts the checkpoint it refuses to open.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l, err := newLog(cfg)
	if err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		l.closeFiles()
		return nil, fmt.Errorf("open audit log %s: %w", cfg.Dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.stopBeat = cancel
	go l.write()
	go l.beat(ctx)
	return l, nil
}

func newLog(cfg Config) (*Log, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if cfg.Node == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("host name: %w", err)
		}
		cfg.Node = name
	}
	verifier, err := note.NewVerifier(cfg.VerifierKey)
	if err != nil {
		return nil, fmt.Errorf("audit verifier key: %w", err)
	}
	node, err := json.Marshal(cfg.Node)
	if err != nil || len(node) > 256 {
		return nil, fmt.Errorf("audit node name %q", cfg.Node)
	}
	return &Log{
		cfg: cfg, verifier: verifier, node: string(node),
		requests: make(chan *request, maxWaiting), done: make(chan struct{}), beatDone: make(chan struct{}),
		history: history{path: filepath.Join(cfg.Dir, historyFile)},
	}, nil
}

// Append adds entries, adjacent and in order, and returns the sequence number of the first. When it returns without error
// they are durable and covered by a signed checkpoint. ErrUnavailable means that none of them is in the log; a later call
// may succeed. If ctx ends first the entries may be in the log or not.
func (l *Log) Append(ctx context.Context, entries ...Entry) (int64, error) {
	req, err := newRequest(entries)
	if err != nil {
		return 0, err
	}
	if err := l.send(ctx, req); err != nil {
		return 0, err
	}
	select {
	case err := <-req.done:
		return req.first, err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func newRequest(entries []Entry) (*request, error) {
	if len(entries) == 0 || len(entries) > MaxEntries {
		return nil, fmt.Errorf("%w: %d entries at once, 1 to %d are possible", ErrTooLarge, len(entries), MaxEntries)
	}
	req := &request{bodies: make([][]byte, len(entries)), done: make(chan error, 1)}
	for i := range entries {
		b, err := entries[i].body()
		if err != nil {
			return nil, err
		}
		req.bodies[i] = b
		req.size += len(b)
	}
	if req.size > maxGroupBytes {
		return nil, fmt.Errorf("%w: %d bytes at once, at most %d", ErrTooLarge, req.size, maxGroupBytes)
	}
	return req, nil
}

func (l *Log) send(ctx context.Context, req *request) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	select {
	case l.requests <- req:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Checkpoint returns the newest signed checkpoint: what to hand to a witness.
func (l *Log) Checkpoint() []byte {
	l.signedMu.Lock()
	defer l.signedMu.Unlock()
	return append([]byte(nil), l.signed...)
}

// Close ends the log after what was handed over is durable.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.requests)
	l.mu.Unlock()
	l.stopBeat()
	<-l.beatDone
	<-l.done
	return l.closeFiles()
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, f := range []*os.File{l.entries, l.hashes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// beat appends a heartbeat each minute: a gap in them shows that the log was stopped, and a full disk that has room again is
// noticed without a caller.
func (l *Log) beat(ctx context.Context) {
	defer close(l.beatDone)
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := l.Append(ctx, Entry{Type: Heartbeat}); err != nil && ctx.Err() == nil {
				l.cfg.Log.Error("audit heartbeat", "error", err)
			}
		}
	}
}
