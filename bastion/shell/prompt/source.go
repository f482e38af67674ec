package prompt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"gatehouse/bastion/shell/wire"
)

// maxAhead is how much is kept of what is typed ahead; more stays at the door and then in the client's window.
const maxAhead = 64 << 10

// What a terminal's line discipline makes signals of.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keySuspend   = 0x1a // Ctrl-Z
	keyQuit      = 0x1c // Ctrl-\
)

// errWoken is what a read returns that was woken without input: the terminal has another size.
var errWoken = errors.New("woken")

// source is the client's input, read all the time so that Ctrl-C is heard, and kept in order until somebody uses it. Its methods may be
// called concurrently; there is one reader at a time.
type source struct {
	ask func(context.Context, wire.Input) (wire.Answer, error)

	mu      sync.Mutex
	changed chan struct{} // closed at each change, and replaced
	kept    []byte        // what nobody has used
	at      int64         // the place of its beginning in the client's input
	end     error         // there will be no more
	woken   bool
	broken  bool       // Ctrl-C came as a signal
	lent    bool       // to a command with a terminal of its own
	signal  func(byte) // while something runs: called for each of the signals' keys
}

func newSource(ask func(context.Context, wire.Input) (wire.Answer, error)) *source {
	return &source{ask: ask, changed: make(chan struct{})}
}

// pump asks for input until there is no more or ctx ends.
func (s *source) pump(ctx context.Context) {
	for {
		in, err := s.room(ctx)
		if err != nil {
			s.finish(err)
			return
		}
		answer, err := s.ask(ctx, in)
		if err == nil && len(answer.Data) == 0 {
			err = io.EOF
		}
		if err != nil {
			s.finish(err)
			return
		}
		s.add(answer)
	}
}

// room waits until there is room for more, and says what to ask for.
func (s *source) room(ctx context.Context) (wire.Input, error) {
	for {
		s.mu.Lock()
		free, changed := maxAhead-len(s.kept), s.changed
		in := wire.Input{Used: s.at, From: s.at + int64(len(s.kept)), Want: min(free, wire.MaxData)}
		s.mu.Unlock()
		if free > 0 {
			return in, ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return wire.Input{}, ctx.Err()
		}
	}
}

// add keeps what came, but for what a command's own terminal has taken meanwhile.
func (s *source) add(a wire.Answer) {
	s.mu.Lock()
	end := s.at + int64(len(s.kept))
	switch {
	case a.At > end:
		s.kept, s.at = nil, a.At
	case a.At < end:
		a.Data = a.Data[min(end-a.At, int64(len(a.Data))):]
	}
	s.kept = append(s.kept, a.Data...)
	keys := s.signals()
	signal := s.signal
	s.change()
	s.mu.Unlock()
	for _, key := range keys {
		signal(key)
	}
}

// signals takes the signals' keys out of what is kept, if they are to be signals now. As a terminal does, Ctrl-C and Ctrl-\ take what
// was typed before them along. Ctrl-Z stays: nobody reads it as anything.
func (s *source) signals() []byte {
	if s.signal == nil || s.lent {
		return nil
	}
	var keys []byte
	if bytes.IndexByte(s.kept, keySuspend) >= 0 {
		keys = append(keys, keySuspend)
	}
	for {
		i := bytes.IndexAny(s.kept, "\x03\x1c")
		if i < 0 {
			return keys
		}
		keys = append(keys, s.kept[i])
		s.drop(i + 1)
	}
}

// listen makes signals of the keys from now on, those included that are kept; with nil it makes none.
func (s *source) listen(signal func(byte)) {
	s.mu.Lock()
	s.signal = signal
	keys := s.signals()
	s.mu.Unlock()
	for _, key := range keys {
		signal(key)
	}
}

// next takes one byte, and waits for it. The error is io.EOF or another at the end, ctx's, or errWoken.
func (s *source) next(ctx context.Context) (byte, error) { return s.take(ctx, true) }

// within is next in the middle of a key, where nothing wakes it.
func (s *source) within(ctx context.Context) (byte, error) { return s.take(ctx, false) }

func (s *source) take(ctx context.Context, wakes bool) (byte, error) {
	for {
		s.mu.Lock()
		if len(s.kept) > 0 && !s.lent {
			b := s.kept[0]
			s.drop(1)
			s.change()
			s.mu.Unlock()
			return b, nil
		}
		woken, broken, end, changed := s.woken && wakes, s.broken && wakes, s.end, s.changed
		s.woken, s.broken = s.woken && !woken, s.broken && !broken
		s.mu.Unlock()
		switch {
		case broken:
			return 0, errInterrupted
		case woken:
			return 0, errWoken
		case end != nil:
			return 0, end
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// back puts a byte back that was just taken.
func (s *source) back(b byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append([]byte{b}, s.kept...)
	s.at--
}

// ready reports whether there is something to take without waiting.
func (s *source) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept) > 0
}

// wake makes a read that waits, or the next that would, return errWoken.
func (s *source) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = true
	s.change()
}

// interrupt is Ctrl-C that comes as a signal: to what runs, or to what reads a line.
func (s *source) interrupt() {
	s.mu.Lock()
	signal := s.signal
	s.broken = signal == nil
	s.change()
	s.mu.Unlock()
	if signal != nil {
		signal(keyInterrupt)
	}
}

// over reports whether there is nothing to take, and there will be no more.
func (s *source) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end != nil && len(s.kept) == 0
}

// used is the place of what comes next in the client's input.
func (s *source) used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// lend gives the input to a command with a terminal of its own, from used on.
func (s *source) lend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lent = true
}

// giveBack ends that: the command has taken what is before the place used.
func (s *source) giveBack(used int64) {
	s.mu.Lock()
	s.lent = false
	switch end := s.at + int64(len(s.kept)); {
	case used >= end:
		s.kept, s.at = nil, used
	case used > s.at:
		s.drop(int(used - s.at))
	}
	keys := s.signals()
	signal := s.signal
	s.change()
	s.mu.Unlock()
	for _, key := range keys {
		signal(key)
	}
}

func (s *source) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = err
	s.change()
}

func (s *source) drop(n int) {
	s.kept = s.kept[n:]
	s.at += int64(n)
	if len(s.kept) == 0 {
		s.kept = nil
	}
}

func (s *source) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}
