package process

import (
	"context"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// openFor is what the interpreter opens for a redirection.
func (sh *shell) openFor(ctx context.Context, path string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	f, err := sh.opened(ctx, path, flag)
	if token, ok := f.(*os.File); ok && err == nil {
		outer, _ := interp.HandlerCtx(ctx).Stdin.(*os.File)
		sh.inputs.of(token).outer = outer
	}
	return f, sh.fatal(err)
}

func (sh *shell) opened(ctx context.Context, path string, flag int) (io.ReadWriteCloser, error) {
	if name, ok := strings.CutPrefix(path, markText); ok {
		return textFile{strings.NewReader(sh.texts.take(name))}, nil
	}
	if question, ok := strings.CutPrefix(path, markReckon); ok {
		return sh.reckoned(ctx, question)
	}
	hc := interp.HandlerCtx(ctx)
	path, simple := strings.CutPrefix(path, markSimple)
	path, split := strings.CutPrefix(path, markSplit)
	if split && (path == "" || strings.ContainsAny(path, " \t\n*?[")) {
		return nil, refuse("redirection", "%q would be split or matched: quote it", path)
	}
	if data, ok := strings.CutPrefix(path, markData); ok {
		return sh.inputs.token(&stdin{source: &source{kind: fromData, data: []byte(data)}, own: simple}), nil
	}
	switch path {
	case markPipe:
		under := sh.inputs.of(hc.Stdin)
		return sh.inputs.token(&stdin{source: under.source, pipe: under.pipe, own: true}), nil
	case markOuter:
		outer := sh.inputs.of(sh.inputs.of(hc.Stdin).outer)
		return sh.inputs.token(&stdin{source: outer.source, pipe: outer.pipe}), nil
	case markNull, "/dev/null":
		if flag&os.O_WRONLY != 0 {
			return &outFile{shell: sh, null: true}, nil
		}
		return sh.inputs.token(&stdin{source: &source{kind: fromNull}, own: true}), nil
	}
	if strings.HasPrefix(path, "/dev/") {
		return sh.device(hc, path, flag)
	}
	if path == "" {
		return nil, &os.PathError{Op: "bash: line 1:", Path: "", Err: syscall.ENOENT}
	}
	if flag&os.O_WRONLY != 0 {
		return sh.openOut(ctx, hc, path, flag, simple)
	}
	return sh.openIn(ctx, hc, path, simple)
}

func (sh *shell) openOut(ctx context.Context, hc interp.HandlerContext, path string, flag int, simple bool) (io.ReadWriteCloser, error) {
	mask, _ := sh.umask(hc.Env)
	f := &outFile{shell: sh, ctx: ctx, path: under(hc.Dir, path), append: flag&os.O_APPEND != 0, simple: simple, perm: 0o666 &^ mask}
	if simple {
		return f, nil
	}
	if err := f.begin(); err != nil {
		return nil, fileError(path, err)
	}
	return f, nil
}

func (sh *shell) openIn(ctx context.Context, hc interp.HandlerContext, path string, simple bool) (io.ReadWriteCloser, error) {
	in := &stdin{source: &source{kind: fromFile, path: under(hc.Dir, path)}, own: simple}
	if simple {
		return sh.inputs.token(in), nil
	}
	if err := sh.openSource(ctx, in.source); err != nil {
		return nil, fileError(path, err)
	}
	return sh.inputs.token(in), nil
}

// openSource opens a file that the shell itself reads.
func (sh *shell) openSource(ctx context.Context, s *source) error {
	r, err := sh.openReader(ctx, s.path)
	if err != nil {
		return err
	}
	s.file = r
	return nil
}

// device is one of the files in /dev that are the shell's own.
func (sh *shell) device(hc interp.HandlerContext, path string, flag int) (io.ReadWriteCloser, error) {
	if flag&os.O_WRONLY == 0 {
		if f, ok := hc.Stdin.(*os.File); ok && (path == "/dev/stdin" || path == "/dev/fd/0") {
			in := sh.inputs.of(f)
			return sh.inputs.token(&stdin{source: in.source, pipe: in.pipe}), nil
		}
	} else {
		switch path {
		case "/dev/stdout", "/dev/fd/1":
			return sameWriter(hc.Stdout), nil
		case "/dev/stderr", "/dev/fd/2":
			return sameWriter(hc.Stderr), nil
		}
	}
	return nil, refuse(path, "of /dev only null, stdin, stdout, stderr and fd/0 to fd/2 are read")
}

// writerAgain is a writer under another name. Closing it closes nothing.
type writerAgain struct{ io.Writer }

func (writerAgain) Read([]byte) (int, error) { return 0, io.EOF }
func (writerAgain) Close() error             { return nil }

func sameWriter(w io.Writer) io.ReadWriteCloser { return &writerAgain{w} }

// under is a path as the target knows it. It is not cleaned: what .. means after a link the target says.
func under(dir, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(dir, "/") + "/" + path
}

// stat answers file tests and cd.
func (sh *shell) stat(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	if name == "" {
		return nil, syscall.ENOENT
	}
	got, err := sh.link.ask(ctx, wire.Ask{Op: wire.OpStat, Path: &wire.Path{Path: name, Link: !follow}})
	if err == nil && got.Info == nil {
		err = errEnded
	}
	if err != nil {
		return nil, &os.PathError{Op: "stat", Path: name, Err: number(err)}
	}
	return fileInfo{*got.Info}, nil
}

// access answers -r, -w, -x and cd: as the login, on the target.
func (sh *shell) access(ctx context.Context, path string, mode interp.AccessMode) error {
	for _, want := range []struct {
		bit  interp.AccessMode
		name string
	}{{interp.AccessRead, "r"}, {interp.AccessWrite, "w"}, {interp.AccessExec, "x"}} {
		if mode&want.bit == 0 {
			continue
		}
		if _, err := sh.link.ask(ctx, wire.Ask{Op: wire.OpAccess, Path: &wire.Path{Path: path, Want: want.name}}); err != nil {
			return number(err)
		}
	}
	return nil
}

// fileInfo is a file of the target as Go sees it.
type fileInfo struct{ wire.Info }

func (i fileInfo) Name() string       { return i.Info.Name }
func (i fileInfo) Size() int64        { return i.Info.Size }
func (i fileInfo) ModTime() time.Time { return time.Unix(i.Info.MTime, 0) }
func (i fileInfo) IsDir() bool        { return i.Mode().IsDir() }

// Sys is what package os gives: interp asks it for the owner.
func (i fileInfo) Sys() any {
	return &syscall.Stat_t{Mode: i.Info.Mode, Uid: i.UID, Gid: i.GID, Size: i.Info.Size}
}

func (i fileInfo) Mode() fs.FileMode {
	m := fs.FileMode(i.Info.Mode & 0o777)
	switch i.Info.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		m |= fs.ModeDir
	case syscall.S_IFLNK:
		m |= fs.ModeSymlink
	case syscall.S_IFIFO:
		m |= fs.ModeNamedPipe
	case syscall.S_IFSOCK:
		m |= fs.ModeSocket
	case syscall.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case syscall.S_IFBLK:
		m |= fs.ModeDevice
	}
	for bit, mode := range map[uint32]fs.FileMode{syscall.S_ISUID: fs.ModeSetuid, syscall.S_ISGID: fs.ModeSetgid, syscall.S_ISVTX: fs.ModeSticky} {
		if i.Info.Mode&bit != 0 {
			m |= mode
		}
	}
	return m
}
