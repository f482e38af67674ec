package recorder

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/recorder/seal"
)

// Recovered is a recording that nobody settled before the process ended. Its chunks now cover the whole file.
type Recovered struct {
	Summary        // what the file holds; BytesIn and BytesOut count what decodes
	Header  Header // zero if even that is torn
	End     *End   // how the session ended; nil if the process ended before
	Torn    bool   // the file ends within a frame
	Locked  bool   // it is encrypted and was not decoded: times and BytesIn and BytesOut are unknown
	NoKey   bool   // it is encrypted and has no key file: nobody can read it
}

// Recover commits what recordings that were not settled still owe: everything after their last committed chunk becomes one
// last chunk, over the bytes as they are; nothing is rewritten or cut. Call it at start, before the first Open. A recording
// that cannot be recovered stays for the next start; the others are returned along with the joined errors. The caller
// settles each one; until then a next start returns it again.
func (r *Recorder) Recover(ctx context.Context) ([]Recovered, error) {
	entries, err := os.ReadDir(filepath.Join(r.cfg.Dir, liveDir))
	if err != nil {
		return nil, fmt.Errorf("list live recordings: %w", err)
	}
	var all []Recovered
	var errs []error
	for _, e := range entries {
		if r.isLive(e.Name()) != nil {
			continue
		}
		rec, err := r.recoverSession(ctx, e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("recover recording %q: %w", e.Name(), err))
			continue
		}
		all = append(all, rec)
	}
	return all, errors.Join(errs...)
}

// Settle says that the audit log has the end of a closed or recovered recording: no start asks after it any more.
func (r *Recorder) Settle(session string) error {
	if _, err := Path(r.cfg.Dir, session); err != nil {
		return err
	}
	if err := os.Remove(markerPath(r.cfg.Dir, session)); err != nil {
		return fmt.Errorf("settle recording: %w", err)
	}
	if r.cfg.Settled != nil {
		r.cfg.Settled(session)
	}
	return nil
}

// Settled says whether nothing of a session's recording is left to do: it is closed, and its end is in the audit log. It is
// true of a session that was never recorded.
func Settled(dir, session string) bool {
	if _, err := Path(dir, session); err != nil {
		return false
	}
	_, err := os.Lstat(markerPath(dir, session))
	return errors.Is(err, fs.ErrNotExist)
}

// recoverSession commits the tail of one recording.
func (r *Recorder) recoverSession(ctx context.Context, session string) (Recovered, error) {
	path, err := Path(r.cfg.Dir, session)
	if err != nil {
		return Recovered{}, err
	}
	marker := markerPath(r.cfg.Dir, session)
	tail, err := readMarker(marker, session)
	if err != nil {
		return Recovered{}, err
	}
	out, err := r.survey(path, &tail)
	if errors.Is(err, fs.ErrNotExist) && tail.Offset > 0 {
		return Recovered{}, fmt.Errorf("%w: its file is gone, and %d bytes of it are in the audit log; put it back from a backup", ErrCorrupt, tail.Offset)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// The process ended between the marker and the file: nothing was recorded.
		if kerr := os.Remove(KeyPath(path)); kerr != nil && !errors.Is(kerr, fs.ErrNotExist) {
			err = errors.Join(err, kerr)
		}
		return Recovered{}, errors.Join(err, os.Remove(marker))
	}
	if err != nil {
		return Recovered{}, err
	}
	if tail.Length > 0 {
		if err := r.cfg.Commit(ctx, tail); err != nil {
			return Recovered{}, fmt.Errorf("commit chunk %d: %w", tail.N, err)
		}
		if err := noteCommitted(marker, tail); err != nil {
			r.cfg.Log.Warn("the end of a recording will be committed once more", "session_id", session, "error", err)
		}
		tail.N++
	}
	out.Session, out.Chunks = session, tail.N
	return out, nil
}

// readMarker returns the chunk that follows the last committed one, so far empty.
func readMarker(path, session string) (Chunk, error) {
	next := Chunk{Session: session}
	f, err := os.Open(path)
	if err != nil {
		return next, fmt.Errorf("open marker: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c Chunk
		if json.Unmarshal(lines.Bytes(), &c) != nil || c.N != next.N || c.Offset != next.Offset || c.Length < 0 {
			break // torn: what follows is committed again
		}
		next = Chunk{Session: session, N: c.N + 1, Offset: c.Offset + c.Length, First: c.Last, Last: c.Last}
	}
	return next, lines.Err()
}

// survey makes the file durable, hashes it, completes the tail chunk and says what the file holds.
func (r *Recorder) survey(path string, tail *Chunk) (Recovered, error) {
	f, err := os.Open(path)
	if err != nil {
		return Recovered{}, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return Recovered{}, err
	}
	whole, rest := sha256.New(), sha256.New()
	head, err := io.CopyN(whole, f, tail.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return Recovered{}, err
	}
	if head < tail.Offset {
		return Recovered{}, fmt.Errorf("%w: %d bytes, but %d were committed", ErrCorrupt, head, tail.Offset)
	}
	if tail.Length, err = io.Copy(io.MultiWriter(whole, rest), f); err != nil {
		return Recovered{}, err
	}
	tail.SHA256 = hex.EncodeToString(rest.Sum(nil))
	out := Recovered{Summary: Summary{SHA256: hex.EncodeToString(whole.Sum(nil)), Size: tail.Offset + tail.Length}}
	r.surveyEvents(path, tail, &out)
	return out, nil
}

// surveyEvents reads what decodes.
func (r *Recorder) surveyEvents(path string, tail *Chunk, out *Recovered) {
	rd, err := openReader(path, r.dec, out.Size)
	if err != nil {
		out.Torn = true
		return
	}
	defer rd.Close()
	out.Header = rd.Header()
	r.unlockForSurvey(rd, path, out)
	var last time.Duration
	var keyed bool // input is sealed; what is not repeats some of it
	for {
		at, before := rd.pos, rd.raw
		raw, err := rd.next()
		if err != nil {
			out.Torn = !errors.Is(err, io.EOF) && !errors.Is(err, errNotClosed)
			break
		}
		owed := at >= tail.Offset
		eachEvent(raw, &last, func(e Event, err error) bool {
			if err != nil {
				return false
			}
			if owed && tail.Raw == 0 {
				tail.First = e.At.Microseconds()
				owed = false
			}
			out.count(e, keyed)
			keyed = keyed || e.Code == InputKey
			return true
		})
		if at >= tail.Offset {
			tail.Raw += rd.raw - before
			tail.Last = max(tail.Last, last.Microseconds())
		}
	}
	out.Duration, out.End = last, rd.End()
}

// unlockForSurvey gives the reader its key, if there is one here. The survey needs it only to count.
func (r *Recorder) unlockForSurvey(rd *Reader, path string, out *Recovered) {
	if rd.header.Cipher == "" {
		return
	}
	key, err := readKeyFile(path)
	if rd.codec.aead, err = r.cfg.Encryption.open(rd.header, key, err); err == nil {
		return
	}
	out.Locked = true
	if e := (*EncryptedError)(nil); errors.As(err, &e) && e.Lost {
		out.NoKey = true
		r.cfg.Log.Error("an encrypted recording has no key file: its bytes are kept and committed, and nobody can read them", "session_id", rd.header.Session)
	}
}

func (s *Summary) count(e Event, keyed bool) {
	switch e.Code {
	case Input:
		if !keyed {
			s.BytesIn += int64(len(e.Data))
		}
	case Sealed:
		s.BytesIn += int64(len(e.Data) - seal.Overhead)
	case Output, Stderr:
		s.BytesOut += int64(len(e.Data))
	}
}
