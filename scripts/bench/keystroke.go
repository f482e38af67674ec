package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// typist is a session on a terminal whose program gives every byte back.
type typist struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (w *world) typist(ctx context.Context, way string) (*typist, error) {
	t := &typist{cmd: w.command(ctx, way, "-tt", "echoing")}
	var err error
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s said %q: %w", way, line, err), t.cmd.Process.Kill(), t.cmd.Wait())
	}
	return t, nil
}

// key sends one byte and waits for it.
func (t *typist) key(b byte) (time.Duration, error) {
	begun := time.Now()
	if _, err := t.in.Write([]byte{b}); err != nil {
		return 0, err
	}
	for {
		got, err := t.out.ReadByte()
		if err != nil {
			return 0, err
		}
		if got == b {
			return time.Since(begun), nil
		}
	}
}

func (t *typist) close() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait() // it was killed
}

// measureKeystroke times a byte's way to the program and back, on a terminal.
func measureKeystroke(ctx context.Context, w *world) ([]result, error) {
	ways := []string{direct, jump, routed, inside}
	typists, times := map[string]*typist{}, map[string][]float64{}
	for _, way := range ways {
		t, err := w.typist(ctx, way)
		if err != nil {
			return nil, err
		}
		defer t.close()
		typists[way] = t
	}
	for i := -20; i < w.n(500); i++ {
		for _, way := range ways {
			took, err := typists[way].key(byte('a' + (i+20)%26))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way, err)
			}
			if i >= 0 {
				times[way] = append(times[way], float64(took.Nanoseconds())/1000)
			}
			time.Sleep(3 * time.Millisecond) // nobody types faster
		}
	}
	p := func(way string) *float64 { m := median(times[way]); return &m }
	return []result{
		compared("keystroke echo, recorded", "µs", *p(routed), p(jump), p(direct), atMost(1.05), p(jump), "jump"),
		compared("keystroke echo, recorded ssh -J", "µs", *p(inside), p(jump), p(direct), atMost(1.05), p(jump), "jump"),
	}, nil
}
