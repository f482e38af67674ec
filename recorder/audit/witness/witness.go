package witness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"filippo.io/torchwood"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"gatehouse/recorder/audit"
)

// Config is what a Witness needs. All fields but Log are required.
type Config struct {
	Dir    string // its own folder, used by nothing else
	Name   string // its name in cosignatures, by convention a host name and a path, without spaces or "+"
	Origin string // of the log
	LogKey string // the log's verifier key
	Log    hclog.Logger
}

// Why a checkpoint is not cosigned.
var (
	ErrUnknownLog = errors.New("this witness does not know the log")
	ErrSignature  = errors.New("the log's key did not sign this")
	ErrOrder      = errors.New("the old size is larger than the new one")
	ErrFork       = errors.New("FORK: another root at the size that was cosigned")
	ErrProof      = errors.New("FORK or broken proof: what was cosigned is not proven to be its beginning")
)

// StaleError says that the witness' newest checkpoint has another size than the request thinks.
type StaleError struct{ Size int64 }

func (e *StaleError) Error() string {
	return fmt.Sprintf("the newest cosigned checkpoint has %d entries", e.Size)
}

// Witness cosigns the checkpoints of one log. Safe for concurrent use.
type Witness struct {
	// Immutable.
	cfg    Config
	key    note.Verifier // the log's
	signer *torchwood.CosignatureSigner
	lock   *os.File

	mu      sync.Mutex // held from the comparison to the signature
	newest  audit.Checkpoint
	cosig   []byte // newest, with the log's and our signature
	refused int    // forks kept
}

// New opens a witness' folder, or begins one.
func New(cfg Config) (*Witness, error) {
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	key, err := note.NewVerifier(cfg.LogKey)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	if key.Name() != cfg.Origin {
		return nil, fmt.Errorf("the log key is of %q, not of %q", key.Name(), cfg.Origin)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("witness folder: %w", err)
	}
	w := &Witness{cfg: cfg, key: key}
	if w.lock, err = os.OpenFile(filepath.Join(cfg.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("witness folder: %w", err)
	}
	if err := unix.Flock(int(w.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("witness folder %s is in use: %w", cfg.Dir, err), w.lock.Close())
	}
	if w.signer, err = loadOrCreateKey(cfg.Dir, cfg.Name); err == nil {
		err = w.load()
	}
	if err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

// Close gives the folder up.
func (w *Witness) Close() error { return w.lock.Close() }

// VerifierKey is what others check its cosignatures with.
func (w *Witness) VerifierKey() string { return w.signer.Verifier().String() }

// Size is that of the newest checkpoint.
func (w *Witness) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest.Size
}

// load reads what was cosigned before. A file that the log did not sign is no reason to begin anew: it is refused.
func (w *Witness) load() error {
	kept, err := filepath.Glob(filepath.Join(w.cfg.Dir, "refused-*"))
	if err != nil {
		return fmt.Errorf("witness state: %w", err)
	}
	w.refused = len(kept)
	msg, err := os.ReadFile(filepath.Join(w.cfg.Dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("witness state: %w", err)
	}
	if w.newest, err = audit.OpenCheckpoint(msg, w.key); err != nil {
		return fmt.Errorf("witness state %s is not what this log signed: %w; a witness that forgets proves nothing, so it does not begin anew", stateFile, err)
	}
	w.cosig = msg
	return nil
}

// Add checks a checkpoint against the newest one and returns the cosignature, as a line of a signed note. The new one is
// durable before anything is signed.
func (w *Witness) Add(r Request) ([]byte, error) {
	origin, _, _ := bytes.Cut(r.Note, []byte("\n"))
	if string(origin) != w.cfg.Origin {
		return nil, ErrUnknownLog
	}
	cp, err := audit.OpenCheckpoint(r.Note, w.key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if r.Old > cp.Size {
		return nil, ErrOrder
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.follows(r, cp); err != nil {
		return nil, err
	}
	signed, err := w.keep(cp, r.Note)
	if err != nil {
		return nil, err
	}
	_, line, _ := bytes.Cut(signed, []byte("\n\n"))
	return line, nil
}

// follows says whether a checkpoint may come after the newest.
func (w *Witness) follows(r Request, cp audit.Checkpoint) error {
	switch {
	case r.Old != w.newest.Size:
		w.warn(cp)
		return &StaleError{w.newest.Size}
	case r.Old == cp.Size && r.Old > 0:
		if cp.Root != w.newest.Root {
			return w.refuse(r, ErrFork)
		}
		if len(r.Proof) > 0 {
			return ErrProof
		}
	case r.Old == 0:
		if len(r.Proof) > 0 {
			return ErrProof
		}
	default:
		if tlog.CheckTree(r.Proof, cp.Size, cp.Root, r.Old, w.newest.Root) != nil {
			return w.refuse(r, ErrProof)
		}
	}
	return nil
}

// warn notes what looks like a log that was put back: signed, and shorter than what was cosigned, or as long and different.
func (w *Witness) warn(cp audit.Checkpoint) {
	if cp.Size < w.newest.Size {
		w.cfg.Log.Warn("the log offers a checkpoint older than one that it was cosigned before", "size", cp.Size, "cosigned", w.newest.Size)
	}
}

// refuse keeps a fork: two signed checkpoints of which neither is the other's beginning prove that the log's owner cheated.
func (w *Witness) refuse(r Request, why error) error {
	w.cfg.Log.Error("REFUSED", "reason", why.Error(), "cosigned", w.newest.Size, "old", r.Old, "offered", string(r.Note))
	if w.refused < maxRefused {
		w.refused++
		path := filepath.Join(w.cfg.Dir, fmt.Sprintf("refused-%02d", w.refused))
		if err := audit.ReplaceFile(path, r.Encode(), 0o600); err != nil {
			w.cfg.Log.Error("keep what was refused", "error", err)
		}
	}
	return why
}

// keep makes a checkpoint the newest, durably, and then signs it. It returns a note with our signature alone.
func (w *Witness) keep(cp audit.Checkpoint, msg []byte) ([]byte, error) {
	if cp != w.newest {
		if err := audit.ReplaceFile(filepath.Join(w.cfg.Dir, stateFile), msg, 0o644); err != nil {
			return nil, fmt.Errorf("keep checkpoint: %w", err)
		}
		w.newest, w.cosig = cp, msg
	}
	signed, err := note.Sign(&note.Note{Text: cp.Text()}, w.signer)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	_, line, _ := bytes.Cut(signed, []byte("\n\n"))
	w.cosig = append(bytes.Clone(w.logSigned(msg)), line...)
	return signed, nil
}

// logSigned is a note with nothing but the log's own signature, in one form.
func (w *Witness) logSigned(msg []byte) []byte {
	n, err := note.Open(msg, note.VerifierList(w.key))
	if err == nil {
		n.UnverifiedSigs = nil
		var out []byte
		if out, err = note.Sign(n); err == nil {
			return out
		}
	}
	return msg
}

// Newest is the newest cosigned checkpoint; nil before the first.
func (w *Witness) Newest() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.cosig)
}
