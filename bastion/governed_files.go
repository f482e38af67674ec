package bastion

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target/sftp"
	"gatehouse/bastion/transfer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// maxListed is how many names of a folder a shell gets.
const maxListed = 10_000

// shellFiles are the target's files to a governed shell: each operation is decided and done as in a file transfer, over an SFTP stream
// of the session's own that is opened when the first is asked for.
type shellFiles struct {
	session *session

	mu     sync.Mutex
	files  *transfer.Session
	stream carrier
	told   int
	no     error // why there are none: what was denied once is not asked for again
	uid    int
	gid    int
	groups []int
}

// open returns the transfer, begun if it was not or has ended.
func (f *shellFiles) open(ctx context.Context) (*transfer.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files != nil {
		select {
		case <-f.files.Done():
			_ = f.files.Close() // its end is noted
			f.files = nil
		default:
			return f.files, nil
		}
	}
	if f.no != nil {
		return nil, f.no
	}
	st := f.session.step(ctx, false)
	t, known := st.conn.server.target(st.row.Target)
	d, way, err := st.decideTransfer(t, known, ask{kind: "subsystem"}, carriage{by: policy.SFTP, governed: true}, f.session.unrecorded != nil)
	if err != nil {
		return nil, f.fault(st, err)
	}
	if out := st.decided(d, asked{}); out != nil {
		way.abandon()
		f.session.say(out.text)
		f.no = &wire.Error{Kind: wire.KindDenied, Text: out.reason}
		return nil, f.no
	}
	stream, err := way.open(f.session.ctx)
	if err != nil {
		return nil, f.fault(st, err)
	}
	files, err := transfer.New(f.session.ctx, stream, transfer.Config{Session: st.id, Gate: st.conn.server.cfg.Transfers, Sent: f.session.sentFile, Received: f.session.receivedFile,
		Inspect: st.inspect, Record: f.session.recordFile, Denied: f.denied})
	if err != nil {
		return nil, f.fault(st, err)
	}
	f.files, f.stream = files, stream
	f.uid, f.gid, f.groups, err = files.Who(ctx)
	if err != nil {
		f.uid, f.gid = -1, -1 // what only the numbers tell is refused
	}
	return files, nil
}

// cross waits while the session is paused.
func (f *shellFiles) cross() (leave func(), ok bool) { return f.session.cross() }

// enter returns the transfer once the session is not paused, which it is not before leave is called.
func (f *shellFiles) enter(ctx context.Context) (files *transfer.Session, leave func(), err error) {
	leave, ok := f.cross()
	if !ok {
		return nil, nil, errMuted
	}
	if files, err = f.open(ctx); err != nil {
		leave()
		return nil, nil, err
	}
	return files, leave, nil
}

// fault is what is neither the shell's nor policy's doing.
func (f *shellFiles) fault(st *session, err error) error {
	if f.session.ctx.Err() != nil {
		return context.Cause(f.session.ctx)
	}
	if st.ctx.Err() != nil {
		return &wire.Error{Kind: wire.KindEnded, Text: "it was called off"}
	}
	out := st.transferFailed(err)
	f.session.say(out.text)
	return &wire.Error{Kind: wire.KindFault, Text: out.reason}
}

// denied tells the client of a file that it may not have. That it would come by SFTP is nothing that the text said.
func (f *shellFiles) denied(in protocol.File, a protocol.FileAnswer) {
	if reason, carried := strings.CutSuffix(a.Reason, " by "+strconv.Quote(string(policy.SFTP))); carried {
		a.Reason = reason + "; it must be in files"
	}
	f.mu.Lock()
	f.told++
	told := f.told
	f.mu.Unlock()
	if told <= maxDenialLines {
		f.session.tellDenied(in, a, told == maxDenialLines)
	}
}

// tellAnew has the next line's denials told, however many were before it.
func (f *shellFiles) tellAnew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = 0
}

// failed is what a shell makes of a file's error.
func (f *shellFiles) failed(err error) error {
	status, text, ok := transfer.Refusal(err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return f.fault(f.session.step(f.session.ctx, false), err)
	case status == sftp.StatusNoFile:
		return &wire.Error{Kind: wire.KindErrno, Errno: "ENOENT", Text: text}
	case status == sftp.StatusDenied:
		return &wire.Error{Kind: wire.KindDenied, Errno: "EACCES", Text: text}
	}
	return &wire.Error{Kind: wire.KindErrno, Errno: "EIO", Text: text}
}

