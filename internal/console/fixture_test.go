package console

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"filippo.io/age"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is one call of Authorize.
type asked struct {
	Verb           Verb
	Object, Reason string
}

// desk is a console over a real store and a real recorder. It stands for the decider and the door itself.
type desk struct {
	*Console
	t        *testing.T
	store    store.Sessions
	dir      string // of the recordings
	recorder *recorder.Recorder
	identity *age.X25519Identity // opens what the recorder seals
	now      time.Time

	mu     sync.Mutex
	asked  []asked
	rights []string
	orders []KillOrder

	revoked []RevokeOrder
	lifted  []string
	refuse  error

	offering policy.Offering
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC), rights: []string{"view", "operate"}}
	sqlite, err := store.OpenSQLite(store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db")})
	must(t, err)
	t.Cleanup(func() { must(t, sqlite.Close()) })
	d.store = sqlite
	d.dir = t.TempDir()
	d.identity, err = age.GenerateX25519Identity()
	must(t, err)
	d.recorder, err = recorder.New(recorder.Config{
		SealInput: d.identity.Recipient(), Dir: d.dir, Commit: func(context.Context, recorder.Chunk) error { return nil },
	})
	must(t, err)
	d.Console, err = New(Config{
		Sessions: d.store, Recordings: d.recorder, Authorize: d, Kill: d, Links: d, Revoke: d, Offers: d, Unseal: d, Now: func() time.Time { return d.now },
	})
	must(t, err)
	return d
}

// Unseal opens what the desk's own recorder sealed.
func (d *desk) Unseal(ctx context.Context, who Credential, session, reason string, wrapped []byte) (seal.Key, error) {
	if _, err := d.Authorize(ctx, who, SessionsUnmask, session, reason); err != nil {
		return nil, err
	}
	return seal.Unwrap(d.identity, wrapped, session)
}

func (d *desk) Authorize(_ context.Context, who Credential, verb Verb, object, reason string) (Actor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if who != ann {
		return Actor{}, ErrSignedOut
	}
	d.asked = append(d.asked, asked{verb, object, reason})
	need := "view"
	switch verb {
	case SessionsKill:
		need = "operate"
	case SessionsUnmask:
		need = "unmask"
	}
	if !slices.Contains(d.rights, need) {
		return Actor{}, &ForbiddenError{Verb: verb, Reason: "no role of person:ann has the right " + need}
	}
	return Actor{Principal: "person:ann", Rights: d.rights}, nil
}

func (d *desk) Kill(_ context.Context, order KillOrder) (KillReport, error) {
	d.orders = append(d.orders, order)
	if order.Session == "" && !order.All {
		return KillReport{}, nil
	}
	return KillReport{Sessions: []KilledSession{{ID: order.Session, Closed: 3 * time.Millisecond, Remote: "unconfirmed"}}}, nil
}

func (d *desk) MintLink(context.Context, Credential) (string, time.Time, error) {
	return "https://gatehouse.test/sign-in#secret", d.now.Add(5 * time.Minute), nil
}

func (d *desk) Revoke(_ context.Context, who Credential, order RevokeOrder) (RevokeReport, error) {
	d.revoked = append(d.revoked, order)
	return RevokeReport{ID: "rev_01JDABCDEFGHJKMNPQRSTVWXYZ", Connections: 2, Sessions: []string{"ses_1"}, SessionsAll: 2, SignIns: 1}, d.refuse
}

func (d *desk) Lift(_ context.Context, who Credential, id, reason string) (LiftReport, error) {
	d.lifted = append(d.lifted, id+" "+reason)
	return LiftReport{ID: "rev_01JDABCDEFGHJKMNPQRSTVWXYZ", Handles: []string{"agent:bot"}, Still: []string{"rev_2"}}, d.refuse
}

func (d *desk) Revocations(_ context.Context, who Credential, after string) ([]Revocation, string, error) {
	if after == "" {
		return []Revocation{{ID: "rev_1", Handles: []string{"agent:bot"}, By: "person:ann", Reason: "stolen", At: d.now}}, "rev_1", d.refuse
	}
	return []Revocation{{ID: "rev_2", Handles: []string{"task:x"}, By: "local:root", Reason: "over", At: d.now, Until: d.now.Add(time.Hour)}}, "", d.refuse
}

