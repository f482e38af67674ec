package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"sync"

	"gatehouse/recorder"
)

// recordings compares recordings with what the log says of them, entry by entry.
type recordings struct {
	dir    string
	open   map[string]*recState // sessions with chunks and without rec.close
	chunks int
	closed int
	bad    *Bad // the first, beside what is in gone and keyless

	keys     bool             // key files are to be there
	gone     map[string]*gone // files that are missing, so far without an entry that says why
	keyless  map[string]*Bad  // keys that are missing, so far without one
	excused  *excuse          // the newest of those
	again    map[uint64]int64 // by hash of the session: bytes of closed recordings that were read more than once
	seed     maphash.Seed
	removed  map[string]bool // by rec.delete, and not there
	shredded int
	still    []string // destroyed by an entry, and still there

	buf []byte // read into, again and again
}

// readSize is read at once; two cores then hash it.
const readSize = 512 << 10

// recState is a recording of which chunks were seen.
type recState struct {
	end    int64 // bytes covered, from the start and without a gap
	again  int64 // bytes read that were read before
	closed bool  // it was before, so that all of it was
	whole  hash.Hash
}

// recMark begins the types that are about recordings.
var recMark = []byte("rec.")

// newRecordings begins with no entry seen; an empty folder means that recordings are not looked at.
func newRecordings(dir string, keys bool) recordings {
	return recordings{dir: dir, keys: keys, open: make(map[string]*recState), seed: maphash.MakeSeed()}
}

// entry looks at one stored entry about a recording. Its error is for what kept it from comparing.
func (r *recordings) entry(seq int64, line []byte) error {
	if r.dir == "" {
		return nil
	}
	e, err := Parse(line)
	if err != nil {
		if r.bad == nil {
			r.bad = &Bad{Entry: seq, Last: seq, Chunk: -1, What: err.Error()}
		}
		return nil
	}
	what, chunk := "", -1
	switch {
	case e.Type == RecDelete || e.Type == RecShred:
		what, err = r.dispose(seq, e) // after something bad too: it may say why files before that are missing
	case r.bad != nil && r.gone[e.Session] == nil:
	case e.Type == RecChunk:
		what, chunk, err = r.chunk(seq, e)
	case e.Type == RecClose:
		what, err = r.close(seq, e)
	}
	if what != "" && r.bad == nil {
		r.bad = &Bad{Entry: seq, Last: seq, Time: e.Time, Session: e.Session, Chunk: chunk, What: what}
	}
	return err
}

// chunk compares a chunk; what says what is wrong.
func (r *recordings) chunk(seq int64, e Entry) (what string, n int, err error) {
	var c recorder.Chunk
	if err := json.Unmarshal(e.Data, &c); err != nil {
		return "its data is not a chunk", -1, nil
	}
	state := r.open[c.Session]
	if state == nil {
		state = &recState{whole: sha256.New()}
		state.again, state.closed = r.before(c.Session)
		r.open[c.Session] = state
	}
	if e.Session != c.Session || c.Offset < 0 || c.Length < 0 || c.Offset > state.end {
		return fmt.Sprintf("chunk %d does not follow what the log has of this recording", c.N), c.N, nil
	}
	path, err := recorder.Path(r.dir, c.Session)
	if err != nil {
		return err.Error(), c.N, nil
	}
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.miss(seq, e, c.N, path)
		state.end = max(state.end, c.Offset+c.Length)
		return "", c.N, nil
	}
	if errors.Is(err, errNotPlain) {
		return fmt.Sprintf("chunk %d: the recording %v", c.N, err), c.N, nil
	}
	if err != nil {
		return "", c.N, fmt.Errorf("read recording: %w", err)
	}
	defer f.Close()
	if r.gone[c.Session] != nil {
		return fmt.Sprintf("chunk %d: the recording came back while it was being read", c.N), c.N, nil
	}
	if st, err := f.Stat(); err == nil && tooOften(state.again, st.Size()) {
		return fmt.Sprintf("chunk %d: more than %d times as many bytes are covered as the recording has", c.N, maxOverlap), c.N, nil
	}
	if r.buf == nil {
		r.buf = make([]byte, readSize)
	}
	sum, err := state.read(f, c.Offset, c.Length, r.buf)
	if err != nil {
		return "", c.N, fmt.Errorf("read recording %s: %w", path, err)
	}
	r.chunks++
	if sum != c.SHA256 {
		return fmt.Sprintf("chunk %d of the recording (bytes %d to %d) is not what was committed", c.N, c.Offset, c.Offset+c.Length), c.N, nil
	}
	return "", c.N, nil
}

