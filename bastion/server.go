// Package bastion is the SSH front door: it accepts connections, turns a certificate into an identity, routes, and carries
// one command from the client to its target and back, with everything recorded.
//
// It trusts the decider for every decision and the recorder for every byte; from clients and targets it trusts nothing. It
// holds no CA key: without an allowing decision there is no certificate, and without an open recording nothing is asked of a
// target (invariants 1, 3, 4, 7, 8).
package bastion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/endpoint"
	shells "gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target"
	"gatehouse/bastion/target/local"
	"gatehouse/bastion/target/look"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/prompt"
	"gatehouse/internal/store"
	"gatehouse/policy/access"
	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// Gate decides. Its errors are *protocol.Error for the decider's own refusals; both audit before they answer.
type Gate interface {
	Authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error)
	Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error)
	Forward(ctx context.Context, in protocol.Forward) (protocol.Forwarded, error)
	Renew(ctx context.Context, in protocol.Renew) (protocol.Enrolled, error)
	Preview(ctx context.Context, request string, found access.Preview) error // of a command that waits
}

// Evidence takes what must be in the audit log; it is durable when a method returns nil.
type Evidence interface {
	Refuse(ctx context.Context, in protocol.Refuse) error
	End(ctx context.Context, in protocol.End) error
	CloseConnection(ctx context.Context, in protocol.Close) error
}

// Certifier makes the certificates that need no decision: the door's faces, and sweeps. It is told what certificates targets show.
type Certifier interface {
	Face(ctx context.Context, in protocol.Face) (protocol.FaceAnswer, error)
	Sweep(ctx context.Context, in protocol.Sweep) (protocol.SweepAnswer, error)
	HostSeen(ctx context.Context, in protocol.HostSeen) error
}

// Recorder opens recordings, forgets those whose end is on record, and reads them again; *recorder.Recorder.
type Recorder interface {
	Open(ctx context.Context, h recorder.Header) (*recorder.Recording, error)
	Settle(session string) error
	Read(session string) (*recorder.Reader, error)
}

// Starter runs local commands; *local.Client.
type Starter interface {
	Start(ctx context.Context, permit []byte, pty *target.PTY) (*local.Process, error)
	// Sweep kills what is left of a session on this machine and reports whether nothing is.
	Sweep(ctx context.Context, session string) (clean bool, err error)
}

// Console runs the verbs; *console.Console.
type Console interface {
	Run(ctx context.Context, who console.Credential, args []string, std console.Streams) int
}

// Lines keeps what was typed at prompts, for the next prompt of the same identity, owner, target and login; *store.SQLite.
type Lines interface {
	PutLines(ctx context.Context, session store.Session, lines []string) error
	Lines(ctx context.Context, session store.Session) ([]string, error)
}

// Config is what a Server needs. All fields but Now, Limits, Secrets, Shells, Lines, Dialer and Dialled are required.
type Config struct {
	Gate      Gate
	Transfers Transfers
	Secrets   *secret.Detector // looks at contents that policy holds back; nil: one without values of its own
	Evidence  Evidence
	Certifier Certifier
	Recorder  Recorder
	Sessions  store.Sessions
	Lines     Lines // nil: a prompt knows no lines of earlier ones
	Local     Starter
	Shells    *shells.Client // processes of governed shells; nil: there are none to be had
	Trust     protocol.Trust // until SetTrust
	HostKey   ssh.Signer     // the door's own
	Targets   []protocol.Target
	Limits    Limits
	Dialer    endpoint.Dialer // of forwards; the zero value is the network's
	Now       func() time.Time
	Log       hclog.Logger

	// Dialled is told of each step towards a target, "dial" and "auth", how long it took and how it ended; nil: nobody.
	Dialled func(step string, took time.Duration, err error)
}

// Validate says what is missing.
func (c Config) Validate() error {
	for name, missing := range map[string]bool{
		"Gate": c.Gate == nil, "Transfers": c.Transfers == nil, "Evidence": c.Evidence == nil, "Certifier": c.Certifier == nil, "Recorder": c.Recorder == nil, "Local": c.Local == nil, "Sessions": c.Sessions == nil,
		"Trust": len(c.Trust.AgentCAs) == 0, "HostKey": c.HostKey == nil, "Log": c.Log == nil,
	} {
		if missing {
			return fmt.Errorf("bastion: Config.%s is missing", name)
		}
	}
	return nil
}

