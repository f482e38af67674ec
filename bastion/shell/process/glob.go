package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// interp reads every folder on the way to a pattern, only to see that it is there. A role that may read /var/log/app/* may not read /var:
// a folder of the literal way is therefore not asked for, as bash does not read it either. Which calls those are is told from their order:
// the way comes folder by folder, and the last of it a second time, to be read.
type globs struct {
	mu  sync.Mutex
	way map[uintptr]*globWay
}

type globWay struct {
	last string // the folder that was taken to be there
	root string // the folder that was read; all under it is asked for
}

// maxWays bounds the runners of which the way is known.
const maxWays = 256

func newGlobs() *globs { return &globs{way: map[uintptr]*globWay{}} }

// literal says that a folder is only on the way, or below what was read: then it may be one that is only looked for.
func (g *globs) literal(hc interp.HandlerContext, path string) (way, below bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := runnerOf(hc).Pointer()
	if len(g.way) > maxWays {
		clear(g.way)
	}
	w := g.way[key]
	if w == nil {
		w = &globWay{}
		g.way[key] = w
	}
	switch {
	case path == hc.Dir || path == "/" || path == w.last || path == w.root: // ** reads its own folder again
		*w = globWay{root: path}
	case w.root != "" && strings.HasPrefix(path, strings.TrimSuffix(w.root, "/")+"/"):
		return false, true
	default:
		*w = globWay{last: path}
		return true, false
	}
	return false, false
}

// runnerOf is the interpreter that calls a handler, to look at.
func runnerOf(hc interp.HandlerContext) reflect.Value {
	return reflect.ValueOf(hc).FieldByName("runner")
}

// isFunction says whether a word names a function where a handler is called.
func isFunction(hc interp.HandlerContext, name string) bool {
	return runnerOf(hc).Elem().FieldByName("Funcs").MapIndex(reflect.ValueOf(name)).IsValid()
}

// list reads a folder for a pattern. One that may not be read has nothing that matches, as in bash.
func (sh *shell) list(ctx context.Context, path string) ([]fs.DirEntry, error) {
	way, below := sh.globs.literal(interp.HandlerCtx(ctx), path)
	if way {
		return nil, nil
	}
	got, err := sh.link.ask(ctx, wire.Ask{Op: wire.OpList, Path: &wire.Path{Path: path}})
	if err != nil {
		return nil, listError(path, err, below)
	}
	entries := make([]fs.DirEntry, 0, len(got.List))
	for _, info := range got.List {
		if info.Name != "." && info.Name != ".." {
			entries = append(entries, fs.FileInfoToDirEntry(fileInfo{info}))
		}
	}
	return entries, nil
}

// listError is nil where nothing matches: a folder that is not there or may not be read has nothing.
func listError(path string, err error, below bool) error {
	var told *wire.Error
	if below && errors.As(err, &told) && told.Kind == wire.KindErrno && told.Errno != "EACCES" {
		return &os.PathError{Op: "open", Path: path, Err: number(err)}
	}
	if errors.As(err, &told) && (told.Kind == wire.KindDenied || told.Kind == wire.KindErrno) {
		return nil
	}
	return errors.Join(&os.PathError{Op: "open", Path: path, Err: syscall.EIO}, err)
}
