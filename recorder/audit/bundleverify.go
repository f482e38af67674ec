package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// BundleOptions says what VerifyBundle should check against.
type BundleOptions struct {
	VerifierKey string   // from a place that the bundle's maker cannot change; empty: the bundle's own is taken, and proves little
	Witnesses   []string // verifier keys whose cosignatures are looked for
	Checkpoint  []byte   // one that the verifier holds; empty if none

	// Keep says which proven entries are in the report; nil: none.
	Keep func(Entry) bool
}

// BundleReport is what VerifyBundle found. The bundle is good if Bad is nil.
type BundleReport struct {
	Manifest   Manifest
	OwnKey     bool // the key came out of the bundle
	Checkpoint Checkpoint
	Cosigned   []Cosignature
	Extends    int64 // size of the verifier's checkpoint that the bundle's goes on from or is; -1: none was given
	Entries    int   // proven
	Actor      string
	Target     string
	Login      string
	Outcome    string // how the session ended; "denied" if nothing ran
	Begun      time.Time
	Ended      time.Time
	Recorded   bool
	Removed    bool // there was a recording, and an entry says that it was removed
	Chunks     int
	Size       int64 // of the recording
	Kept       []Entry
	Policies   [][]byte // as they are in the bundle, a line of JSON each; nobody has checked their hashes
	Bad        *Bad
}

// Errors of VerifyBundle that are no finding: it could not tell.
var (
	ErrNoBundle = errors.New("this is not a bundle that this program reads")
	ErrUnproven = errors.New("the bundle does not reach back to the checkpoint at hand: make it again with --checkpoint")
)

// bundleReader is one run of VerifyBundle.
type bundleReader struct {
	ctx    context.Context
	opts   BundleOptions
	in     *tar.Reader
	report BundleReport
	msg    []byte
	key    note.Verifier
	since  *consistencyFile
	leaves []provenLeaf
	claims claims
}

// provenLeaf is an entry whose inclusion is still to be shown.
type provenLeaf struct {
	seq  int64
	hash tlog.Hash
	at   time.Time
}

// VerifyBundle checks a bundle with nothing else at hand: that every entry is in the log that the key signed, that they tell a
// whole session, and that the recording is the one that they speak of. It reads once, within bounded memory. The error is
// for what is no bundle or could not be read; what is wrong with one is in the report.
func VerifyBundle(ctx context.Context, r io.Reader, opts BundleOptions) (BundleReport, error) {
	b := &bundleReader{ctx: ctx, opts: opts, in: tar.NewReader(r), report: BundleReport{Extends: -1}}
	for _, step := range []func() error{b.readHead, b.readEntries, b.readProofs, b.readRecording} {
		err := step()
		var bad *Bad
		if errors.As(err, &bad) {
			b.report.Bad, b.report.Kept = bad, nil
			return b.report, nil
		}
		if err != nil {
			b.report.Kept = nil
			return b.report, err
		}
	}
	return b.report, nil
}

// Error makes a finding an error, so that the steps of a verification can return it.
func (b *Bad) Error() string { return b.String() }

// wrong is a finding that is about no entry.
func wrong(format string, args ...any) error {
	return &Bad{Entry: -1, Last: -1, Chunk: -1, What: fmt.Sprintf(format, args...)}
}

// next moves to the next file of the tar. Only plain files with plain headers are taken: nothing sparse, nothing extended.
func (b *bundleReader) next() (*tar.Header, error) {
	h, err := b.in.Next()
	if err != nil {
		return nil, err
	}
	if h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 || h.Size < 0 {
		return nil, fmt.Errorf("%w: %q in it is not a plain file", ErrNoBundle, h.Name)
	}
	return h, nil
}

// take reads a small file, which must be the next one; optional ones return nil, and the header of what is there instead.
func (b *bundleReader) take(h *tar.Header, name string) ([]byte, error) {
	if h.Name != name {
		return nil, fmt.Errorf("%w: it has %q where %q belongs", ErrNoBundle, h.Name, name)
	}
	if h.Size > maxBundleSmall {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrTooLarge, name, h.Size)
	}
	return io.ReadAll(b.in)
}