// Server is the front door. It is also the console's Killer.
type Server struct {
	cfg     Config
	glider  *gliderssh.Server
	trust   *trust
	faces   *faces
	limits  *limiter
	numbers *numbers
	quiet   quiet
	ahead   *aheads
	looks   *look.Cache
	watches *watches
	console Console // set before Serve

	mu        sync.Mutex
	inventory map[string]protocol.Target
	aliases   map[string]string // other names, and whose they are
	conns     map[string]*conn
	sessions  map[string]*session
	draining  bool   // nothing new may begin
	farewell  string // what sessions are told then
	closing   bool

	work sync.WaitGroup // connections
}

var _ console.Killer = (*Server)(nil)

// New prepares a server. The console, which needs the server as its Killer, is set by SetConsole before Serve.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := libraryFits(); err != nil {
		return nil, err
	}
	limits, err := newLimiter(cfg.Limits, cfg.Now)
	if err != nil {
		return nil, err
	}
	if cfg.Secrets == nil {
		if cfg.Secrets, err = secret.New(secret.Config{}); err != nil {
			return nil, err
		}
	}
	s := &Server{cfg: cfg, limits: limits, numbers: newNumbers(limits), ahead: newAheads(), looks: look.NewCache(cfg.Now), watches: newWatches(), conns: map[string]*conn{}, sessions: map[string]*session{}}
	s.SetTargets(cfg.Targets)
	s.faces = newFaces(cfg.Certifier, cfg.HostKey, cfg.Now)
	if s.trust, err = newTrust(cfg.Trust, cfg.Now); err != nil {
		return nil, err
	}
	s.glider = &gliderssh.Server{
		Version:              "Gatehouse",
		ServerConfigCallback: s.serverConfig,
		PublicKeyHandler:     s.offered,
		ConnCallback:         attach,
		ChannelHandlers: map[string]gliderssh.ChannelHandler{
			"session":      s.handleSession,
			"direct-tcpip": s.handleDirect,
			"default":      s.refuseChannel,

			"direct-streamlocal@openssh.com": s.handleSocket,
		},
		RequestHandlers: map[string]gliderssh.RequestHandler{"default": s.globalRequest},
	}
	s.armour()
	return s, nil
}

// SetConsole gives the server its console.
func (s *Server) SetConsole(c Console) { s.console = c }

// SetTargets replaces the inventory; connections that are open keep what they have.
func (s *Server) SetTargets(targets []protocol.Target) {
	inventory, aliases := make(map[string]protocol.Target, len(targets)), map[string]string{}
	for _, t := range targets {
		inventory[t.Name] = t
		for _, alias := range t.Aliases {
			aliases[alias] = t.Name
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, was := range s.inventory {
		if t, ok := inventory[name]; !ok || t.Address != was.Address || !bytes.Equal(t.HostKey, was.HostKey) || !slices.Equal(t.Path, was.Path) {
			s.looks.Forget(name) // what was found there need not be true of what has the name now
		}
		if t := inventory[name]; !slices.Equal(t.Aliases, was.Aliases) {
			s.faces.forget(name) // the face has them as well
		}
	}
	s.inventory, s.aliases = inventory, aliases
}

func (s *Server) target(name string) (protocol.Target, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.inventory[name]
	return t, ok
}

// Serve accepts connections until the listener is closed.
func (s *Server) Serve(l net.Listener) error {
	for {
		raw, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.cfg.Log.Warn("accept", "error", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: let some go
			continue
		}
		place, over := s.limits.admit(raw.RemoteAddr())
		if over != "" {
			s.met(s.cfg.Log, over, "source", sourceOf(raw.RemoteAddr()).String())
			_ = raw.Close()
			continue
		}
		s.work.Go(func() { s.handle(newConn(s, prompt.Conn(raw), nil, "", place)) })
	}
}

// shake is a connection's handshake and everything on it.
func (s *Server) shake(c *conn) {
	defer c.isolate("a handshake")
	func() {
		defer c.drain()
		s.glider.HandleConn(c)
	}()
	c.judge()
}

// handle is a connection's whole life: handshake, channels, teardown.
func (s *Server) handle(c *conn) {
	s.mu.Lock()
	refuse := s.closing || s.draining
	if !refuse {
		s.conns[c.id] = c
	}
	s.mu.Unlock()
	if !refuse {
		s.shake(c)
	}
	c.finish()
	s.mu.Lock()
	delete(s.conns, c.id)
	s.mu.Unlock()
}

// Shutdown ends every connection, telling its sessions why, and waits for the evidence to be complete.
func (s *Server) Shutdown(ctx context.Context, reason string) {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	cause := &ended{state: store.Failed, reason: reason}
	s.end(ctx, s.everything(), cause)
	s.mu.Lock()
	for _, c := range s.conns { // those without a session, and those that are not authenticated
		c.drop(cause)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.cfg.Log.Error("connections did not end in time")
	}
}
