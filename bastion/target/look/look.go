// Package look finds out what policy must know of a target before a command runs: where a program is and whether root alone
// could have put it there, where a path really leads, what a glob matches. It answers policy.Probes over one SFTP stream whose
// server only looks (internal/readonly).
//
// It trusts the stream's other end to be that target, and nothing that it says to be well formed: every packet is bounded and
// read strictly, every name is checked, and neither numbers, links nor silence make it panic, grow or wait past its context. What
// the target says about itself remains its word, and is true for the moment at which it was asked: a login that owns a folder can
// change a link there a moment later. Only what root alone can change stays true.
//
// The client is bastion/target/sftp, strict and small. A general SFTP client reads a folder to its end however long that is, and
// mends the names in it.
package look

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// The most that is asked and taken.
const (
	MaxProbes   = 512
	maxPath     = 4096
	maxName     = 255 // bytes of one component
	maxDepth    = 64  // components of a path
	maxLinks    = 40
	maxEntries  = 20_000 // read in folders for one glob
	maxMatches  = 4096
	maxGlobText = 512 << 10 // bytes of all globs' matches of one Answer: facts travel in a frame of 1 MiB
	maxOnTheWay = 4 << 20   // bytes of the names that a glob's next component is looked for in
	maxHash     = 256 << 20 // bytes of a program
	maxRequests = 1 << 16   // of one Answer
	maxKept     = 8192      // lstats that an Answer remembers
	maxDirs     = 32        // of a search path
	answerLimit = time.Minute
)

// Why a target's facts could not be had.
var (
	ErrTooMuch = errors.New("more than is looked up on a target")
	ErrNoHome  = errors.New("the login has no home on the target")
)

// DefaultSearchPath is where programs are looked up on a target whose inventory entry says nothing else.
var DefaultSearchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Config is how a target is looked at.
type Config struct {
	SearchPath []string // absolute folders, in order; empty means DefaultSearchPath
}

// Validate says what would not do.
func (c Config) Validate() error {
	if len(c.SearchPath) > maxDirs {
		return fmt.Errorf("a search path of %d folders, at most %d", len(c.SearchPath), maxDirs)
	}
	for _, dir := range c.SearchPath {
		if !path.IsAbs(dir) || path.Clean(dir) != dir || !speakable(dir) {
			return fmt.Errorf("search path: %q is not an absolute folder's plain name", dir)
		}
	}
	return nil
}

// Looker looks at one target as one login. It is for one goroutine at a time. An error of the stream, an answer that is out of
// protocol and a context that ends while an answer is waited for end it: from then on every Answer has that error.
type Looker struct {
	cfg    Config
	client *sftp.Client
}

// New begins SFTP on the stream, whose Close must end its reads and writes: (*target.Conn).SFTP. The Looker owns it from then on,
// also when New fails.
func New(ctx context.Context, stream io.ReadWriteCloser, cfg Config) (*Looker, error) {
	if err := cfg.Validate(); err != nil {
		_ = stream.Close()
		return nil, err
	}
	if len(cfg.SearchPath) == 0 {
		cfg.SearchPath = DefaultSearchPath
	}
	c, err := sftp.Dial(ctx, stream)
	if err != nil {
		return nil, err
	}
	return &Looker{cfg: cfg, client: c}, nil
}

// Close ends the stream and returns when nothing reads or writes it any more.
func (l *Looker) Close() error {
	l.client.Close()
	return nil
}

// Answer looks up what the probes ask and adds it to the facts, whose maps it makes where they are nil. It takes a minute at
// most. With an error nothing is added. What a target lacks is no error: a program's fact says why it may not run, a path's that
// nothing is there, and a glob that matches nothing has an empty list. An error is a probe that is none, a glob that this package
// does not understand or that matches too much (ErrTooMuch), a login without a home (ErrNoHome), a target that does not keep to
// the protocol (sftp.ErrProtocol), or one that does not answer.
func (l *Looker) Answer(ctx context.Context, probes []policy.Probe, into *policy.Facts) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("the target took longer than %s to answer: %w", answerLimit, context.DeadlineExceeded))
	defer cancel()
	asked, err := sortProbes(probes)
	if err != nil {
		return err
	}
	v := &visit{ctx: ctx, client: l.client, search: l.cfg.SearchPath, kept: map[string]*lookup{}}
	if err := v.expectRoot(); err != nil {
		return err
	}
	found, err := v.answer(asked)
	if err != nil {
		return err
	}
	add(into, found)
	return nil
}