// Open opens a file.
func (f *shellFiles) Open(ctx context.Context, o wire.Open) (governed.File, error) {
	files, leave, err := f.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	flags := map[string]uint32{"read": sftp.OpenRead, "write": sftp.OpenWrite | sftp.OpenCreate | sftp.OpenTrunc, "append": sftp.OpenWrite | sftp.OpenCreate | sftp.OpenAppend,
		"new": sftp.OpenWrite | sftp.OpenCreate | sftp.OpenExcl}[o.Mode]
	d, err := files.Open(ctx, path.Clean(o.Path), flags, o.Perm)
	if err != nil {
		return nil, f.failed(err)
	}
	return &shellFile{ctx, f, d}, nil
}

// shellFile is an open file.
type shellFile struct {
	ctx   context.Context
	files *shellFiles
	d     *transfer.Direct
}

func (s *shellFile) Read(b []byte) (int, error) {
	leave, ok := s.files.cross()
	if !ok {
		return 0, errMuted
	}
	defer leave()
	n, err := s.d.Read(s.ctx, b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.files.failed(err)
	}
	return n, err
}

func (s *shellFile) Write(b []byte) (int, error) {
	leave, ok := s.files.cross()
	if !ok {
		return 0, errMuted
	}
	defer leave()
	n, err := s.d.Write(s.ctx, b)
	return n, s.files.failed(err)
}

func (s *shellFile) Close() error {
	return s.files.failed(s.d.Close(context.WithoutCancel(s.ctx)))
}

// Stat is what is at a path.
func (f *shellFiles) Stat(ctx context.Context, p wire.Path) (wire.Info, error) {
	files, leave, err := f.enter(ctx)
	if err != nil {
		return wire.Info{}, err
	}
	defer leave()
	a, err := files.Stat(ctx, path.Clean(p.Path), !p.Link)
	return infoOf(path.Base(p.Path), a), f.failed(err)
}

// List is what of a folder may be shown.
func (f *shellFiles) List(ctx context.Context, p wire.Path) ([]wire.Info, error) {
	files, leave, err := f.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	entries, err := files.List(ctx, path.Clean(p.Path), maxListed)
	if err != nil {
		return nil, f.failed(err)
	}
	out := make([]wire.Info, len(entries))
	for i, e := range entries {
		out[i] = infoOf(e.Name, e.Attrs)
	}
	return out, nil
}

func infoOf(name string, a sftp.Attrs) wire.Info {
	return wire.Info{Name: name, Mode: a.Mode, Size: int64(min(a.Size, 1<<62)), MTime: int64(a.Mtime), UID: a.UID, GID: a.GID}
}

// Access says whether the login may read, write or search something, by its numbers.
func (f *shellFiles) Access(ctx context.Context, p wire.Path) error {
	info, err := f.Stat(ctx, p)
	if err != nil {
		return err
	}
	f.mu.Lock()
	uid, gid, groups := f.uid, f.gid, f.groups
	f.mu.Unlock()
	if uid < 0 || gid < 0 {
		return &wire.Error{Kind: wire.KindFault, Text: "the target does not say who the login is, so its permissions are not known"}
	}
	bit, known := map[string]uint32{"r": 4, "w": 2, "x": 1}[p.Want]
	if !known {
		return &wire.Error{Kind: wire.KindAsked, Text: "no access that there is"}
	}
	shift := 0
	switch {
	case uid == 0:
		if p.Want != "x" || info.Mode&0o170000 == 0o040000 || info.Mode&0o111 != 0 {
			return nil
		}
	case info.UID == uint32(uid):
		shift = 6
	case info.GID == uint32(gid), slices.Contains(groups, int(info.GID)):
		shift = 3
	}
	if info.Mode>>shift&bit != 0 {
		return nil
	}
	return &wire.Error{Kind: wire.KindErrno, Errno: "EACCES", Text: "Permission denied"}
}

// Home is that of the login: those of others are nobody's business.
func (f *shellFiles) Home(_ context.Context, user string) (string, error) {
	if user == "" || user == f.session.row.Login {
		return f.session.question.Facts.Home, nil
	}
	return "", &wire.Error{Kind: wire.KindErrno, Errno: "ENOENT", Text: "whose home this is is not known: write the path in full"}
}

// endFiles ends the transfer, if there is one.
func (f *shellFiles) endFiles() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files != nil {
		if err := f.files.Close(); err != nil {
			f.session.log.Warn("end a shell's files", "error", err)
		}
		f.files = nil
	}
}
