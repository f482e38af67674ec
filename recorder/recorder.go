package recorder

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/go-hclog"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// ErrNoSpace is returned by Open when the disk has less than Config.MinFree bytes left.
var ErrNoSpace = errors.New("not enough free space for a recording")

// Config is what a Recorder needs.
type Config struct {
	// Dir is where recordings are kept. It is created if it is missing.
	Dir string
	// MinFree is the number of free bytes below which Open refuses.
	MinFree uint64
	// Commit makes a chunk part of the evidence. It is called in order for one recording, from its own goroutine, after the
	// chunk's bytes are durable. An error fails the recording. Its context ends when the recording's Close gives up.
	Commit func(ctx context.Context, c Chunk) error
	// Settled is called after Settle has succeeded, with the session; nil if nobody wants to know. It must not wait.
	Settled func(session string)
	// Encryption says for whom recordings are encrypted, and which can be read here.
	Encryption Encryption
	// SealInput is whom input is sealed for: whoever has the identity can open it, and the recorder cannot. nil keeps input as
	// it is.
	SealInput age.Recipient
	// Now is the wall clock; nil means time.Now. Event times come from the monotonic clock.
	Now func() time.Time
	// Log gets what an operator should know; nil discards it.
	Log hclog.Logger
}

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("recorder: Dir is empty")
	case c.Commit == nil:
		return errors.New("recorder: Commit is nil")
	}
	return nil
}

// Recorder opens recordings and reads them. All methods may be called concurrently. It has no goroutine of its own.
type Recorder struct {
	cfg Config
	enc *zstd.Encoder // EncodeAll only: shared by all recordings, bounded by GOMAXPROCS
	dec *zstd.Decoder // DecodeAll only

	big sync.Pool // *[]byte of bigBuffer capacity, for sessions that are busy

	mu   sync.Mutex
	live map[string]*Recording // guarded by mu
}

// bigBuffer holds a full frame and the piece that filled it.
const bigBuffer = frameSize + pieceSize + eventOverhead

// New returns a recorder that keeps its files in cfg.Dir.
func New(cfg Config) (*Recorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if _, err := cfg.Encryption.Check(); err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, liveDir), 0o700); err != nil {
		return nil, fmt.Errorf("create recording folder: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(frameSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd encoder: %w", err)
	}
	dec, err := newDecoder()
	if err != nil {
		return nil, err
	}
	r := &Recorder{cfg: cfg, enc: enc, dec: dec, live: make(map[string]*Recording)}
	r.big.New = func() any { b := make([]byte, 0, bigBuffer); return &b }
	return r, nil
}

// newDecoder returns a decoder that refuses frames larger than the format's.
func newDecoder() (*zstd.Decoder, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxChunk), zstd.WithDecoderMaxWindow(MaxChunk), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd decoder: %w", err)
	}
	return dec, nil
}

// Open begins the recording of h.Session. Its file, header and marker are durable when it returns. The session must be new.
func (r *Recorder) Open(ctx context.Context, h Header) (*Recording, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := Path(r.cfg.Dir, h.Session)
	if err != nil {
		return nil, err
	}
	if err := r.checkSpace(); err != nil {
		return nil, err
	}
	h.Version, h.Started = Version, h.Started.UTC()
	aead, key, err := r.newKey(&h)
	if err != nil {
		return nil, err
	}
	if h.Started.IsZero() {
		h.Started = r.cfg.Now().UTC()
	}
	head, err := metaFrame(magicHeader, h.Version, h)
	if err != nil {
		return nil, fmt.Errorf("recording header: %w", err)
	}
	f, err := r.create(path, h.Session, head, key)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	rec := newRecording(r, h, f, int64(len(head)))
	rec.aead = aead
	rec.fileHash.Write(head)
	rec.chunk.hash.Write(head)
	r.mu.Lock()
	r.live[h.Session] = rec
	r.mu.Unlock()
	return rec, nil
}

// newKey makes the data key of a recording that is to be encrypted; key is what its key file holds.
func (r *Recorder) newKey(h *Header) (aead cipher.AEAD, key []byte, err error) {
	if len(r.cfg.Encryption.Recipients) == 0 {
		return nil, nil, nil
	}
	h.Version, h.Cipher, h.Recipients = cipherVersion, cipherName, r.cfg.Encryption.Names()
	return r.cfg.Encryption.newKey(h.Session)
}

// checkSpace refuses when the disk is nearly full.
func (r *Recorder) checkSpace() error {
	var st unix.Statfs_t
	if err := unix.Statfs(r.cfg.Dir, &st); err != nil {
		return fmt.Errorf("free space of recordings: %w", err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < r.cfg.MinFree {
		return fmt.Errorf("%w: %d bytes free, %d needed", ErrNoSpace, free, r.cfg.MinFree)
	}
	return nil
}

// create makes the marker first, then the key file of an encrypted recording, and then the file, so that a crash between the two leaves a marker without a file (which
// Recover forgets) and never a file without a marker. What it made is removed again when a later step does not succeed.
func (r *Recorder) create(path, session string, head, key []byte) (f *os.File, err error) {
	marker := markerPath(r.cfg.Dir, session)
	if err := createDurable(marker); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.Remove(marker)
		}
	}()
	month := filepath.Dir(path)
	if err := makeDirDurable(month); err != nil {
		return nil, err
	}
	if key != nil {
		if err := writeKeyFile(path, key); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				os.Remove(KeyPath(path))
			}
		}()
	}
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if err = writeAll(f, head); err == nil {
		err = syncDir(month)
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return f, nil
}

// writeAll writes and syncs.
func writeAll(f *os.File, b []byte) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// createDurable creates an empty file that must not exist, and syncs its folder.
func createDurable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// makeDirDurable creates a folder, and syncs its parent if it was not there.
func makeDirDurable(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// isLive returns the open recording of a session, or nil.
func (r *Recorder) isLive(session string) *Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[session]
}

func (r *Recorder) forget(session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, session)
}