// question is a probe, each asked once.
type question struct {
	kind policy.ProbeKind
	name string
	hash bool
}

// sortProbes checks probes and takes out what is asked twice; of a program that is asked with and without its hash, the hash stays.
func sortProbes(probes []policy.Probe) ([]question, error) {
	if len(probes) > MaxProbes {
		return nil, fmt.Errorf("%w: %d questions at once, at most %d", ErrTooMuch, len(probes), MaxProbes)
	}
	asked := make([]question, 0, len(probes))
	at := map[question]int{}
	for _, p := range probes {
		switch {
		case p.Hash && p.Kind != policy.ProbeProgram && p.Kind != policy.ProbeContent:
			return nil, fmt.Errorf("probe %s: only programs and contents are hashed", p.Kind)
		case p.Kind == policy.ProbeHome && p.Name == "", p.Kind == policy.ProbeProgram, p.Kind == policy.ProbePath, p.Kind == policy.ProbeGlob, p.Kind == policy.ProbeContent:
		default:
			return nil, fmt.Errorf("probe %q %q is none", p.Kind, p.Name)
		}
		if (p.Kind == policy.ProbePath || p.Kind == policy.ProbeGlob || p.Kind == policy.ProbeContent) && !path.IsAbs(p.Name) {
			return nil, fmt.Errorf("probe %s: %q is not absolute", p.Kind, p.Name)
		}
		key := question{kind: p.Kind, name: p.Name}
		if i, twice := at[key]; twice {
			asked[i].hash = asked[i].hash || p.Hash
			continue
		}
		at[key] = len(asked)
		asked = append(asked, question{p.Kind, p.Name, p.Hash})
	}
	return asked, nil
}

// add merges facts.
func add(into *policy.Facts, found policy.Facts) {
	if found.Home != "" {
		into.Home = found.Home
	}
	if into.Programs == nil {
		into.Programs = map[string]policy.ProgramFact{}
	}
	if into.Paths == nil {
		into.Paths = map[string]policy.PathFact{}
	}
	if into.Globs == nil {
		into.Globs = map[string][]string{}
	}
	for name, f := range found.Programs {
		into.Programs[name] = f
	}
	for name, f := range found.Paths {
		into.Paths[name] = f
	}
	for name, f := range found.Globs {
		into.Globs[name] = f
	}
	if into.Contents == nil && len(found.Contents) > 0 {
		into.Contents = map[string]policy.FileState{}
	}
	for name, f := range found.Contents {
		into.Contents[name] = f
	}
}

// visit is one Answer: what it may still ask, and what it remembers, so that one Answer sees one state of each path.
type visit struct {
	ctx    context.Context
	client *sftp.Client
	search []string
	asked  atomic.Int64 // requests
	told   atomic.Int64 // bytes of globs' matches

	anyBytes bool // names need not be UTF-8
	stay     bool // a link at a path's end is not followed

	mu   sync.Mutex
	kept map[string]*lookup
}

// atOnce is how many questions are worked on at a time; the requests of all are pipelined.
const atOnce = 16