// Offers is authorised by the decider, as Revoke is: it answers for nobody but ann.
func (d *desk) Offers(_ context.Context, who Credential, target, login string) (policy.Offering, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if who != ann {
		return policy.Offering{}, ErrSignedOut
	}
	d.asked = append(d.asked, asked{Help, login + "@" + target, ""})
	if target != "" && target != "web-1" {
		return policy.Offering{}, &ForbiddenError{Verb: Help, Reason: "no role of person:ann reaches that target with that login"}
	}
	return d.offering, d.refuse
}

func (d *desk) took() []asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.asked
	d.asked = nil
	return out
}

var ann = Credential{Connection: "con_ann"}

// run runs a line of arguments at 80 columns.
func (d *desk) run(args ...string) (out, errs string, code int) {
	d.t.Helper()
	return d.runAt(80, args...)
}

func (d *desk) runAt(cols int, args ...string) (out, errs string, code int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second) // a tail that should have been refused has no other end
	defer cancel()
	var stdout, stderr bytes.Buffer
	code = d.Run(ctx, ann, args, Streams{Out: &stdout, Err: &stderr, Cols: cols})
	return stdout.String(), stderr.String(), code
}

// add stores and records a session: its command, its decision, its output, its exit. Without an end it stays live.
func (d *desk) add(s store.Session, decision policy.Decision, output string) store.Session {
	d.t.Helper()
	s.ID = id.New(id.Session, s.Started)
	s.Verdict = string(decision.Verdict)
	rec, err := d.recorder.Open(context.Background(), recorder.Header{
		Version: 1, Session: s.ID, Identity: s.Identity, Target: s.Target, Login: s.Login, Started: s.Started, PTY: s.PTY,
	})
	must(d.t, err)
	write(d.t, rec, recorder.Command, map[string]any{"line": s.Command, "plan": planOf(s.Command)})
	write(d.t, rec, recorder.Decision, decision)
	must(d.t, rec.Write(recorder.Output, []byte(output)))
	if s.State == store.Live {
		d.t.Cleanup(func() {
			_, err := rec.Close(context.Background(), recorder.End{State: "ended"})
			must(d.t, err)
		})
	} else {
		write(d.t, rec, recorder.Exit, map[string]any{"status": 0})
		sum, err := rec.Close(context.Background(), recorder.End{State: string(s.State)})
		must(d.t, err)
		s.Recording, s.EndedAt = sum.SHA256, s.Started.Add(90*time.Second)
	}
	must(d.t, d.store.Put(context.Background(), s))
	return s
}

// planOf splits a line at pipes, well enough for a test.
func planOf(line string) policy.Plan {
	var parts []policy.Plan
	for _, part := range strings.Split(line, "|") {
		parts = append(parts, policy.Plan{Op: policy.OpRun, Argv: strings.Fields(part)})
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return policy.Plan{Op: policy.OpPipe, Parts: parts}
}

func write(t *testing.T, rec *recorder.Recording, code recorder.Code, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	must(t, rec.Write(code, b))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exited(status int) *int { return &status }

// some are three sessions: one live, one ended, one denied.
func (d *desk) some() (live, ended, denied store.Session) {
	d.t.Helper()
	ok := policy.Decision{Verdict: policy.Allow, Rules: []string{"web/allow[0]", "web/allow[1]"}, Mode: policy.Plain, PolicyHash: "sha256:aa"}
	no := policy.Decision{Verdict: policy.Deny, Code: policy.CodeNotAllowed, Reason: "no rule admits rm", Failed: &policy.Failed{Token: "rm"}, PolicyHash: "sha256:aa"}
	ended = d.add(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "journalctl -n 5 | grep x",
		State: store.Ended, Exit: exited(0), Started: d.now.Add(-time.Hour)}, ok, "one\ntwo\n")
	denied = d.add(store.Session{Identity: "agent:triage-bot", Owner: "person:ann", Target: "web-2", Login: "deploy", Command: "rm -rf /",
		State: store.Denied, Code: "not_allowed", Reason: "no rule admits rm", Started: d.now.Add(-30 * time.Minute)}, no, "")
	live = d.add(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "tail -f log",
		State: store.Live, Started: d.now.Add(-2 * time.Hour)}, ok, "hello\n")
	return live, ended, denied
}
