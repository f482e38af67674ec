package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// promptSession is a governed shell's prompt that somebody keeps open.
type promptSession struct {
	*idleSession
	in  io.Writer
	out *bufio.Reader
}

// prompt opens one, and waits until it can be typed at.
func (w *world) prompt() (*promptSession, error) {
	client, err := w.routedClient()
	if err != nil {
		return nil, err
	}
	p := &promptSession{idleSession: client}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *promptSession) open() error {
	session, err := p.client.NewSession()
	if err != nil {
		return err
	}
	if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
		return fmt.Errorf("ask for a terminal: %w", err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	if p.in, err = session.StdinPipe(); err != nil {
		return err
	}
	p.out = bufio.NewReader(out)
	if err := session.Shell(); err != nil {
		return fmt.Errorf("ask for a shell: %w", err)
	}
	return p.lives()
}

// lives has the shell reckon something, which no echo of what was typed can look like.
func (p *promptSession) lives() error {
	if _, err := io.WriteString(p.in, "echo alive-$((6 * 7))\r"); err != nil {
		return fmt.Errorf("type at the prompt: %w", err)
	}
	return p.awaits("alive-42")
}

// awaits reads until a text has come.
func (p *promptSession) awaits(text string) error {
	var got strings.Builder
	timer := time.AfterFunc(20*time.Second, p.close)
	defer timer.Stop()
	for !strings.HasSuffix(got.String(), text) {
		b, err := p.out.ReadByte()
		if err != nil {
			return fmt.Errorf("the prompt said %q: %w", got.String(), err)
		}
		got.WriteByte(b)
	}
	return nil
}

// shellIdle is what a prompt costs on which nothing happens: the shell's process, and what the door and the decider have for it.
func (w *world) shellIdle(context.Context) ([]result, error) {
	n := w.n(40)
	if err := errors.Join(w.gate.Stop(), w.gate.Serve()); err != nil {
		return nil, err
	}
	served := []int{w.gate.PID("decider"), w.gate.PID("door")}
	first, err := w.prompt() // what is made once is not theirs
	if err != nil {
		return nil, err
	}
	defer first.close()
	time.Sleep(time.Second)
	all, door := memory(w.pids()...), memory(served...)
	open := make([]*promptSession, n)
	for i := range open {
		if open[i], err = w.prompt(); err != nil {
			return nil, err
		}
		defer open[i].close()
	}
	runtime.GC()
	time.Sleep(3 * time.Second)
	grown, doors := memory(w.pids()...)-all, memory(served...)-door
	for _, p := range open {
		if err := p.lives(); err != nil {
			return nil, err
		}
	}
	each := float64(n)
	return []result{
		priced(fmt.Sprintf("memory per idle prompt of %d, all processes", n), "KiB", grown/each, nil, nil),
		priced("the same, of that door and decider", "KiB", doors/each, nil, nil),
	}, nil
}

// shellKeys times a key's way to the prompt's line and back, beside a program on the target's terminal that gives every byte back.
func (w *world) shellKeys(ctx context.Context) ([]result, error) {
	p, err := w.prompt()
	if err != nil {
		return nil, err
	}
	defer p.close()
	t, err := w.typist(ctx, direct)
	if err != nil {
		return nil, err
	}
	defer t.close()
	var ours, plain []float64
	for i := -10; i < w.n(300); i++ {
		key := "%=+@"[(i+12)%4 : (i+12)%4+1]
		begun := time.Now()
		if _, err := io.WriteString(p.in, key); err != nil {
			return nil, err
		}
		if err := p.awaits(key); err != nil {
			return nil, err
		}
		mine := time.Since(begun)
		if _, err := io.WriteString(p.in, "\x7f"); err != nil { // the line stays short
			return nil, err
		}
		theirs, err := t.key(key[0])
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			ours, plain = append(ours, float64(mine.Microseconds())), append(plain, float64(theirs.Microseconds()))
		}
		time.Sleep(3 * time.Millisecond)
	}
	d := median(plain)
	return []result{
		priced("keystroke echo at the prompt (beside: a program on the target's terminal)", "µs", median(ours), nil, &d),
		priced("the same, p99", "µs", quantile(ours, 0.99), nil, nil),
	}, nil
}

// shellTaken is what it takes to have a shell's process, by the pool's own benchmarks.
func (w *world) shellTaken(ctx context.Context) ([]result, error) {
	taken, err := w.benchmarks(ctx, "gatehouse/bastion/shell/pool", "BenchmarkTake|BenchmarkCold")
	if err != nil {
		return nil, err
	}
	return []result{
		absolute("a shell's process from the pool, to its first byte", "ms", taken["Take"]/1e6, nil, nil, atMost(20)),
		priced("the same where none is ready", "ms", taken["Cold"]/1e6, nil, nil),
	}, nil
}
