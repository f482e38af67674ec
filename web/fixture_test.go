package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
	"gatehouse/recorder/seal"
	"gatehouse/recorder/search"
	"gatehouse/recorder/secret"
)

// decider stands for the deciding process: tokens, cookies and rights, and a list of what was authorised.
type decider struct {
	mu      sync.Mutex
	tokens  map[string]string   // one-time token → person
	cookies map[string]string   // cookie → person
	rights  map[string][]string // person → rights
	asked   []asked
	hangs   bool
}

type asked struct {
	Verb           console.Verb
	Object, Reason string
}

func newDecider() *decider {
	return &decider{
		tokens:  map[string]string{},
		cookies: map[string]string{"ann-cookie": "ann", "vic-cookie": "vic", "eve-cookie": "eve"},
		rights:  map[string][]string{"ann": {"view", "operate"}, "vic": {"view"}},
	}
}

func (d *decider) Authorize(ctx context.Context, who console.Credential, verb console.Verb, object, reason string) (console.Actor, error) {
	if d.hangs {
		<-ctx.Done()
		return console.Actor{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	person, ok := d.cookies[who.SignIn]
	if !ok {
		return console.Actor{}, console.ErrSignedOut
	}
	d.asked = append(d.asked, asked{verb, object, reason})
	need := "view"
	switch verb {
	case console.SessionsKill, console.SessionsPause, console.SessionsResume:
		need = "operate"
	case console.SessionsUnmask:
		need = "unmask"
	}
	if verb != console.WhoAmI && !slices.Contains(d.rights[person], need) {
		return console.Actor{}, &console.ForbiddenError{Verb: verb, Reason: "no role of person:" + person + " has the right " + need}
	}
	return console.Actor{Principal: "person:" + person, Rights: d.rights[person]}, nil
}

func (d *decider) Redeem(_ context.Context, token, _ string) (account.SignedIn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	person, ok := d.tokens[token]
	if !ok {
		return account.SignedIn{}, console.ErrLinkUsed
	}
	delete(d.tokens, token)
	cookie := "cookie-of-" + token
	d.cookies[cookie] = person
	return account.SignedIn{Cookie: cookie, Person: person, Expires: time.Now().Add(12 * time.Hour)}, nil
}

func (d *decider) SignOut(_ context.Context, cookie string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cookies, cookie)
	return nil
}

func (d *decider) MintLink(context.Context, console.Credential) (string, time.Time, error) {
	return "", time.Time{}, nil
}

// took returns what was authorised since the last call.
func (d *decider) took() []asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.asked
	d.asked = nil
	return out
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a Gatehouse as far as the browser sees it: a real store, a real recorder, the server under test.
type house struct {
	t        testing.TB
	store    store.Sessions
	index    *store.SQLite
	console  *console.Console
	web      *Server
	logs     *logs
	dir      string // of the recordings
	recorder *recorder.Recorder
	indexer  *index.Indexer
	search   *search.Store
	secrets  *secret.Detector
	decider  *decider
	access   *privileges
	server   *httptest.Server
	mu       sync.Mutex
	live     map[string]*recorder.Recording
}

// noInput opens nothing: what clients sent is not shown in pages.
type noInput struct{}

func (noInput) Unseal(context.Context, console.Credential, string, string, []byte) (seal.Key, error) {
	return nil, seal.ErrSealed
}

// newHouse starts one; its live streams end after that time, 0 for the usual.
func newHouse(t testing.TB, stream time.Duration) *house {
	t.Helper()
	sqlite, err := store.OpenSQLite(store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db")})
	must(t, err)
	t.Cleanup(func() { _ = sqlite.Close() }) // a test may have closed it
	h := &house{t: t, store: sqlite, index: sqlite, logs: &logs{}, decider: newDecider(), live: map[string]*recorder.Recording{}}
	h.access = newPrivileges(h.decider)
	h.dir = t.TempDir()
	h.recorder, err = recorder.New(recorder.Config{
		Dir: h.dir, Commit: func(context.Context, recorder.Chunk) error { return nil },
	})
	must(t, err)
	h.secrets, err = secret.New(secret.Config{})
	must(t, err)
	h.indexer, err = index.New(index.Config{Dir: h.dir, Source: h.recorder, Detector: h.secrets, Meta: h.meta, Sink: h.sink()})
	must(t, err)
	h.console, err = console.New(console.Config{Sessions: h.store, Recordings: h.recorder, Indexes: h.indexer, Secrets: h.secrets, Search: h.search, Authorize: h.decider, Kill: h, Pause: h, Links: h.decider, Revoke: h, Offers: noOffers{}, Unseal: noInput{}})
	must(t, err)
	h.server = httptest.NewUnstartedServer(nil)
	url := "http://localhost" + strings.TrimPrefix(h.server.Listener.Addr().String(), "127.0.0.1")
	h.web, err = New(Config{Console: h.console, SignIns: h.decider, Accounts: h.decider, Devices: h.decider, Enrolments: h.decider, Integrity: integrity{h.decider}, Access: h.access, URL: url, Stream: stream, Log: hclog.New(&hclog.LoggerOptions{Output: h.logs})})
	must(t, err)
	h.server.Config = h.web.HTTP()
	h.server.Start()
	h.server.URL = url
	t.Cleanup(h.close)
	return h
}

func (h *house) close() {
	h.server.CloseClientConnections()
	h.server.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, rec := range h.live {
		_, err := rec.Close(context.Background(), recorder.End{})
		must(h.t, err)
	}
}

// Kill ends a session as the door would: the recording says so and is closed, the index too.
func (h *house) Kill(ctx context.Context, order console.KillOrder) (console.KillReport, error) {
	h.mu.Lock()
	rec := h.live[order.Session]
	delete(h.live, order.Session)
	h.mu.Unlock()
	if rec == nil {
		return console.KillReport{}, nil
	}
	note, _ := json.Marshal(map[string]string{"by": order.By.Principal, "reason": order.Reason})
	if err := rec.Write(recorder.Kill, note); err != nil {
		return console.KillReport{}, err
	}
	s, err := h.store.Get(ctx, order.Session)
	if err != nil {
		return console.KillReport{}, err
	}
	s.State, s.Reason, s.Remote, s.EndedAt = store.Killed, "killed by "+order.By.Principal+": "+order.Reason, "unconfirmed", time.Now().UTC()
	h.end(rec, s)
	return console.KillReport{Sessions: []console.KilledSession{{ID: s.ID, Closed: 2300 * time.Microsecond, Remote: "unconfirmed"}}}, nil
}

func (h *house) end(rec *recorder.Recording, s store.Session) {
	sum, err := rec.Close(context.Background(), recorder.End{})
	must(h.t, err)
	s.Recording = sum.SHA256
	must(h.t, h.store.Put(context.Background(), s))
}

// session starts a recorded session. What it leaves out of s is filled in.
func (h *house) session(s store.Session, d policy.Decision) (store.Session, *recorder.Recording) {
	h.t.Helper()
	if s.Started.IsZero() {
		s.Started = time.Now().UTC()
	}
	s.ID = id.New(id.Session, s.Started)
	s.State, s.Verdict = store.Live, string(d.Verdict)
	rec, err := h.recorder.Open(context.Background(), recorder.Header{
		Version: 1, Session: s.ID, Connection: s.Connection, Identity: s.Identity, Owner: s.Owner, Target: s.Target,
		Login: s.Login, Started: s.Started, PTY: s.PTY, Cols: 100, Rows: 28,
	})
	must(h.t, err)
	h.write(rec, recorder.Command, map[string]any{"line": s.Command, "plan": policy.Plan{Op: policy.OpRun, Argv: strings.Fields(s.Command)}})
	h.write(rec, recorder.Decision, d)
	must(h.t, h.store.Put(context.Background(), s))
	h.mu.Lock()
	h.live[s.ID] = rec
	h.mu.Unlock()
	return s, rec
}

// indexAll indexes every closed recording. Nothing is indexed before.
func (h *house) indexAll() {
	h.t.Helper()
	entries, err := h.store.List(context.Background(), store.Filter{})
	must(h.t, err)
	for _, s := range entries {
		if s.State != store.Live {
			_ = h.recorder.Settle(s.ID) // those that were not made by the recorder have no marker
			h.indexer.Closed(s.ID)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.indexer.Run(ctx) }()
	for b := h.indexer.Behind(); b.Waiting > 0 || !b.Listed; b = h.indexer.Behind() {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done
}

// finish ends a session as it says.
func (h *house) finish(s store.Session, rec *recorder.Recording) store.Session {
	h.t.Helper()
	h.mu.Lock()
	delete(h.live, s.ID)
	h.mu.Unlock()
	if s.EndedAt.IsZero() {
		s.EndedAt = time.Now().UTC()
	}
	h.end(rec, s)
	return s
}

func (h *house) write(rec *recorder.Recording, code recorder.Code, v any) {
	h.t.Helper()
	b, err := json.Marshal(v)
	must(h.t, err)
	must(h.t, rec.Write(code, b))
}

// logs is what the server logged.
type logs struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func allow(rules ...string) policy.Decision {
	return policy.Decision{Verdict: policy.Allow, Rules: rules, Mode: policy.Plain, Stdin: policy.StdinNone, PolicyHash: "sha256:9f2c4a7716cbd2b5aa10ff31c2b2f1a4"}
}

// ask sends a request with a cookie (empty: none) and headers given as "Name: value", and follows no redirect.
func (h *house) ask(method, path, cookie string, form url.Values, headers ...string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(form.Encode()))
	must(h.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "gatehouse", Value: cookie})
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	must(h.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(h.t, err)
	return answer, string(body)
}

// get is ask for a page as ann.
func (h *house) get(path string) (int, string) {
	h.t.Helper()
	answer, body := h.ask("GET", path, "ann-cookie", nil)
	return answer.StatusCode, body
}

// some are a live, an ended and a denied session.
func (h *house) some() (live, ended, denied store.Session) {
	h.t.Helper()
	ended, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "uptime"}, allow("web/allow[0]"))
	must(h.t, rec.Write(recorder.Output, []byte("up 3 days\n")))
	h.write(rec, recorder.Exit, map[string]int{"status": 0})
	zero := 0
	ended.State, ended.Exit = store.Ended, &zero
	ended = h.finish(ended, rec)

	denied, rec = h.session(store.Session{Identity: "agent:triage-bot", Owner: "person:ann", Target: "web-2", Login: "deploy", Command: "rm -rf /"},
		policy.Decision{Verdict: policy.Deny, Code: policy.CodeNotAllowed, Reason: "no rule admits rm", Nearest: []string{"ls [-l]"}, PolicyHash: "sha256:aa"})
	denied.State, denied.Code, denied.Reason = store.Denied, "not_allowed", "no rule admits rm"
	denied = h.finish(denied, rec)

	live, rec = h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "tail -f log", PTY: true}, allow("web/allow[1]"))
	must(h.t, rec.Write(recorder.Output, []byte("first line\r\n")))
	return live, ended, denied
}

