package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

func (r *faultRun) violate(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// judge verifies what the child left, as it left it and after recovery, and compares every recording with what its session
// was told is written.
func (r *faultRun) judge(ctx context.Context) error {
	if info, err := os.Stat(filepath.Join(r.dir, "log", "checkpoint")); err == nil && info.Size() == 0 || errors.Is(err, fs.ErrNotExist) {
		return r.unborn(ctx)
	}
	before, err := verifyDir(ctx, r.dir)
	if err != nil {
		return err
	}
	if before.Bad != nil {
		r.violate("before recovery: %v", before.Bad)
	}
	if r.kind == "cut" {
		if err := r.cuts(ctx); err != nil {
			return err
		}
	}
	if err := recoverDir(ctx, r.order); err != nil {
		r.violate("recovery: %v", err)
		return nil
	}
	after, err := verifyDir(ctx, r.dir)
	if err != nil {
		return err
	}
	if after.Bad != nil || after.Unfinished != 0 || after.Signed != after.Entries {
		r.violate("after recovery: %v, %d unfinished, %d of %d entries signed", after.Bad, after.Unfinished, after.Signed, after.Entries)
	}
	r.compare()
	return nil
}

// unborn is a run in which the fault came before the log had a checkpoint: nothing may have been recorded, and the next start works.
func (r *faultRun) unborn(ctx context.Context) error {
	for _, h := range r.heard {
		if h.Kind != "failed" {
			r.violate("%s %s without a log", h.Kind, h.Session)
		}
	}
	if err := recoverDir(ctx, r.order); err != nil {
		r.violate("the start after the first: %v", err)
		return nil
	}
	rep, err := verifyDir(ctx, r.dir)
	if err == nil && rep.Bad != nil {
		r.violate("the log of the next start: %v", rep.Bad)
	}
	return err
}

func verifyDir(ctx context.Context, dir string) (audit.Report, error) {
	key, err := os.ReadFile(filepath.Join(dir, "log", audit.VerifierFile))
	if err != nil {
		return audit.Report{}, err
	}
	return audit.Verify(ctx, audit.VerifyOptions{LogDir: filepath.Join(dir, "log"), RecordingsDir: filepath.Join(dir, "recordings"), VerifierKey: strings.TrimSpace(string(key))})
}

// recoverDir does what the next start does.
func recoverDir(ctx context.Context, o order) error {
	e, err := openEvidence(o)
	if err != nil {
		return err
	}
	return errors.Join(e.recover(ctx), e.log.Close())
}

// seen is what a session was told.
type seen struct {
	opened  bool
	closed  bool
	doomed  bool      // destroyed, or about to be
	lines   int       // handed over
	sure    int       // of them, long enough before the end or the fault that they must be there
	faulted time.Time // when it failed; zero: it did not
}

// compare looks at every recording that was opened.
func (r *faultRun) compare() {
	all := map[string]*seen{}
	for _, h := range r.heard {
		s := all[h.Session]
		if s == nil {
			s = &seen{}
			all[h.Session] = s
		}
		switch h.Kind {
		case "opened":
			s.opened = true
		case "wrote":
			s.lines = h.Lines
		case "closed":
			s.closed, s.sure = true, h.Lines
		case "doomed":
			s.doomed = true
		case "failed":
			s.faulted = h.at
		}
	}
	for id, s := range all {
		if !s.opened {
			continue
		}
		r.sessions++
		if !s.doomed {
			r.compareOne(id, s)
		}
	}
}

func (r *faultRun) compareOne(id string, s *seen) {
	end := r.ended
	if !s.faulted.IsZero() {
		end = s.faulted
	}
	got, err := r.linesOf(id)
	if err != nil {
		r.violate("recording of %s: %v", id, err)
		return
	}
	for _, h := range r.heard {
		if h.Session != id || h.Kind != "wrote" || h.Lines <= got {
			continue
		}
		missing := end.Sub(h.at)
		if s.closed {
			missing = mayLose + 1
		}
		r.lost = max(r.lost, missing)
		if missing > mayLose {
			r.violate("recording of %s ends after line %d; line %d was handed over %s before the end", id, got, h.Lines, missing.Round(time.Millisecond))
		}
		return
	}
}

// linesOf counts the lines of a recording, which must be the session's own, in order and without a gap.
func (r *faultRun) linesOf(id string) (int, error) {
	path, err := recorder.Path(filepath.Join(r.dir, "recordings"), id)
	if err != nil {
		return 0, err
	}
	rd, err := recorder.OpenFileWith(path, "", recorder.Encryption{Identities: []age.Identity{r.id}})
	if err != nil {
		return 0, err
	}
	defer rd.Close()
	var text []byte
	for e, err := range rd.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		text = append(text, e.Data...)
	}
	n := 0
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // a piece of it
		}
		if !bytes.Equal(line, lineOf(id, n, false)) && !bytes.Equal(line, lineOf(id, n, true)) {
			return n, fmt.Errorf("line %d is %.60q", n, line)
		}
		n++
	}
	return n, nil
}