// answer works on the questions, several at a time.
func (v *visit) answer(asked []question) (policy.Facts, error) {
	found := policy.Facts{Programs: map[string]policy.ProgramFact{}, Paths: map[string]policy.PathFact{}, Globs: map[string][]string{}}
	var mu sync.Mutex
	err := each(len(asked), func(i int) error {
		keep, err := v.one(asked[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		keep(&found)
		return nil
	})
	if err == nil {
		found.Contents, err = v.contents(asked)
	}
	return found, err
}

// one works on one question; keep puts its answer into the facts.
func (v *visit) one(q question) (keep func(*policy.Facts), err error) {
	switch q.kind {
	case policy.ProbeHome:
		home, err := v.home()
		return func(f *policy.Facts) { f.Home = home }, err
	case policy.ProbeProgram:
		fact, err := v.program(q.name, q.hash)
		return func(f *policy.Facts) { f.Programs[q.name] = fact }, err
	case policy.ProbePath:
		fact, err := v.path(q.name)
		return func(f *policy.Facts) { f.Paths[q.name] = fact }, err
	case policy.ProbeContent: // one after the other, in contents
		return func(*policy.Facts) {}, nil
	}
	matches, err := v.glob(q.name)
	return func(f *policy.Facts) { f.Globs[q.name] = matches }, err
}

// each calls do for 0 to n-1, several at a time, and returns the first error by number. After an error no more are begun.
func each(n int, do func(int) error) error {
	var group sync.WaitGroup
	var next, failed atomic.Int64
	errs := make([]error, n)
	for range min(n, atOnce) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == 0; i = int(next.Add(1)) - 1 {
				if errs[i] = do(i); errs[i] != nil {
					failed.Store(1)
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// begin sends a request, while the visit may ask more.
func (v *visit) begin(kind byte, fields func([]byte) []byte) (sftp.Call, error) {
	if v.asked.Add(1) > maxRequests {
		return sftp.Call{}, fmt.Errorf("%w: %d requests", ErrTooMuch, maxRequests)
	}
	return v.client.Start(v.ctx, kind, fields)
}

func (v *visit) ask(kind byte, fields func([]byte) []byte) (sftp.Packet, error) {
	q, err := v.begin(kind, fields)
	if err != nil {
		return sftp.Packet{}, err
	}
	return q.Wait(v.ctx)
}

// lookup is an lstat on its way, or answered.
type lookup struct {
	call  sftp.Call
	once  sync.Once
	attrs sftp.Attrs
	err   error
}

// get waits for the answer.
func (l *lookup) get(ctx context.Context) (sftp.Attrs, error) {
	l.once.Do(func() {
		if l.err != nil {
			return
		}
		var p sftp.Packet
		if p, l.err = l.call.Wait(ctx); l.err == nil {
			l.attrs, l.err = p.Attrs()
		}
	})
	return l.attrs, l.err
}

// expect asks for an lstat ahead of its use. The lock is held while there is no room to ask: the reader, which makes room, never
// takes it.
func (v *visit) expect(name string) *lookup {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l, ok := v.kept[name]; ok {
		return l
	}
	l := &lookup{}
	l.call, l.err = v.begin(sftp.PacketLstat, sftp.Text(name))
	if len(v.kept) < maxKept {
		v.kept[name] = l
	}
	return l
}

// lstat is what is at a path itself.
func (v *visit) lstat(name string) (sftp.Attrs, error) { return v.expect(name).get(v.ctx) }

// expectRoot makes sure that the server answers at all: one that refuses everything would show an empty target.
func (v *visit) expectRoot() error {
	switch a, err := v.lstat("/"); {
	case err != nil:
		return fmt.Errorf("look at / on the target: %w", err)
	case !a.IsDir():
		return fmt.Errorf("%w: / is no folder", sftp.ErrProtocol)
	}
	return nil
}

// home is where the login begins: sshd starts its SFTP server there. Where there is no home it starts it in /, which would make
// every path one of the login's.
func (v *visit) home() (string, error) {
	p, err := v.ask(sftp.PacketRealpath, sftp.Text("."))
	if err != nil {
		return "", err
	}
	home, err := p.Name()
	switch {
	case err != nil:
		return "", fmt.Errorf("ask the target for the login's home: %w", err)
	case home == "/":
		return "", ErrNoHome
	case !path.IsAbs(home) || path.Clean(home) != home || !speakable(home):
		return "", fmt.Errorf("%w: %.80q as the login's home", sftp.ErrProtocol, home)
	}
	return home, nil
}

// speakable reports whether a path can be a fact: facts are JSON, and hold UTF-8.
func speakable(name string) bool {
	return len(name) <= maxPath && utf8.ValidString(name) && !strings.Contains(name, "\x00")
}

// hasNoDotDot reports whether none of a path's components is "..".
func hasNoDotDot(components []string) bool { return !slices.Contains(components, "..") }