func credential(cookie string) console.Credential { return console.Credential{SignIn: cookie} }

// Enrol is told by a token what to answer: "refuse CODE", or "fault".
func (d *decider) Enrol(_ context.Context, request, source string, in CertificateRequest) (Certificate, error) {
	if code, ok := strings.CutPrefix(in.Token, "refuse "); ok {
		return Certificate{}, &APIError{Code: code, Text: "no"}
	}
	if in.Token == "fault" {
		return Certificate{}, errors.New("secret detail")
	}
	until := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	return Certificate{Certificate: "ssh-ed25519-cert-v01@openssh.com AAAA", Principal: "agent:" + in.Agent, KeyID: "agt=" + in.Agent + ";req=" + request, Serial: "1",
		NotAfter: until, RenewUntil: &until, KnownHosts: []string{"@cert-authority " + source + " ssh-ed25519 AAAA"}}, nil
}

func (d *decider) KnownHosts(context.Context) ([]string, error) {
	return []string{"@cert-authority gatehouse ssh-ed25519 AAAA"}, nil
}

func (h *house) Revoke(_ context.Context, _ console.Credential, _ console.RevokeOrder) (console.RevokeReport, error) {
	return console.RevokeReport{ID: "rev_1", Sessions: []string{}}, nil
}

func (h *house) Lift(context.Context, console.Credential, string, string) (console.LiftReport, error) {
	return console.LiftReport{}, nil
}

func (h *house) Revocations(context.Context, console.Credential, string) ([]console.Revocation, string, error) {
	return nil, "", nil
}

// noOffers answers help, which no page asks for.
type noOffers struct{}

func (noOffers) Offers(context.Context, console.Credential, string, string) (policy.Offering, error) {
	return policy.Offering{}, nil
}