// read hashes a range of the file, and adds what is new of it to the hash of the whole on another core.
func (s *recState) read(f io.ReaderAt, offset, length int64, buf []byte) (string, error) {
	part := sha256.New()
	for pos, end := offset, offset+length; pos < end; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), end-pos)], pos)
		fresh := buf[min(max(s.end-pos, 0), int64(n)):n]
		var wg sync.WaitGroup
		wg.Go(func() { s.whole.Write(fresh) })
		part.Write(buf[:n])
		wg.Wait()
		s.end += int64(len(fresh))
		if s.again += int64(n); !s.closed {
			s.again -= int64(len(fresh))
		}
		pos += int64(n)
		if errors.Is(err, io.EOF) {
			break // a short file has another hash
		}
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(part.Sum(nil)), nil
}

// tooOften bounds what one recording can cost: whoever speaks to the decider as the door can repeat its entries, and each is
// compared. A crash repeats a few.
func tooOften(again, size int64) bool { return again/maxOverlap > max(size, 4<<10) }

// before says whether a session's recording was closed before, and how much of it was read more than once.
func (r *recordings) before(session string) (again int64, closed bool) {
	again, closed = r.again[maphash.String(r.seed, session)]
	return again, closed
}

// reread notes that for a closed recording. Hashes are kept, as a log may speak of millions; two that collide share a bound.
func (r *recordings) reread(session string, again int64) {
	if r.again == nil {
		r.again = map[uint64]int64{}
	}
	r.again[maphash.String(r.seed, session)] = again
}

// close compares a closed recording.
func (r *recordings) close(seq int64, e Entry) (what string, err error) {
	var sum recorder.Summary
	if err := json.Unmarshal(e.Data, &sum); err != nil {
		return "its data is not a summary", nil
	}
	if e.Session != sum.Session {
		return "it closes a recording of another session", nil
	}
	path, err := recorder.Path(r.dir, sum.Session)
	if err != nil {
		return err.Error(), nil
	}
	state := r.open[sum.Session]
	if g := r.gone[sum.Session]; g != nil {
		delete(r.open, sum.Session)
		return g.close(sum), nil
	}
	if state == nil {
		return r.closedAgain(seq, e, path, sum)
	}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) { // since its chunks were read
		r.miss(seq, e, -1, path)
		delete(r.open, sum.Session)
		return r.gone[sum.Session].close(sum), nil
	}
	if err != nil {
		return "", fmt.Errorf("read recording: %w", err)
	}
	if got := hex.EncodeToString(state.whole.Sum(nil)); got != sum.SHA256 || state.end != sum.Size || st.Size() != sum.Size {
		return "the closed recording is not what was committed", nil
	}
	r.closed++
	r.reread(sum.Session, state.again)
	r.needKey(seq, e, path)
	delete(r.open, sum.Session)
	return "", nil
}

// closedAgain compares a recording that was closed before: a crash between an entry and the note that it is durable makes
// the next start write it once more. The file must still be what the summary says.
func (r *recordings) closedAgain(seq int64, e Entry, path string, sum recorder.Summary) (what string, err error) {
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.miss(seq, e, -1, path)
		return r.gone[sum.Session].close(sum), nil
	}
	if err != nil {
		return "", fmt.Errorf("read recording: %w", err)
	}
	defer f.Close()
	again, _ := r.before(sum.Session)
	if tooOften(again, sum.Size) {
		return "it closes the recording again and again", nil
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	r.reread(sum.Session, again+n)
	if err != nil {
		return "", fmt.Errorf("read recording: %w", err)
	}
	if n != sum.Size || hex.EncodeToString(h.Sum(nil)) != sum.SHA256 {
		return "the closed recording is not what was committed", nil
	}
	return "", nil
}
