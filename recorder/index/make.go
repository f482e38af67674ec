package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// Source is where recordings are read from: a *recorder.Recorder.
type Source interface {
	// Read opens what was recorded of a session. The caller closes it. Safe for concurrent use.
	Read(session string) (*recorder.Reader, error)
}

// Make makes the index of a session's recording, masked by d; nil masks nothing. rows gets its rows as they come; nil leaves
// them out.
func Make(ctx context.Context, src Source, session string, d *secret.Detector, rows func(Row)) (*Index, error) {
	o := Options{Rows: rows, Masked: d != nil, Detector: d}
	if d != nil {
		var err error
		if o.Hits, o.Most, err = scan(ctx, src, session, d); err != nil {
			return nil, err
		}
	}
	rd, err := src.Read(session)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	return Build(ctx, rd, o)
}

// scan finds a recording's secrets, in a pass of its own: what is secret in an event may only show in a later one. most is
// Options.Most: what is written meanwhile was not looked at.
func scan(ctx context.Context, src Source, session string, d *secret.Detector) (hits []secret.Hit, most int, err error) {
	rd, err := src.Read(session)
	if err != nil {
		return nil, 0, err
	}
	defer rd.Close()
	hits, err = d.Scan(rd.Header(), counted(until(ctx, rd), &most))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, recorder.ErrCorrupt) {
		return nil, 0, fmt.Errorf("look for secrets: %w", err)
	}
	switch n := len(hits); {
	case n > 0 && hits[n-1].To < 0:
		most = 0 // it looked no further: everything from there on is masked
	case most == 0:
		most = -1
	}
	return hits, most, nil
}

// counted counts events as they go by.
func counted(events iter.Seq2[recorder.Event, error], n *int) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		for e, err := range events {
			if err == nil {
				*n++
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// until yields a recording's events until ctx ends.
func until(ctx context.Context, rd *recorder.Reader) func(func(recorder.Event, error) bool) {
	return func(yield func(recorder.Event, error) bool) {
		frame := int64(-1)
		for e, err := range rd.Events() {
			if f := rd.Frame(); f != frame && err == nil {
				frame, err = f, context.Cause(ctx)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// fingerprint returns the hash and the size of a file.
func fingerprint(path string) (hash string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("hash recording: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("hash recording: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
