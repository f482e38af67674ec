package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// ErrExists is returned for a blob name that is taken; ErrBlobName for a name that no blob can have.
var (
	ErrExists   = errors.New("a blob with that name exists")
	ErrBlobName = errors.New("not a blob name")
)

// maxBlobName bounds a name, and maxBlobPart what stands between two slashes.
const (
	maxBlobName = 512
	maxBlobPart = 200
)

// Blob is one stored blob.
type Blob struct {
	Name string
	Size int64
}

// Blobs are immutable byte strings by name. Names are slash-separated, of printable ASCII, and no part begins with a dot.
// Every method may be called concurrently.
type Blobs interface {
	// Put stores what r yields. It is there whole and durable, or not at all: no reader sees a part of it, and an error from
	// r leaves nothing behind. A name that is taken is ErrExists, and its blob stays as it is.
	Put(ctx context.Context, name string, r io.Reader) error
	// Open reads a blob; ErrNotFound. The caller closes it.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List yields the blobs whose names begin with prefix, in no order, and ends after an error.
	List(ctx context.Context, prefix string) iter.Seq2[Blob, error]
	// Delete removes a blob for good; ErrNotFound.
	Delete(ctx context.Context, name string) error
}

// CheckBlobName says why no blob can have that name; the error is ErrBlobName.
func CheckBlobName(name string) error {
	if !fs.ValidPath(name) || name == "." || len(name) > maxBlobName {
		return fmt.Errorf("%w: %.80q", ErrBlobName, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' || len(part) > maxBlobPart {
			return fmt.Errorf("%w: %.80q: a part begins with a dot or is over %d bytes", ErrBlobName, name, maxBlobPart)
		}
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] > 0x7e || name[i] == '\\' {
			return fmt.Errorf("%w: %.80q: want printable ASCII", ErrBlobName, name)
		}
	}
	return nil
}

// parents are the folders above name, innermost first, without ".".
func parents(name string) []string {
	var dirs []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}