// readHead reads what comes before the entries, and checks the signatures.
func (b *bundleReader) readHead() error {
	for _, name := range []string{bundleManifest, bundleKey, bundleCheckpoint} {
		h, err := b.next()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoBundle, err)
		}
		body, err := b.take(h, name)
		if err != nil {
			return err
		}
		switch name {
		case bundleManifest:
			err = b.manifest(body)
		case bundleKey:
			err = b.chooseKey(body)
		case bundleCheckpoint:
			b.msg = body
			err = b.checkpoint()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bundleReader) manifest(body []byte) error {
	m := &b.report.Manifest
	if err := json.Unmarshal(body, m); err != nil || m.Format != bundleFormat {
		return fmt.Errorf("%w: it has no manifest", ErrNoBundle)
	}
	if m.Version != BundleVersion && m.Version != BundleApproved {
		return fmt.Errorf("%w: version %d, this program reads %d and %d", ErrNoBundle, m.Version, BundleVersion, BundleApproved)
	}
	if m.Request != "" && (m.Version != BundleApproved || m.Session != "" || !isRequest(m.Request)) {
		return fmt.Errorf("%w: it is about a session and a request", ErrNoBundle)
	}
	b.claims.session, b.claims.request = m.Session, m.Request
	return nil
}

func (b *bundleReader) chooseKey(own []byte) (err error) {
	text := b.opts.VerifierKey
	if text == "" {
		text, b.report.OwnKey = strings.TrimSpace(string(own)), true
	}
	if b.key, err = note.NewVerifier(text); err != nil {
		return fmt.Errorf("verifier key: %w", err)
	}
	return nil
}

func (b *bundleReader) checkpoint() error {
	var witnesses []note.Verifier
	if len(b.opts.Witnesses) > 0 {
		var err error
		if witnesses, err = ParseWitnesses(strings.Join(b.opts.Witnesses, "\n")); err != nil {
			return err
		}
	}
	var err error
	if b.report.Checkpoint, b.report.Cosigned, err = Cosignatures(b.msg, b.key, witnesses); err != nil {
		return wrong("the bundle's checkpoint is %v: %v", ErrForeign, err)
	}
	return nil
}

// held compares the checkpoint at hand with the bundle's.
func (b *bundleReader) held() error {
	if len(b.opts.Checkpoint) == 0 {
		return nil
	}
	held, err := OpenCheckpoint(b.opts.Checkpoint, b.key)
	if err != nil {
		return wrong("the checkpoint at hand is %v: %v", ErrForeign, err)
	}
	now := b.report.Checkpoint
	switch {
	case held.Size == now.Size && held.Root != now.Root:
		return wrong("%v: the bundle's checkpoint and the one at hand have two roots at %d entries", ErrFork, now.Size)
	case held.Size == now.Size:
	case b.since == nil || b.since.From != held.Size:
		return ErrUnproven
	case held.Size == 0:
	default:
		steps, err := decodeHashes(b.since.Proof)
		if err == nil {
			err = tlog.CheckTree(steps, now.Size, now.Root, held.Size, held.Root)
		}
		if err != nil {
			return wrong("%v: the bundle's checkpoint (%d entries) does not go on from the one at hand (%d)", ErrFork, now.Size, held.Size)
		}
	}
	b.report.Extends = held.Size
	return nil
}

// readEntries reads the entries, and before them the proof that the checkpoint goes on from an older one.
func (b *bundleReader) readEntries() error {
	h, err := b.next()
	if err == nil && h.Name == bundleConsistency {
		var body []byte
		if body, err = b.take(h, bundleConsistency); err != nil {
			return err
		}
		b.since = new(consistencyFile)
		if err := json.Unmarshal(body, b.since); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNoBundle, bundleConsistency, err)
		}
		h, err = b.next()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBundle, err)
	}
	if h.Name != bundleEntries || h.Size > maxBundleBytes {
		return fmt.Errorf("%w: %q of %d bytes where its entries belong", ErrNoBundle, h.Name, h.Size)
	}
	if err := b.held(); err != nil {
		return err
	}
	in, last := newLines(b.in), int64(-1)
	for {
		leaf, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read entries of the bundle: %w", err)
		}
		if len(b.leaves) == maxBundleEntries {
			return fmt.Errorf("%w: more than %d entries", ErrTooLarge, maxBundleEntries)
		}
		if last, err = b.entry(leaf, last); err != nil {
			return err
		}
	}
}

