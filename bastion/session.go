package bastion

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// evidenceTime bounds how long the end of something may wait for the disk and the decider.
const evidenceTime = 10 * time.Second

// process is a running command, on a target or here.
type process interface {
	Stdout() io.Reader
	Stderr() io.Reader
	Stdin() io.WriteCloser
	Resize(cols, rows, width, height uint32) error
	Signal(name string) error
	Exited() <-chan struct{}
	Exit() target.Exit
	Close() error
}

// session is one session channel.
type session struct {
	// Immutable.
	id      string
	conn    *conn
	channel ssh.Channel
	ctx     context.Context
	cancel  context.CancelCauseFunc
	log     hclog.Logger
	started time.Time

	forward *forward // of one that is no session channel but a forward; nil
	shell   *session // of a command of a governed shell: that shell's session; nil
	part    string   // of such a command: where it stands, for who decides about it

	// Owned by the request loop until something runs, then read only.
	env       []policy.EnvVar
	envBytes  int
	pty       *target.PTY
	wait      *int64 // seconds that the client wants to wait for people; nil: it did not say
	waitWrong string // why what it said is no number of seconds

	size *wire.Size // of the terminal, once it has changed; mu

	jsonPrompt bool // the prompt of a governed shell is for a program

	// Owned by run.
	row        store.Session
	recording  *recorder.Recording
	unrecorded *evidenceError // why there is no recording
	files      bool           // it carries files: there is no command
	lenient    bool           // policy lets it go on without its recording
	watch      *obligations
	question   protocol.Decide // the newest, with what was found on the target for it
	awaits     string          // the request that it waits for, or has waited for
	typed      *typed          // a terminal's input, once it has waited
	held       []byte          // the client's input, where the rule wants a certain one
	own        io.Reader       // of a command of a governed shell: what that is read from
	input      sync.WaitGroup  // the client's bytes on their way; ends with the channel

	done chan struct{} // closed when the session's evidence is complete; remote is set before

	mu      sync.Mutex
	proc    process             // nil until the command runs
	rec     *recorder.Recording // nil until it is open
	remote  string
	telling chan struct{} // since it was ended by somebody: closed when the client has been told why
	enough  chan struct{} // while it waits for people: takes the client's word that it does not
	closed  time.Time     // when a kill closed the client's channel
	swept   swept         // what ended what it left running
	residue *protocol.Residue
	gate    gate         // what its bytes go through
	looks   atomic.Value // policy.After: when its target is looked at for what it left

	pauseEnds *time.Timer

	muted   atomic.Bool // a kill has happened: no byte passes any more
	told    atomic.Bool // that the door drains
	midLine atomic.Bool // the last byte of its stderr was no newline
	writing sync.Mutex  // held around every write to the client
}

// handleSession serves one session channel.
func (s *Server) handleSession(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, gctx gliderssh.Context) {
	c := connOf(gctx)
	if why := c.openSession(); why != "" {
		_ = ch.Reject(ssh.ResourceShortage, "gatehouse: "+why)
		return
	}
	channel, requests, err := ch.Accept()
	if err != nil {
		c.closeChannel()
		return
	}
	ses := &session{id: id.New(id.Session, s.cfg.Now()), conn: c, channel: channel, started: s.cfg.Now().UTC(), done: make(chan struct{})}
	ses.ctx, ses.cancel = context.WithCancelCause(c.ctx)
	ses.log = c.log.With("session_id", ses.id)
	defer c.closeChannel()
	ses.serve(requests)
}

// serve handles the channel's requests until the client closes it; the one command that it may ask for runs beside.
func (s *session) serve(requests <-chan *ssh.Request) {
	var work sync.WaitGroup
	defer work.Wait()
	defer s.cancel(errClientGone)
	begun, n := false, 0
	for req := range requests {
		if n++; !s.conn.spendOn(n) {
			reply(req, false)
			continue
		}
		switch req.Type {
		case "exec", "shell", "subsystem":
			ask, ok := parseAsk(req)
			if !ok || begun {
				reply(req, false)
				continue
			}
			begun = true
			reply(req, true)
			work.Go(func() {
				defer s.conn.isolate("a session")
				s.run(ask)
			})
		default:
			reply(req, s.handleRequest(req, begun))
		}
	}
	if !begun {
		_ = s.channel.Close()
	}
}

func reply(req *ssh.Request, ok bool) {
	if req.WantReply {
		_ = req.Reply(ok, nil) // a client that is gone is fine
	}
}

// ask is what the client wants of the channel.
type ask struct {
	kind string // "exec", "shell", "subsystem"
	text string // the line or the subsystem's name
}

// what names it for answers and the log.
func (a ask) what() string {
	switch a.kind {
	case "subsystem":
		return "subsystem " + strconv.Quote(cutText(a.text, 64))
	case "shell":
		return "shell"
	}
	return "exec"
}

