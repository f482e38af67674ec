package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/recorder"
)

// The bounds of the cuts of one run.
const (
	everyByte = 400 // a tail of at most so many bytes is cut at each of them
	someCuts  = 150 // a longer one at so many random places
	deepCuts  = 5   // so many cuts go into what was committed
)

// cuts truncates one unfinished recording at every byte of what was not committed yet, as a power cut might, and starts from
// each: the next start commits what is left, and everything verifies. A cut into what was committed is named.
func (r *faultRun) cuts(ctx context.Context) error {
	live, err := os.ReadDir(filepath.Join(r.dir, "recordings", "live"))
	if err != nil || len(live) == 0 {
		return err
	}
	session := live[r.random.IntN(len(live))].Name()
	for _, e := range live { // rather one that has something committed
		if info, err := e.Info(); err == nil && info.Size() > 0 {
			session = e.Name()
		}
	}
	path, err := recorder.Path(filepath.Join(r.dir, "recordings"), session)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil // killed before there was a file
	}
	committed, err := committedEnd(filepath.Join(r.dir, "recordings", "live", session))
	if err != nil {
		return err
	}
	r.detail += fmt.Sprintf(", cut from %d to %d", committed, info.Size())
	for _, at := range r.places(committed, info.Size()) {
		if err := r.cut(ctx, session, at, at < committed); err != nil {
			return err
		}
		if len(r.problems) > 3 {
			return nil
		}
	}
	return nil
}

// places are where to cut.
func (r *faultRun) places(committed, size int64) []int64 {
	var out []int64
	if size-committed <= everyByte {
		for at := committed; at < size; at++ {
			out = append(out, at)
		}
	} else {
		for range someCuts {
			out = append(out, committed+r.random.Int64N(size-committed))
		}
	}
	for range deepCuts {
		if committed > 0 {
			out = append(out, r.random.Int64N(committed))
		}
	}
	return out
}

// cut starts from a copy that is truncated at one place.
func (r *faultRun) cut(ctx context.Context, session string, at int64, committed bool) error {
	dir := r.dir + "-cut"
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(r.dir)); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(filepath.Join(dir, "log", "log.key"), 0o600); err != nil { // copies are open to others
		return err
	}
	path, err := recorder.Path(filepath.Join(dir, "recordings"), session)
	if err != nil {
		return err
	}
	if err := os.Truncate(path, at); err != nil {
		return err
	}
	if !committed {
		o := r.order
		o.Dir = dir
		if err := recoverDir(ctx, o); err != nil {
			r.violate("cut at %d: recovery: %v", at, err)
			return nil
		}
	}
	rep, err := verifyDir(ctx, dir)
	switch {
	case err != nil:
		return err
	case committed && (rep.Bad == nil || rep.Bad.Session != session):
		r.violate("cut at %d, within what was committed: verify says %v", at, rep.Bad)
	case !committed && (rep.Bad != nil || rep.Unfinished != 0):
		r.violate("cut at %d: verify says %v, %d unfinished", at, rep.Bad, rep.Unfinished)
	}
	return nil
}

// committedEnd is where the last committed chunk ends, by the recording's marker.
func committedEnd(marker string) (int64, error) {
	f, err := os.Open(marker)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var end int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c recorder.Chunk
		if json.Unmarshal(lines.Bytes(), &c) != nil {
			break
		}
		end = c.Offset + c.Length
	}
	return end, nil
}
