package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"gatehouse/bastion/target"
	"gatehouse/bastion/target/local"
	"gatehouse/bastion/target/sftp"
	"gatehouse/bastion/transfer"
	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// Transfers decides about files; protocol.Door.
type Transfers interface {
	transfer.Gate
	Transfer(ctx context.Context, in protocol.Transfer) (protocol.Decided, error)
}

// maxDenialLines is how many denials of one transfer are told on the client's standard error; all of them have a status.
const maxDenialLines = 10

// carriage is a transfer that a client asks for.
type carriage struct {
	by  policy.Carrier
	scp *transfer.SCP // of the old protocol; nil: SFTP
	why string        // why it is refused as it is

	governed bool // it is for the files of a governed shell
}

// carries says whether a request is a transfer: the subsystem sftp, or the far end of an scp.
func (s *session) carries(a ask) (carriage, bool) {
	c := carriage{by: "sftp"}
	switch {
	case a.kind == "subsystem" && a.text == "sftp":
	case a.kind == "exec":
		scp, err := transfer.ParseSCP(policy.Login(s.row.Login), a.text)
		if errors.Is(err, transfer.ErrNotSCP) {
			return c, false
		}
		c.by, c.scp = "scp", scp
		if err != nil {
			c.why = err.Error()
		}
	default:
		return c, false
	}
	if s.pty != nil {
		c.why = "files are not carried on a terminal; leave out the -t"
	}
	return c, true
}

// carryFiles is the way of one transfer, as run is that of one command.
// nil says that the line is a command after all: for a shell on the target that a role records.
func (s *session) carryFiles(a ask, c carriage) *outcome {
	s.files = true
	if c.scp == nil {
		s.row.Command = "sftp"
	}
	// 1. The evidence is open before anything is decided or asked of a target.
	unrecorded := s.openOnce(event(map[string]any{"what": a.what(), "line": cutText(a.text, maxRefusedLine), "by": c.by, "env": s.env}))
	if c.why != "" {
		out := s.refuse(a, answer.Denial{Code: string(policy.CodeBadArgument), Why: c.why})
		return &out
	}
	// 2. The decision, and with it what opens the target.
	t, known := s.conn.server.target(s.row.Target)
	d, way, err := s.decideTransfer(t, known, a, c, unrecorded != nil)
	if err != nil {
		out := s.explain(err)
		return &out
	}
	if d.Command {
		way.abandon()
		s.files = false
		return nil
	}
	out := s.noteDecision(d, t, asked{})
	if out == nil {
		out = s.decided(d, asked{})
	}
	if out != nil {
		way.abandon()
		return out
	}
	// 3. SFTP with the target.
	stream, err := way.open(s.ctx)
	if err != nil {
		out := s.explain(err)
		return &out
	}
	s.watch = s.oblige(d.Decision.Obligations)
	defer s.watch.stop()
	// 4. The files, until the client has done, or something else ends the session.
	served := s.serveTransfer(c, d, stream)
	return &served
}

// openOnce opens the evidence, unless it is open, and returns why there is none.
func (s *session) openOnce(asked []byte) *evidenceError {
	if s.recording == nil {
		if err := s.openEvidence(asked); err != nil {
			s.unrecorded = &evidenceError{err}
		}
	}
	return s.unrecorded
}

// waying is how a decided transfer reaches the target, or how what was begun for it is let go of.
type waying struct {
	open    func(ctx context.Context) (carrier, error)
	abandon func()
}

// carrier is a target's SFTP server. Ended says, after Close, whether it is known to have ended.
type carrier interface {
	io.ReadWriteCloser
	Ended() bool
}

// decideTransfer asks the decider, with a fresh key for a connection of the transfer's own.
func (s *session) decideTransfer(t protocol.Target, known bool, a ask, c carriage, unrecorded bool) (protocol.Decided, waying, error) {
	way := waying{abandon: func() {}}
	req := protocol.Transfer{Connection: s.conn.id, Session: s.id, Target: s.row.Target, Login: s.row.Login, By: c.by, Env: s.env, Unrecorded: unrecorded, Governed: c.governed}
	if c.scp != nil {
		req.Line = cutText(a.text, maxRefusedLine)
	}
	if !known || t.Local {
		d, err := s.conn.server.cfg.Transfers.Transfer(s.ctx, req)
		way.open = func(ctx context.Context) (carrier, error) { return s.carryLocal(ctx, d) }
		return d, way, err
	}
	key := poolKey{target: t.Name, login: s.row.Login}
	pending, err := s.pendingFor(t, key)
	if err != nil {
		return protocol.Decided{}, way, err
	}
	req.PublicKey = pending.PublicKey().Marshal()
	d, err := s.conn.server.cfg.Transfers.Transfer(s.ctx, req)
	if err != nil {
		pending.Close()
		return d, way, err
	}
	way.abandon = func() { s.conn.keepAhead(key, pending) }
	way.open = func(ctx context.Context) (carrier, error) { return carryRemote(ctx, pending, d) }
	return d, way, nil
}

// carryRemote authenticates with the decision's certificate, which is pinned to the target's SFTP server.
func carryRemote(ctx context.Context, pending *target.Pending, d protocol.Decided) (carrier, error) {
	cert, err := ca.ParseCertificate(d.Certificate)
	if err != nil {
		pending.Close()
		return nil, fmt.Errorf("target certificate: %w", err)
	}
	conn, err := pending.Authenticate(ctx, cert)
	if err != nil {
		return nil, err
	}
	return conn.Carry(ctx)
}

