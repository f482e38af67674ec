package look

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// The most of files' contents that one Answer reads for approvals. What is beyond is said, and is not bound.
const (
	MaxContent  = 16 << 20 // bytes of one file
	MaxContents = 64 << 20 // bytes of all
	contentTime = 5 * time.Second
)

// contents answers the questions about contents in their order, so that the same files are within the bounds each time.
func (v *visit) contents(asked []question) (map[string]policy.FileState, error) {
	var found map[string]policy.FileState
	timer := time.NewTimer(contentTime)
	defer timer.Stop()
	r := &reading{left: MaxContents, timer: timer.C}
	for _, q := range asked {
		if q.kind != policy.ProbeContent {
			continue
		}
		s, err := v.state(q.name, r)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = map[string]policy.FileState{}
		}
		found[q.name] = s
	}
	return found, nil
}

// state is what is at a path, with its hash if it is a file that may be read within the bounds.
func (v *visit) state(name string, r *reading) (policy.FileState, error) {
	s := policy.FileState{Path: name}
	at, err := v.walk(name, func(string, sftp.Attrs) {})
	if err != nil {
		return s, err
	}
	if at.real != name {
		s.Real = at.real
	}
	switch {
	case at.why != "":
		s.Kind, s.Why = policy.PathOther, at.why
	case !at.exists:
		s.Missing = true
	case at.attrs.IsDir():
		s.Kind, s.Why = policy.PathDir, "what is in a folder is not looked at"
	case !at.attrs.IsFile():
		s.Kind, s.Why = policy.PathOther, "it is no file"
	default:
		s.Kind, s.Size = policy.PathFile, int64(min(at.attrs.Size, 1<<62))
		s.SHA256, s.Why, err = v.sum(at.real, at.attrs.Size, r)
	}
	return s, err
}

// reading is what may still be read of one Answer's contents.
type reading struct {
	left  uint64
	timer <-chan time.Time
	late  bool
}

// errLate ends the reading of a file because contents have taken their time.
var errLate = fmt.Errorf("the files take longer than %s to read", contentTime)

// more takes bytes that were read off what may be.
func (r *reading) more(n int) error {
	select {
	case <-r.timer:
		r.late = true
	default:
	}
	if r.late {
		return errLate
	}
	r.left -= min(r.left, uint64(n))
	return nil
}

// sum is a file's hash, or why there is none.
func (v *visit) sum(name string, size uint64, r *reading) (sum, why string, err error) {
	switch {
	case r.more(0) != nil:
		return "", errLate.Error(), nil
	case size > MaxContent:
		return "", fmt.Sprintf("it is larger than %d MiB", MaxContent>>20), nil
	case size > r.left:
		return "", fmt.Sprintf("the files are larger than %d MiB together", MaxContents>>20), nil
	}
	h := sha256.New()
	err = v.read(name, writer(func(b []byte) error { h.Write(b); return r.more(len(b)) }), min(MaxContent, r.left))
	var status sftp.StatusError
	switch {
	case errors.Is(err, errLate):
		return "", errLate.Error(), nil
	case errors.Is(err, ErrTooMuch):
		return "", "it grows while it is read", nil
	case errors.As(err, &status):
		return "", "the login may not read it", nil
	case err != nil:
		return "", "", err
	}
	return hex.EncodeToString(h.Sum(nil)), "", nil
}

// writer is a function that takes what is read.
type writer func(b []byte) error

func (w writer) Write(b []byte) (int, error) { return len(b), w(b) }
