package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gatehouse/recorder"
)

// Disposed is the data of rec.delete and rec.shred: the closed recording as it was.
type Disposed struct {
	SHA256 string `json:"sha256"` // hex, of the whole file
	Size   int64  `json:"size"`
}

// gone is a recording whose file is not there. What it was is known from the log alone.
type gone struct {
	bad Bad // what is wrong, unless an entry says that it was removed
	sum recorder.Summary
}

// maxListed bounds how many sessions a report names of each kind.
const maxListed = 20

// miss notes that the file of a session is missing, at the first entry that needs it.
func (r *recordings) miss(seq int64, e Entry, chunk int, path string) {
	if r.gone == nil {
		r.gone = map[string]*gone{}
	}
	if r.gone[e.Session] == nil {
		what := fmt.Sprintf("the recording %s is missing", path)
		if chunk >= 0 {
			what = fmt.Sprintf("chunk %d: %s", chunk, what)
		}
		r.gone[e.Session] = &gone{bad: Bad{Entry: seq, Last: seq, Time: e.Time, Session: e.Session, Chunk: chunk, What: what}}
	}
}

// dispose looks at an entry that says that a recording, or its key, was destroyed.
func (r *recordings) dispose(seq int64, e Entry) (what string, err error) {
	if e.Outcome != "ok" {
		return "", nil // refused: nothing was destroyed
	}
	var d Disposed
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return "its data does not say what was destroyed", nil
	}
	path, err := recorder.Path(r.dir, e.Session)
	if err != nil {
		return err.Error(), nil
	}
	if r.open[e.Session] != nil {
		return "it destroys a recording that was not closed", nil
	}
	r.free(seq, r.keyless[e.Session])
	delete(r.keyless, e.Session) // of both, the key goes first
	if e.Type == RecShred {
		if _, err := os.Lstat(recorder.KeyPath(path)); err == nil {
			r.note(&r.still, e.Session)
		}
		r.shredded++
		return "", nil
	}
	if _, err := os.Lstat(path); err == nil {
		r.note(&r.still, e.Session)
		return "", nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for a removed recording: %w", err)
	}
	if g := r.gone[e.Session]; g != nil {
		if g.sum.SHA256 != "" && (g.sum.SHA256 != d.SHA256 || g.sum.Size != d.Size) {
			return "it removes another file than the one that was closed", nil
		}
		r.free(seq, &g.bad)
		delete(r.gone, e.Session)
	}
	if !r.removed[e.Session] { // a crash between the entry and the removal makes the next start write it once more
		if r.removed == nil {
			r.removed = map[string]bool{}
		}
		r.removed[e.Session] = true
	}
	return "", nil
}

// excuse is a finding that an entry explained.
type excuse struct {
	seq int64 // of that entry
	bad Bad
}

// free notes that an entry explains a finding. The newest counts: if a checkpoint covers it, one covers those before.
func (r *recordings) free(seq int64, b *Bad) {
	if b != nil {
		r.excused = &excuse{seq, *b}
	}
}

// unsigned is the finding again if no checkpoint covers the entry that explains it: anybody who can write a file can add a line.
func (x *excuse) unsigned(signed int64) *Bad {
	if x == nil || x.seq < signed {
		return nil
	}
	bad := x.bad
	bad.What += fmt.Sprintf(", and entry %d, which explains it, is covered by no signed checkpoint (start Gatehouse, which signs what it finds, and verify again if the power failed)", x.seq)
	return &bad
}

// close keeps what the log says of a closed recording whose file is missing.
func (g *gone) close(sum recorder.Summary) (what string) {
	if g.sum.SHA256 != "" && (g.sum.SHA256 != sum.SHA256 || g.sum.Size != sum.Size) {
		return "it closes the recording a second time, and otherwise"
	}
	g.sum = sum
	return ""
}

// needKey notes an encrypted recording without its key file.
func (r *recordings) needKey(seq int64, e Entry, path string) {
	if !r.keys {
		return
	}
	wrong := keyFault(recorder.KeyPath(path))
	if wrong == "" {
		return
	}
	rd, err := recorder.OpenFile(path)
	if err == nil {
		rd.Close()
		return
	}
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) {
		if r.keyless == nil {
			r.keyless = map[string]*Bad{}
		}
		r.keyless[e.Session] = &Bad{Entry: seq, Last: seq, Time: e.Time, Session: e.Session, Chunk: -1,
			What: "the recording is encrypted and its key file is " + wrong + ", and no entry says that it was shredded"}
	}
}

// keyFault says what can be seen to be wrong with a key file by who cannot open it: that it is missing, or was overwritten.
func keyFault(path string) string {
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "" // there it is
	}
	if err != nil {
		return "not readable: " + err.Error()
	}
	defer f.Close()
	const begin = "age-encryption.org/v1\n"
	got := make([]byte, len(begin))
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != begin {
		return "no key (it was overwritten)"
	}
	return ""
}

// note keeps a session's id for the report.
func (r *recordings) note(list *[]string, session string) {
	if len(*list) < maxListed {
		*list = append(*list, session)
	}
}

// first returns the first bad thing of all.
func (r *recordings) first() *Bad {
	bad := r.bad
	for _, g := range r.gone {
		if bad == nil || g.bad.Entry < bad.Entry {
			bad = &g.bad
		}
	}
	for _, b := range r.keyless {
		if bad == nil || b.Entry < bad.Entry {
			bad = b
		}
	}
	return bad
}