// carryLocal has this machine's SFTP server started as the login's user.
func (s *session) carryLocal(ctx context.Context, d protocol.Decided) (carrier, error) {
	proc, err := s.conn.server.cfg.Local.Start(ctx, d.Permit, nil)
	if err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, proc.Stderr()) }()
	return &localCarrier{Reader: proc.Stdout(), Writer: proc.Stdin(), proc: proc}, nil
}

// localCarrier is this machine's SFTP server.
type localCarrier struct {
	io.Reader
	io.Writer
	proc  *local.Process
	clean bool
}

func (c *localCarrier) Close() error {
	var err error
	c.clean, err = c.proc.End(context.Background())
	return err
}

// Ended reports whether nothing of it is left.
func (c *localCarrier) Ended() bool { return c.clean }

// serveTransfer serves the client until one side has done.
func (s *session) serveTransfer(c carriage, d protocol.Decided, stream carrier) outcome {
	told := 0
	t, err := transfer.New(s.ctx, stream, transfer.Config{Session: s.id, Gate: s.conn.server.cfg.Transfers, Sent: s.sentFile, Received: s.receivedFile, Inspect: s.inspect,
		Record: s.recordFile,
		Denied: func(in protocol.File, a protocol.FileAnswer) {
			if told++; told <= maxDenialLines {
				s.tellDenied(in, a, told == maxDenialLines)
			}
		}})
	if err != nil {
		return s.transferFailed(err)
	}
	served := make(chan error, 1)
	status := 0
	s.input.Go(func() {
		served <- s.stream("a transfer", func() (err error) {
			if c.scp != nil {
				status, err = t.ServeSCP(s.ctx, *c.scp, crossing{s}, toClient{s})
				return err
			}
			return t.ServeSFTP(s.ctx, crossing{s}, toClient{s})
		})
	})
	select {
	case err = <-served:
	case <-t.Done():
		err = t.Err()
	case <-s.ctx.Done():
		err = context.Cause(s.ctx)
	case <-s.recording.Failed():
		err = &evidenceError{s.recording.Err()}
	}
	var fault *sftp.Fault
	if errors.As(err, &fault) {
		err = s.conn.faulted("a transfer", fault)
	}
	err = errors.Join(err, t.Close())
	remote := remoteWord(stream.Ended())
	if err != nil {
		out := s.transferFailed(err)
		out.remote = remote
		return out
	}
	return outcome{state: store.Ended, exit: &target.Exit{Known: true, Status: status}}
}

// toClient writes to the client's channel, unless the session was killed.
type toClient struct{ *session }

func (w toClient) Write(b []byte) (int, error) {
	if err := w.write(w.channel, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// recordFile keeps an operation on a file.
func (s *session) recordFile(b []byte) error { return s.recording.Write(recorder.File, b) }

// sentFile and receivedFile count content before it passes.
func (s *session) sentFile(n int) bool {
	s.recording.Passed(recorder.Output, n)
	return s.watch.sent(n)
}

func (s *session) receivedFile(n int) bool {
	s.recording.Passed(recorder.Input, n)
	return s.watch.received(n)
}

// tellDenied renders the denial contract for one file.
func (s *session) tellDenied(in protocol.File, a protocol.FileAnswer, last bool) {
	denial := answer.Denial{Code: string(a.Code), DenialID: a.ID, Session: s.id, Target: s.row.Target, Why: a.Reason, Allowed: a.Nearest, PolicyHash: a.PolicyHash, DenialsLeft: a.DenialsLeft,
		FailedAt: &answer.FailedAt{Token: answer.Visible(path.Clean(string(in.Asked)))}}
	text := denial.Lines()
	if last {
		text += "gatehouse: further denials of files are not shown here\n"
	}
	s.say(text) // a client that is gone is noticed where its data goes
}

// transferFailed is the outcome of a transfer that did not end by itself.
func (s *session) transferFailed(err error) outcome {
	var stop *ended
	name := s.row.Target
	switch {
	case errors.As(context.Cause(s.ctx), &stop), s.ctx.Err() != nil:
		return s.cutShort(err, "")
	case errors.Is(err, transfer.ErrRecord):
		return s.fault(answer.FaultEvidence, "the recording cannot be written, so the session ends", err)
	case errors.Is(err, transfer.ErrNoProc):
		return s.fault(answer.FaultTargetRefused, name+" does not show in /proc which files its SFTP server has open, without which nothing is carried", err)
	case errors.Is(err, transfer.ErrGone):
		return outcome{state: store.Ended, reason: errClientGone.Error(), exit: &target.Exit{Known: true, Status: 1}} // it may still listen
	case errors.Is(err, transfer.ErrClient):
		return outcome{state: store.Ended, reason: err.Error(), text: "gatehouse: " + answer.Visible(err.Error()) + "\n", exit: &target.Exit{Known: true, Status: 1}}
	}
	var evidence *evidenceError
	var own *protocol.Error
	if errors.As(err, &evidence) || errors.As(err, &own) {
		return s.explain(err)
	}
	return s.fault(answer.FaultTargetUnreachable, "the file transfer with "+name+" broke off", err)
}

// inspect says why content may not pass.
func (s *session) inspect(hold *policy.Hold, content []byte) string {
	return transfer.Inspect(s.conn.server.cfg.Secrets, hold, content)
}
