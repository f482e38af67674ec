package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// VerifyOptions says what Verify should check.
type VerifyOptions struct {
	LogDir        string
	RecordingsDir string // empty: recordings are not checked
	NoKeys        bool   // a copy without the key files of encrypted recordings
	VerifierKey   string // from a place that the log's owner cannot change
	// Checkpoint is a signed checkpoint kept elsewhere, older or newer than the log's own; empty if there is none.
	Checkpoint []byte
	// Progress is called now and then with the bytes of entries done and to do; nil if nobody looks.
	Progress func(done, total int64)
}

// Report is what Verify found. The log is good if Bad is nil.
type Report struct {
	Entries     int64         // in the log
	Signed      int64         // of them, covered by a checkpoint
	Bytes       int64         // of entries
	Torn        bool          // the file ends in part of an entry, which was never acknowledged (or is being written)
	Checkpoints int           // compared
	LongestGap  time.Duration // between two entries; more than a minute means that the log was not running
	GapAt       time.Time     // when it began
	Chunks      int           // of recordings, compared
	Closed      int           // recordings that are closed, compared
	Unfinished  int           // recordings without rec.close: live, or not yet recovered
	Removed     int           // recordings that are gone, as an entry says
	Shredded    int           // keys that are destroyed, as an entry says
	StillThere  []string      // sessions whose recording or key is there although an entry says that it was destroyed; the first 20
	Bad         *Bad          // the first thing that is wrong
}

// Bad is the first bad entry or chunk.
type Bad struct {
	Entry   int64     // its sequence number
	Last    int64     // Entry, or the end of the range that must contain it
	Time    time.Time // of the entry, if it can be read
	Session string    // of the entry or chunk, if it can be read
	Chunk   int       // of the session's recording, -1 if it is not a chunk
	What    string    // one line
}

// String is one line for a person.
func (b *Bad) String() string {
	s := fmt.Sprintf("entry %d", b.Entry)
	if b.Last > b.Entry {
		s = fmt.Sprintf("entries %d to %d", b.Entry, b.Last)
	}
	if !b.Time.IsZero() {
		s += b.Time.UTC().Format(" (2006-01-02 15:04:05 UTC)")
	}
	if b.Session != "" {
		s += fmt.Sprintf(", session %q", b.Session)
	}
	return s + ": " + b.What
}

// verifier is one run of Verify.
type verifier struct {
	opts   VerifyOptions
	key    note.Verifier
	known  []Checkpoint // signed, from the log's folder and from the caller
	old    *oldCheckpoints
	report Report
	tree   tree
	good   int64 // entries covered by the last of known that fits
	narrow bool  // the history may say more precisely where bad is
	last   time.Time
	second [len("2006-01-02T15:04:05")]byte // of last, as it is written
	recs   recordings
	bad    *Bad // in the log; the one in recordings is in recs
	alarms alarms
}

// Verify checks a log, and the recordings that it speaks of, without trusting anything but the verifier key. It works on a
// copy as well as on a log in use. The error is for what kept it from checking; what it found is in the report.
func Verify(ctx context.Context, opts VerifyOptions) (Report, error) {
	key, err := note.NewVerifier(opts.VerifierKey)
	if err != nil {
		return Report{}, fmt.Errorf("verifier key: %w", err)
	}
	v := &verifier{opts: opts, key: key, recs: newRecordings(opts.RecordingsDir, !opts.NoKeys)}
	if err := v.loadCheckpoints(); err != nil {
		return Report{}, err
	}
	if v.old, err = openHistory(filepath.Join(opts.LogDir, historyFile)); err != nil {
		return Report{}, err
	}
	defer v.old.close()
	if v.bad == nil {
		if err := v.run(ctx); err != nil {
			return v.report, err
		}
		if err := v.signedSince(ctx); err != nil {
			return v.report, err
		}
	}
	v.report.Chunks, v.report.Closed, v.report.Unfinished = v.recs.chunks, v.recs.closed, len(v.recs.open)
	v.report.Removed, v.report.Shredded, v.report.StillThere = len(v.recs.removed), v.recs.shredded, v.recs.still
	v.report.Bad = v.bad
	if r := v.recs.first(); r != nil && (v.bad == nil || r.Entry < v.bad.Entry) {
		v.report.Bad = r
	}
	for _, bad := range []*Bad{v.alarms.standing(), v.recs.excused.unsigned(v.good), v.alarms.calmed.unsigned(v.good)} {
		if v.report.Bad == nil {
			v.report.Bad = bad
		}
	}
	return v.report, nil
}

// signedSince looks for a newer checkpoint if an entry beyond the one that this began with explains something: the log is in use.
func (v *verifier) signedSince(ctx context.Context) error {
	if v.bad != nil || v.recs.excused.unsigned(v.good) == nil && v.alarms.calmed.unsigned(v.good) == nil {
		return nil
	}
	cp, _, err := newestCheckpoint(v.opts.LogDir, v.key)
	if err != nil || cp.Size <= v.good {
		return err
	}
	var t tree
	err = eachLeaf(ctx, v.opts.LogDir, cp.Size, func(leaf []byte) error {
		t.add(leafHash(leaf), nil)
		return nil
	})
	if err == nil && t.root() == cp.Root {
		v.good = cp.Size
	}
	return err
}

