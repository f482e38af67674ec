package localhost

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// ends are the ends of a command's descriptors that are the command's own.
type ends struct {
	fd     [3]*os.File
	opened []*os.File
}

func (e *ends) close() {
	for _, f := range e.opened {
		_ = f.Close()
	}
}

// descriptors makes a command's three descriptors, and keeps the other ends of them.
func (p *process) descriptors(e wire.Exec) (*ends, error) {
	own := &ends{}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	own.opened = append(own.opened, null)
	own.fd = [3]*os.File{null, null, null}
	p.stdin, p.stdout, p.stderr = nothing{}, strings.NewReader(""), strings.NewReader("")
	if e.Stdin == wire.InPipe || e.Stdin == wire.InClient {
		r, w, err := os.Pipe()
		if err != nil {
			own.close()
			return nil, err
		}
		own.fd[0], own.opened, p.stdin = r, append(own.opened, r), w
	}
	if err := p.output(own, 1, e.Stdout, &p.stdout); err != nil {
		own.close()
		return nil, err
	}
	if e.Stderr == wire.ToPair {
		own.fd[2] = own.fd[1]
		return own, nil
	}
	if err := p.output(own, 2, e.Stderr, &p.stderr); err != nil {
		own.close()
		return nil, err
	}
	return own, nil
}

func (p *process) output(own *ends, fd int, to wire.Sink, reader *io.Reader) error {
	if to == wire.ToNull {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	own.fd[fd], own.opened = w, append(own.opened, w)
	*reader, p.readers = r, append(p.readers, r)
	return nil
}

// redirect does a command's redirections in their order, as a shell does.
func (e *ends) redirect(x wire.Exec) error {
	for _, r := range x.Redirs {
		if r.FD < 0 || r.FD > 2 {
			return fmt.Errorf("%d: Bad file descriptor", r.FD)
		}
		f, err := e.open(r, x.Umask)
		if err != nil {
			return err
		}
		e.fd[r.FD] = f
	}
	return nil
}

func (e *ends) open(r policy.Redir, umask string) (*os.File, error) {
	flags := map[policy.RedirOp]int{
		policy.RedirIn: os.O_RDONLY, policy.RedirOut: os.O_WRONLY | os.O_CREATE | os.O_TRUNC, policy.RedirAppend: os.O_WRONLY | os.O_CREATE | os.O_APPEND,
	}
	switch r.Op {
	case policy.RedirDup:
		if r.To < 0 || r.To > 2 {
			return nil, fmt.Errorf("%d: Bad file descriptor", r.To)
		}
		return e.fd[r.To], nil
	case policy.RedirData:
		return e.data(r.Data)
	}
	mask := 0o022
	if umask != "" {
		if _, err := fmt.Sscanf(umask, "%o", &mask); err != nil {
			return nil, fmt.Errorf("umask %q: %w", umask, err)
		}
	}
	_, before := os.Lstat(r.Path)
	f, err := os.OpenFile(r.Path, flags[r.Op], 0o666)
	if err != nil {
		return nil, err
	}
	e.opened = append(e.opened, f)
	if before != nil && r.Op != policy.RedirIn {
		_ = f.Chmod(os.FileMode(0o666 &^ mask))
	}
	return f, nil
}

// data is a here-document: a file without a name, as it may be longer than a pipe holds.
func (e *ends) data(text string) (*os.File, error) {
	f, err := os.CreateTemp("", "localhost-here")
	if err != nil {
		return nil, err
	}
	e.opened = append(e.opened, f)
	_ = syscall.Unlink(f.Name())
	if _, err := f.WriteString(text); err != nil {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err
}

// nothing is the input of a command that has none.
type nothing struct{}

func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) Close() error                { return nil }
