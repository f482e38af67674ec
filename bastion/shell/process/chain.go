package process

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"sync"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// markText begins the path of a text that source reads.
const markText = mark + "t"

// chains are the ways by which texts were reached, each once. A variable of the text holds which is the present one, so that subshells,
// substitutions and pipes have it too.
type chains struct {
	mu    sync.Mutex
	all   [][]wire.Link
	known map[string]int
}

func (c *chains) put(chain []wire.Link) string {
	key, _ := json.Marshal(chain)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.known[string(key)]; ok {
		return strconv.Itoa(n)
	}
	if c.known == nil {
		c.known = map[string]int{}
	}
	c.all = append(c.all, chain)
	c.known[string(key)] = len(c.all) - 1
	return strconv.Itoa(len(c.all) - 1)
}

func (c *chains) get(name string) ([]wire.Link, bool) {
	n, err := strconv.Atoi(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || n < 0 || n >= len(c.all) {
		return nil, false
	}
	return c.all[n], true
}

// chainAt is through what a command came to be one.
func (sh *shell) chainAt(hc interp.HandlerContext) []wire.Link {
	if chain, ok := sh.chains.get(hc.Env.Get(chainVariable).String()); ok {
		return slices.Clone(chain)
	}
	return slices.Clone(sh.chain())
}

// texts are what source is about to read.
type texts struct {
	mu  sync.Mutex
	n   int
	all map[string]string
}

func (t *texts) put(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]string{}
	}
	t.n++
	name := strconv.Itoa(t.n)
	t.all[name] = text
	return name
}

// take gives a text once.
func (t *texts) take(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.all[name]
	delete(t.all, name)
	return text
}

// maxScript is how long a script may be.
const maxScript = 64 << 10

// readScript reads a script, from the shell's own input where that is its file.
func (sh *shell) readScript(ctx context.Context, hc interp.HandlerContext, path string) ([]byte, error) {
	if path == "/dev/stdin" || path == "/dev/fd/0" {
		return sh.readAll(ctx, sh.inputs.of(hc.Stdin))
	}
	return sh.readFile(ctx, path)
}

// readFile reads a script from the target.
func (s *Shell) readFile(ctx context.Context, path string) ([]byte, error) {
	r, err := s.openReader(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []byte
	for {
		piece, err := r.next(ctx)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if all = append(all, piece...); len(all) > maxScript {
			return nil, refuse(path, "a script has at most %d bytes", maxScript)
		}
	}
}