// loadCheckpoints collects the checkpoints that the log must agree with: its own newest, which is first, and the caller's.
func (v *verifier) loadCheckpoints() error {
	msg, err := readSmall(filepath.Join(v.opts.LogDir, checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	own, _, err := lastOfHistory(filepath.Join(v.opts.LogDir, historyFile), v.key)
	if err != nil {
		return err
	}
	// A power cut may leave an empty file; then the history has the newest.
	if len(bytes.Trim(msg, "\x00")) > 0 || own.Size == 0 {
		cp, err := OpenCheckpoint(msg, v.key)
		if err != nil {
			v.fail(0, fmt.Sprintf("the log's checkpoint is not this log's, or not signed by this key: %v", err))
			return nil
		}
		if cp.Size > own.Size {
			own = cp
		}
	}
	v.known = append(v.known, own)
	if cp, ok := contradiction(v.opts.LogDir, v.key); ok {
		v.known = append(v.known, cp)
	}
	if len(v.opts.Checkpoint) > 0 {
		cp, err := OpenCheckpoint(v.opts.Checkpoint, v.key)
		if err != nil {
			v.fail(0, fmt.Sprintf("the checkpoint at hand is not this log's, or not signed by this key: %v", err))
			return nil
		}
		v.known = append(v.known, cp)
	}
	return nil
}

// run reads the entries once, and a second time if something does not fit.
func (v *verifier) run(ctx context.Context) error {
	f, err := openPlain(filepath.Join(v.opts.LogDir, entriesFile))
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	in := newLines(f)
	for v.bad == nil {
		if v.tree.size%4096 == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			v.progress(st.Size())
		}
		leaf, err := in.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			v.report.Torn = errors.Is(err, errTorn)
			break
		}
		if errors.Is(err, ErrTooLarge) {
			v.fail(v.tree.size, err.Error())
			break
		}
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if err := v.entry(leaf); err != nil {
			return err
		}
	}
	v.report.Entries, v.report.Signed = v.tree.size, v.good
	v.progress(st.Size())
	v.checkEnd()
	if v.bad != nil {
		return v.locate()
	}
	return nil
}

func (v *verifier) progress(total int64) {
	if v.opts.Progress != nil {
		v.opts.Progress(v.report.Bytes, total)
	}
}

// entry checks one entry and the checkpoints of the size that it makes.
func (v *verifier) entry(leaf []byte) error {
	line, seq := leaf[1:], v.tree.size
	var buf [64]byte
	head := appendHead(buf[:0], seq)
	if !bytes.HasPrefix(line, head) {
		v.fail(seq, "its number is not the next one")
		return nil
	}
	v.tree.add(leafHash(leaf), nil)
	v.report.Bytes += int64(len(leaf))
	v.gap(line[len(head):])
	switch kind := lineType(line[len(head):]); {
	case bytes.HasPrefix(kind, recMark):
		if err := v.recs.entry(seq, line); err != nil {
			return err
		}
	case bytes.HasPrefix(kind, witnessMark):
		v.alarms.entry(seq, line)
	}
	for i, cp := range v.known {
		if cp.Size == v.tree.size {
			v.compare(cp, i == 0)
		}
	}
	for cp, ok := v.old.at(v.tree.size); ok && v.bad == nil; cp, ok = v.old.at(v.tree.size) {
		v.compareOld(cp)
	}
	return nil
}

// gap keeps the longest time between two entries. rest begins with an entry's time. Times within one second are not compared:
// reading one takes as long as hashing an entry.
func (v *verifier) gap(rest []byte) {
	const second = len("2006-01-02T15:04:05")
	if len(rest) < len(timeFormat) || bytes.Equal(rest[:second], v.second[:]) {
		return
	}
	copy(v.second[:], rest)
	at, err := time.Parse(timeFormat, string(rest[:len(timeFormat)]))
	if err != nil {
		return
	}
	if d := at.Sub(v.last); !v.last.IsZero() && d > v.report.LongestGap {
		v.report.LongestGap, v.report.GapAt = d, v.last
	}
	v.last = at
}

// compare compares the tree with a signed checkpoint of its size. own means that it is the log's, so that the log's history
// belongs to it; another one may be of a log that was replaced, history and all.
func (v *verifier) compare(cp Checkpoint, own bool) {
	v.report.Checkpoints++
	if v.tree.root() == cp.Root {
		v.good = cp.Size
		return
	}
	v.narrow = own
	v.failRange(v.good, cp.Size-1, "changed since it was signed")
}

// compareOld does so with a line of the history. Lines that are not signed prove nothing and are passed over; that a line
// fits needs no signature, because nothing follows from it.
func (v *verifier) compareOld(o oldCheckpoint) {
	if v.tree.root() == o.cp.Root && v.tree.size == o.cp.Size {
		v.report.Checkpoints++
		return
	}
	if _, err := OpenCheckpoint(o.msg, v.key); err != nil {
		return
	}
	v.known = append(v.known, o.cp)
	v.narrow = true
	v.failRange(v.good, o.cp.Size-1, "changed since it was signed")
}

// checkEnd reports entries that a checkpoint covers and that are not there.
func (v *verifier) checkEnd() {
	for o, ok := v.old.at(1 << 62); ok; o, ok = v.old.at(1 << 62) {
		if _, err := OpenCheckpoint(o.msg, v.key); err == nil {
			v.known = append(v.known[:min(len(v.known), 8)], o.cp)
		}
	}
	for _, cp := range v.known {
		if v.bad == nil && cp.Size > v.tree.size {
			v.failRange(v.tree.size, cp.Size-1, fmt.Sprintf("missing: the log ends before it, but a signed checkpoint covers %d entries", cp.Size))
		}
	}
}

func (v *verifier) fail(seq int64, what string) { v.failRange(seq, seq, what) }

func (v *verifier) failRange(first, last int64, what string) {
	if v.bad == nil {
		v.bad = &Bad{Entry: first, Last: last, Chunk: -1, What: what}
	}
}
