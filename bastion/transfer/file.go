package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// file is a file that is open on the target and was verified.
type file struct {
	opened
	path   string
	asked  string
	read   *protocol.FileAnswer // nil: not for reading
	write  *protocol.FileAnswer
	append bool
	fresh  bool // it was empty when it was opened for writing

	mu     sync.Mutex
	size   int64 // when it was opened
	in     flow  // to the target
	out    flow  // to the client
	ended  bool  // the client read up to its end
	failed bool  // a write did not succeed
	held   *held // rules on its content keep it back
	noted  bool  // its end is in recording and log

	refused *refusal // why a write was not handed on; of the goroutine that serves
}

// open opens a file as the client asks, verified.
func (s *Session) open(ctx context.Context, name string, flags uint32, a sftp.Attrs) (*file, error) {
	reads, writes := flags&sftp.OpenRead != 0, flags&sftp.OpenWrite != 0
	if !reads && !writes || flags&^uint32(63) != 0 {
		return nil, refuse(sftp.StatusBadMessage, "the flags of the open are none")
	}
	if err := soundMode(a, 0o777); err != nil && flags&sftp.OpenCreate != 0 {
		return nil, err
	}
	p, err := s.resolve(ctx, name, flags&(sftp.OpenExcl|sftp.OpenCreate) != sftp.OpenExcl|sftp.OpenCreate)
	if err != nil {
		return nil, err
	}
	f := &file{path: p.Real, asked: p.asked, append: flags&sftp.OpenAppend != 0, in: flow{all: &s.late}, out: flow{all: &s.late}}
	var in protocol.File
	if reads {
		if in, f.read, err = s.grant(ctx, policy.OpRead, p); err != nil {
			return nil, err
		}
	}
	if writes {
		if in, f.write, err = s.grant(ctx, policy.OpWrite, p); err != nil {
			return nil, err
		}
	}
	switch {
	case p.Exists && flags&sftp.OpenCreate != 0 && flags&sftp.OpenExcl != 0:
		err = refuse(sftp.StatusFailure, "it exists")
	case !p.Exists && flags&sftp.OpenCreate == 0:
		err = refuse(sftp.StatusNoFile, "no such file")
	case !verifiable(p.Real):
		err = refuse(sftp.StatusFailure, "a name that ends in %q cannot be verified", deleted)
	default:
		err = s.openHeld(ctx, f, p, in, flags, a)
	}
	if err != nil {
		return nil, s.notOpened(ctx, f, in, err)
	}
	return f, s.opened(in, f)
}

// openHeld opens a file, or holds its content back where policy wants it looked at.
func (s *Session) openHeld(ctx context.Context, f *file, p place, in protocol.File, flags uint32, a sftp.Attrs) error {
	if most, ok := holds(f.write); ok {
		return s.holdUpload(f, p, in, flags, a, most)
	}
	if _, ok := holds(f.read); ok && f.write != nil {
		return errNotWhole // what was looked at is not what is written
	}
	if err := s.openAt(ctx, f, p, in, flags, a); err != nil {
		return err
	}
	if most, ok := holds(f.read); ok {
		if err := s.holdDownload(ctx, f, in, most); err != nil {
			s.letGo(f)
			return errors.Join(err, s.fds.shut(ctx, f.opened))
		}
	}
	return nil
}

// notOpened notes that what was allowed was not opened.
func (s *Session) notOpened(ctx context.Context, f *file, in protocol.File, err error) error {
	r, ok := asRefusal(err)
	if !ok {
		return err
	}
	err = s.did(in, f.decision(), err)
	for direction, a := range map[policy.Direction]*protocol.FileAnswer{policy.FileRead: f.read, policy.FileWrite: f.write} {
		if a == nil {
			continue
		}
		end := protocol.FileEnd{Session: s.cfg.Session, ID: a.ID, Path: []byte(f.path), Direction: string(direction), Result: "none", Why: r.text}
		if gerr := s.cfg.Gate.FileEnd(ctx, end); gerr != nil {
			err = s.fail(fmt.Errorf("note what was not opened: %w", gerr))
		}
	}
	return err
}

// decision is the one by which the file is open; of two, the one to write.
func (f *file) decision() protocol.FileAnswer {
	if f.write != nil {
		return *f.write
	}
	return *f.read
}

// grant asks for one direction of an open.
func (s *Session) grant(ctx context.Context, op policy.FileOp, p place) (protocol.File, *protocol.FileAnswer, error) {
	in := s.ask(op, p)
	if op == policy.OpWrite {
		in.Size = 0
	}
	a, err := s.decide(ctx, in)
	return in, &a, err
}