// parseAsk decodes the payload strictly: what does not parse is refused, never turned into a shell.
func parseAsk(req *ssh.Request) (ask, bool) {
	if req.Type == "shell" {
		return ask{kind: "shell"}, len(req.Payload) == 0
	}
	var m struct{ Text string }
	if err := ssh.Unmarshal(req.Payload, &m); err != nil {
		return ask{}, false
	}
	return ask{kind: req.Type, text: m.Text}, true
}

// handleRequest handles everything that does not start a command, and says whether it was accepted.
func (s *session) handleRequest(req *ssh.Request, begun bool) bool {
	switch req.Type {
	case "env":
		return !begun && s.addEnv(req.Payload)
	case "pty-req":
		return !begun && !s.conn.renewOnly && s.setPTY(req.Payload)
	case "window-change":
		return !s.gate.isShut() && s.resize(req.Payload)
	case "signal":
		return !s.gate.isShut() && s.signal(req.Payload)
	case "x11-req", "auth-agent-req@openssh.com":
		why := noX11
		if req.Type != "x11-req" {
			why = noAgent
		}
		s.conn.hint(why)
		s.conn.note(protocol.Refuse{Connection: s.conn.id, Session: s.id, What: req.Type, Code: "not_allowed", Why: why})
	}
	return false
}

// addEnv keeps a variable for the decision; RFC 4254 section 6.4.
func (s *session) addEnv(payload []byte) bool {
	var m struct{ Name, Value string }
	if ssh.Unmarshal(payload, &m) != nil || m.Name == "" {
		return false
	}
	if m.Name == promptVariable {
		s.jsonPrompt = m.Value == "json"
		return true
	}
	if m.Name == waitVariable {
		s.setWait(m.Value)
		return true
	}
	if l := s.conn.limits(); len(s.env) >= l.EnvCount || s.envBytes+len(payload) > l.EnvBytes || len(m.Name) > l.EnvName || len(m.Value) > l.EnvValue {
		s.conn.server.met(s.log, limitEnv)
		return false
	}
	s.env = append(s.env, policy.EnvVar{Name: m.Name, Value: m.Value})
	s.envBytes += len(payload)
	return true
}

// setPTY keeps the terminal for the decision; RFC 4254 section 6.2.
func (s *session) setPTY(payload []byte) bool {
	var m struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	if ssh.Unmarshal(payload, &m) != nil || s.pty != nil || len(m.Term) > 64 || len(m.Modes) > 1024 || strings.ContainsFunc(m.Term, notTermName) {
		return false
	}
	cols, rows := clampSize(m.Cols, 80), clampSize(m.Rows, 24)
	s.pty = &target.PTY{Term: m.Term, Cols: cols, Rows: rows, Width: m.Width, Height: m.Height, Modes: m.Modes}
	return true
}

func notTermName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._+", r)
}

// clampSize keeps a terminal's dimension at 9999 at most. 0 says nothing of it (RFC 4254 section 6.2), as from clients without a terminal of
// their own: then it is what it was.
func clampSize(n, was uint32) uint32 {
	if n == 0 {
		return was
	}
	return min(n, 9999)
}

// resize passes a new window size on; RFC 4254 section 6.7.
func (s *session) resize(payload []byte) bool {
	var m struct{ Cols, Rows, Width, Height uint32 }
	proc, rec := s.running()
	if ssh.Unmarshal(payload, &m) != nil || proc == nil || s.pty == nil {
		return false
	}
	was := s.currentPTY()
	m.Cols, m.Rows = clampSize(m.Cols, was.Cols), clampSize(m.Rows, was.Rows)
	s.mu.Lock()
	s.size = &wire.Size{Cols: m.Cols, Rows: m.Rows}
	s.mu.Unlock()
	if rec.Write(recorder.Resize, event(map[string]any{"cols": m.Cols, "rows": m.Rows})) != nil {
		return false
	}
	return proc.Resize(m.Cols, m.Rows, m.Width, m.Height) == nil
}

// signal passes a signal on; RFC 4254 section 6.9.
func (s *session) signal(payload []byte) bool {
	var m struct{ Name string }
	proc, rec := s.running()
	if ssh.Unmarshal(payload, &m) == nil && proc == nil {
		return s.interrupt()
	}
	if ssh.Unmarshal(payload, &m) != nil || proc == nil || len(m.Name) > 16 || strings.Trim(m.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ12") != "" {
		return false
	}
	if rec.Write(recorder.Signal, event(map[string]any{"signal": m.Name})) != nil {
		return false
	}
	return proc.Signal(m.Name) == nil
}

func (s *session) running() (process, *recorder.Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc, s.rec
}

// event encodes a recording event's JSON.
func event(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{}`) // the callers' values hold only strings and numbers
	}
	return b
}
