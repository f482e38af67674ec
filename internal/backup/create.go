package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/store"
)

// Create backs the data folder up into a new file, mode 0600, while it is in use. A file that exists is never replaced. The
// file must not be inside the data folder, where the next backup would hold this one.
func Create(ctx context.Context, data, out string) (_ Summary, err error) {
	dir, name := filepath.Split(out)
	if dir == "" {
		dir = "."
	}
	if inside, err := contains(data, dir); err != nil {
		return Summary{}, fmt.Errorf("back up: %w", err)
	} else if inside {
		return Summary{}, fmt.Errorf("back up to %s: it is inside the data folder: choose another place", out)
	}
	blobs, err := store.OpenDisk(dir)
	if err != nil {
		return Summary{}, fmt.Errorf("back up: %w", err)
	}
	defer blobs.Close()
	scratch, err := os.MkdirTemp(dir, ".gatehouse-backup-*")
	if err != nil {
		return Summary{}, fmt.Errorf("back up: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	summary, err := stream(ctx, data, scratch, blobs, name)
	if err != nil {
		return Summary{}, fmt.Errorf("back up %s: %w", data, err)
	}
	return summary, nil
}

// stream writes the archive into a blob, and waits for both sides.
func stream(ctx context.Context, data, scratch string, blobs store.Blobs, name string) (Summary, error) {
	type result struct {
		summary Summary
		err     error
	}
	done := make(chan result, 1)
	r, w := io.Pipe()
	go func() {
		s, err := write(ctx, data, scratch, w)
		w.CloseWithError(err)
		done <- result{s, err}
	}()
	putErr := blobs.Put(ctx, name, r)
	r.CloseWithError(errors.New("the archive could not be stored"))
	wrote := <-done
	if putErr != nil {
		return Summary{}, putErr // it wraps what the writer said, if that came first
	}
	return wrote.summary, wrote.err
}

// contains says whether dir is data or a folder below it, whatever links lead there.
func contains(data, dir string) (bool, error) {
	data, err1 := filepath.EvalSymlinks(data)
	dir, err2 := filepath.EvalSymlinks(dir)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	data, err1 = filepath.Abs(data)
	dir, err2 = filepath.Abs(dir)
	return strings.HasPrefix(dir+"/", strings.TrimSuffix(data, "/")+"/"), errors.Join(err1, err2)
}
