// Package anchor hands the audit log's checkpoints to places that the owner of this machine does not own: witnesses, which
// cosign them, and anchors, which only keep them.
//
// It trusts a witness with what the witness' key signs. It runs beside the log and never holds it up: what cannot be reached
// is tried again, and how long that has been so is for State to say. A witness that refuses, or that knows more of the log
// than the log does, is an alarm: it stands until that witness cosigns again, and the log has an entry of either.
package anchor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/witness"
)

// The rhythm of asking, and the bound of one question.
const (
	DefaultEvery = 60 * time.Second
	firstAfter   = time.Second      // the door needs a moment
	retryAfter   = 10 * time.Second // at most Every
	askTime      = 14 * time.Second // a borrowed stream lives for 15 s
)

// Witness is one witness.
type Witness struct {
	URL   string
	Key   string         // verifier key
	Roots *x509.CertPool // of its TLS certificate; nil: the system's
}

// Dial makes a connection; the bytes may go through somebody who is not trusted.
type Dial func(ctx context.Context, host string, port uint16) (net.Conn, error)

// Config is what Anchors need. All fields but Witnesses, Places, Every, Now and Log are required.
type Config struct {
	LogDir      string
	VerifierKey string
	Checkpoint  func() []byte // the newest, signed
	Append      func(ctx context.Context, e audit.Entry) error
	Dial        Dial
	Witnesses   []Witness
	Places      []Place
	Every       time.Duration
	Now         func() time.Time
	Log         hclog.Logger
}

// State is how it is with one witness or anchor.
type State struct {
	Name    string
	Kind    string    // "witness", "file", "syslog", "webhook", "s3"
	Since   time.Time // when this process began to try
	Size    int64     // of the newest checkpoint that it has
	At      time.Time // when that was; zero: never
	Problem string    // why the last try failed; empty if it did not
	Alarm   string    // the witness contradicts the log; empty if none does
}

// Anchors hands out checkpoints. State and Reaches may be called concurrently with Run, which is called once.
type Anchors struct {
	cfg       Config
	key       note.Verifier
	witnesses []*asked
	places    []*place
	reach     map[string]bool // host:port

	mu     sync.Mutex
	states []State // witnesses, then anchors
}

// asked is a witness and what it was asked last.
type asked struct {
	client witness.Client
	old    int64  // size that it is thought to have
	alarm  string // the word of the alarm that the log has an entry of, and none of its end; empty: none
}

// New checks the configuration. Nothing is sent before Run.
func New(cfg Config) (*Anchors, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	key, err := note.NewVerifier(cfg.VerifierKey)
	if err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	a := &Anchors{cfg: cfg, key: key, reach: map[string]bool{}}
	for _, w := range cfg.Witnesses {
		if err := a.addWitness(w); err != nil {
			return nil, err
		}
	}
	for _, p := range cfg.Places {
		if err := a.addPlace(p); err != nil {
			return nil, fmt.Errorf("anchor: %w", err)
		}
	}
	return a, nil
}

func (a *Anchors) addWitness(w Witness) error {
	key, err := witness.NewKey(w.Key)
	if err != nil {
		return fmt.Errorf("key of witness %s: %w", w.URL, err)
	}
	host, err := address(w.URL)
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	a.reach[host] = true
	who := &asked{client: witness.Client{URL: w.URL, Key: key, HTTP: a.httpClient(w.Roots)}}
	state := State{Name: key.Name(), Kind: "witness", Since: a.cfg.Now()}
	if state.Alarm, err = audit.StandingAlarm(a.cfg.LogDir, key.Name()); err != nil {
		return err
	}
	who.alarm = word(state.Alarm)
	a.witnesses, a.states = append(a.witnesses, who), append(a.states, state)
	return nil
}

// word is an alarm's kind: what stands before the colon.
func word(text string) string {
	kind, _, _ := strings.Cut(text, ":")
	return kind
}

// address is the host:port of a URL.
func address(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no http or https address", text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// httpClient speaks over borrowed streams, each for one question. Redirects are not followed: nothing else may be reached.
func (a *Anchors) httpClient(roots *x509.CertPool) *http.Client {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: tlsConfig(roots), DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, err
		}
		return a.cfg.Dial(ctx, host, uint16(n))
	}}
	return &http.Client{Transport: t, Timeout: askTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Reaches says whether the configuration names an address.
func (a *Anchors) Reaches(host string, port uint16) bool {
	return a.reach[net.JoinHostPort(host, strconv.Itoa(int(port)))]
}

// States are those of all witnesses and anchors, in the configuration's order.
func (a *Anchors) States() []State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]State(nil), a.states...)
}

// Run hands checkpoints out until the context ends.
func (a *Anchors) Run(ctx context.Context) {
	if len(a.states) == 0 {
		return
	}
	next := time.NewTimer(min(firstAfter, a.cfg.Every))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		wait := a.cfg.Every
		if !a.round(ctx) {
			wait = min(retryAfter, wait)
		}
		next.Reset(wait)
	}
}

// round hands the newest checkpoint to everybody, side by side, and reports whether all have it.
func (a *Anchors) round(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*askTime)
	defer cancel()
	msg := a.cfg.Checkpoint()
	cp, err := audit.OpenCheckpoint(msg, a.key)
	if err != nil {
		a.cfg.Log.Error("the log's own checkpoint", "error", err)
		return false
	}
	lines := make([][]byte, len(a.witnesses))
	errs := make([]error, len(a.states))
	var work sync.WaitGroup
	for i, w := range a.witnesses {
		work.Go(func() { lines[i], errs[i] = a.ask(ctx, i, w, cp, msg) })
	}
	for i, p := range a.places {
		i += len(a.witnesses)
		work.Go(func() { errs[i] = a.hand(ctx, i, p, cp, msg) })
	}
	work.Wait()
	if err := a.store(msg, lines); err != nil {
		a.cfg.Log.Error("keep the cosigned checkpoint", "error", err)
	}
	return errors.Join(errs...) == nil
}

// maxSaid bounds what is kept and logged of why something did not work: a receiver may have chosen the words.
const maxSaid = 512

// said is an error as one line of printable text.
func said(err error) string {
	text := strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, err.Error())
	return strings.ToValidUTF8(text[:min(len(text), maxSaid)], "?")
}

// done notes the outcome of a try.
func (a *Anchors) done(i int, size int64, at time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.states[i]
	if err != nil {
		s.Problem = said(err)
		return
	}
	s.Size, s.At, s.Problem = size, at, ""
}

func (a *Anchors) setAlarm(i int, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states[i].Alarm = text
}