// entry notes one entry; it must follow the last one.
func (b *bundleReader) entry(leaf []byte, last int64) (int64, error) {
	e, err := Parse(leaf[1:])
	if err != nil {
		return last, wrong("line %d of its entries: %v", len(b.leaves)+1, err)
	}
	bad := &Bad{Entry: e.Seq, Last: e.Seq, Time: e.Time, Session: e.Session, Chunk: -1}
	if e.Seq <= last || !bytes.HasPrefix(leaf[1:], appendHead(nil, e.Seq)) || e.Seq >= b.report.Checkpoint.Size {
		bad.What = "its number is not in order, or beyond the checkpoint"
		return last, bad
	}
	b.leaves = append(b.leaves, provenLeaf{e.Seq, leafHash(leaf), e.Time})
	if b.opts.Keep != nil && b.opts.Keep(e) {
		b.report.Kept = append(b.report.Kept, e)
	}
	if what := b.claims.entry(e); what != "" {
		bad.What, bad.Chunk = what, b.claims.chunk
		b.claims.wrong(bad)
	}
	return e.Seq, nil
}

// readProofs compares every entry with its proof, and then says what is wrong with what they tell: what is not proven says
// nothing about anybody.
func (b *bundleReader) readProofs() error {
	h, err := b.next()
	if err != nil || h.Name != bundleProofs {
		return wrong("the bundle has no proofs: it is cut off")
	}
	in := newLines(b.in)
	for _, leaf := range b.leaves {
		if b.report.Entries%1024 == 0 && b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		line, err := in.next()
		if err != nil {
			return &Bad{Entry: leaf.seq, Last: leaf.seq, Time: leaf.at, Chunk: -1, What: "the bundle has no proof for it"}
		}
		if err := b.included(leaf, line[1:]); err != nil {
			return &Bad{Entry: leaf.seq, Last: leaf.seq, Time: leaf.at, Session: b.claims.session, Chunk: -1, What: "not what was signed: " + err.Error()}
		}
		b.report.Entries++
	}
	if _, err := in.next(); !errors.Is(err, io.EOF) {
		return wrong("the bundle has more proofs than entries")
	}
	b.claims.tell(&b.report)
	return b.claims.finding()
}

// included checks one inclusion proof.
func (b *bundleReader) included(leaf provenLeaf, line []byte) error {
	var p proofLine
	if len(line) > maxProofLine || json.Unmarshal(line, &p) != nil || p.Seq != leaf.seq {
		return errors.New("its proof cannot be read or is another entry's")
	}
	path, err := decodeHashes(p.Proof)
	if err != nil {
		return err
	}
	if tlog.CheckRecord(path, b.report.Checkpoint.Size, b.report.Checkpoint.Root, leaf.seq, leaf.hash) != nil {
		return errors.New("its proof does not lead to the checkpoint")
	}
	return nil
}

// readRecording compares the recording with what the proven entries say of it.
func (b *bundleReader) readRecording() error {
	h, err := b.next()
	if err == nil && h.Name == bundlePolicies && b.report.Manifest.Version == BundleApproved {
		if err := b.takePolicies(h.Size); err != nil {
			return err
		}
		h, err = b.next()
	}
	if errors.Is(err, io.EOF) {
		if s := b.claims.summary; s != nil && s.SHA256 != b.claims.removed {
			return b.claims.about("the recording is missing")
		}
		b.report.Removed = b.claims.summary != nil
		return nil
	}
	if err != nil {
		return wrong("the bundle is cut off: %v", err)
	}
	if h.Name != bundleRecording {
		return fmt.Errorf("%w: unknown file %q", ErrNoBundle, h.Name)
	}
	if b.claims.summary == nil {
		return wrong("there is a recording, of which no entry speaks")
	}
	if h.Size != b.claims.summary.Size {
		return b.claims.about("the recording has %d bytes, %d were committed", h.Size, b.claims.summary.Size)
	}
	if err := b.claims.compare(b.ctx, b.in); err != nil {
		return err
	}
	b.report.Recorded, b.report.Chunks, b.report.Size = true, len(b.claims.chunks), h.Size
	if _, err := b.in.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the recording", ErrNoBundle)
	}
	return nil
}
