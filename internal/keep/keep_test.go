package keep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/goleak"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/retain"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

const day = 24 * time.Hour

// house is a keeper with a real index, recorder and log.
type house struct {
	*Keeper
	t       *testing.T
	dir     string
	index   *store.SQLite
	rec     *recorder.Recorder
	log     *audit.Log
	key     string
	now     time.Time
	forgot  []string
	noteErr error
	n       int
}

func newHouse(t *testing.T, rules ...retain.Rule) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	owner, err := age.GenerateX25519Identity()
	h.must(err)
	to, err := recorder.ParseRecipient(owner.Recipient().String())
	h.must(err)
	h.must(os.Mkdir(filepath.Join(h.dir, "log"), 0o700))
	signer, key, err := audit.LoadOrCreateKey(filepath.Join(h.dir, "log"), "test.example/log")
	h.must(err)
	h.key = key
	h.log, err = audit.Open(audit.Config{Dir: filepath.Join(h.dir, "log"), Signer: signer, VerifierKey: key, Origin: "test.example/log"})
	h.must(err)
	h.index, err = store.OpenSQLite(store.Config{Path: filepath.Join(h.dir, "index.db")})
	h.must(err)
	h.rec, err = recorder.New(recorder.Config{Dir: filepath.Join(h.dir, "recordings"), Encryption: recorder.Encryption{Recipients: []recorder.Recipient{to}},
		Commit: func(ctx context.Context, c recorder.Chunk) error {
			return h.entry(ctx, audit.Entry{Type: audit.RecChunk, Session: c.Session}, c)
		}})
	h.must(err)
	t.Cleanup(func() { h.must(errors.Join(h.log.Close(), h.index.Close())) })
	h.restart(rules...)
	return h
}

// restart is a new keeper over what is there.
func (h *house) restart(list ...retain.Rule) {
	h.t.Helper()
	rules, err := retain.New(list)
	h.must(err)
	h.Keeper, err = New(Config{Store: h.index, Recordings: h.rec, Rules: rules, Now: func() time.Time { return h.now }, Forget: []Forgetter{h}, Note: h.note})
	h.must(err)
}

func (h *house) note(ctx context.Context, d Disposal) error {
	if h.noteErr != nil {
		return h.noteErr
	}
	e := audit.Entry{Type: audit.RecDelete, Session: d.What.Session, Outcome: "ok", Rule: d.Why}
	if d.Kind == store.Shredded {
		e.Type = audit.RecShred
	}
	return h.entry(ctx, e, audit.Disposed{SHA256: d.What.SHA256, Size: d.What.Size})
}

func (h *house) Forget(_ context.Context, session string) error {
	h.forgot = append(h.forgot, session)
	return nil
}

func (h *house) entry(ctx context.Context, e audit.Entry, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	e.Data = text
	_, err = h.log.Append(ctx, e)
	return err
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// session makes a closed recording that ended so long ago.
func (h *house) session(target, rule string, ago time.Duration) store.Session {
	h.t.Helper()
	h.n++
	ended := h.now.Add(-ago)
	s := store.Session{ID: id.New(id.Session, ended), Identity: "agent:bot", Target: target, Rule: rule, State: store.Ended, Started: ended.Add(-time.Minute), EndedAt: ended}
	rec, err := h.rec.Open(h.t.Context(), recorder.Header{Session: s.ID, Target: target})
	h.must(err)
	h.must(rec.Write(recorder.Output, []byte(fmt.Sprintf("session %d", h.n))))
	sum, err := rec.Close(h.t.Context(), recorder.End{State: "ended"})
	h.must(err)
	h.must(h.entry(h.t.Context(), audit.Entry{Type: audit.RecClose, Session: s.ID}, sum))
	s.Recording = sum.SHA256
	h.must(errors.Join(h.rec.Settle(s.ID), h.index.Put(h.t.Context(), s)))
	return s
}

func (h *house) path(s store.Session) string {
	path, err := recorder.Path(filepath.Join(h.dir, "recordings"), s.ID)
	h.must(err)
	return path
}

func (h *house) there(s store.Session) bool {
	_, err := os.Stat(h.path(s))
	return err == nil
}

// verify verifies the log with the recordings.
func (h *house) verify() audit.Report {
	h.t.Helper()
	r, err := audit.Verify(h.t.Context(), audit.VerifyOptions{LogDir: filepath.Join(h.dir, "log"), RecordingsDir: filepath.Join(h.dir, "recordings"), VerifierKey: h.key})
	h.must(err)
	return r
}

func (h *house) sweep(want Report) {
	h.t.Helper()
	got, err := h.Sweep(h.t.Context())
	h.must(err)
	got.Bytes = 0
	if got != want {
		h.t.Errorf("sweep: %+v, want %+v", got, want)
	}
}

// The first rule that matches holds; age counts from the session's end; what no rule matches stays.
func TestRetention(t *testing.T) {
	h := newHouse(t, retain.Rule{Target: "db-*", Keep: 90 * day}, retain.Rule{Role: "deployer", Keep: 10 * day}, retain.Rule{Target: "web-*", Keep: 30 * day})
	old := map[string]store.Session{
		"db, 91 days":       h.session("db-1", "deployer/allow[0]", 91*day),
		"deployer, 11 days": h.session("web-1", "deployer/allow[0]", 11*day),
		"web, 31 days":      h.session("web-2", "op/allow[0]", 31*day),
	}
	kept := map[string]store.Session{
		"db, 89 days, deployer": h.session("db-1", "deployer/allow[0]", 89*day),
		"deployer, 9 days":      h.session("web-1", "deployer/allow[0]", 9*day),
		"no rule, 10 years":     h.session("cache-1", "op/allow[0]", 3650*day),
	}
	h.sweep(Report{Removed: 3})
	for name, s := range old {
		fates, err := h.Fates(t.Context(), s.ID)
		h.must(err)
		if h.there(s) || fates[s.ID].Kind != store.Deleted || !strings.Contains(fates[s.ID].Why, "keep") || !fates[s.ID].Done {
			t.Errorf("%s: there %v, %+v", name, h.there(s), fates)
		}
	}
	for name, s := range kept {
		if !h.there(s) {
			t.Errorf("%s was removed", name)
		}
	}
	if len(h.forgot) != 3 {
		t.Errorf("forgotten: %v", h.forgot)
	}
	if r := h.verify(); r.Bad != nil || r.Removed != 3 || r.Closed != 3 {
		t.Errorf("verify: %+v, %v", r, r.Bad)
	}
	h.sweep(Report{})
}

// What a rule keeps is bounded by size: the oldest go first, only as many as must.
func TestRetentionBySize(t *testing.T) {
	h := newHouse(t)
	var all []store.Session
	for i := range 5 {
		all = append(all, h.session("web-1", "op/allow[0]", time.Duration(10-i)*day))
	}
	size, err := h.rec.FileSize(all[0].ID)
	h.must(err)
	h.restart(retain.Rule{Target: "web-*", MaxSize: 2*size + size/2})
	h.sweep(Report{Removed: 3})
	for i, s := range all {
		if h.there(s) != (i >= 3) {
			t.Errorf("session %d: there %v", i, h.there(s))
		}
	}
	if r := h.verify(); r.Bad != nil || r.Removed != 3 {
		t.Errorf("verify: %+v, %v", r, r.Bad)
	}
}

// A hold wins over every rule and over shredding, whatever it is about, until it is lifted.
func TestHold(t *testing.T) {
	h := newHouse(t, retain.Rule{Keep: day})
	s := h.session("web-1", "op/allow[0]", 2*day)
	for name, hold := range map[string]store.Hold{
		"session": {Session: s.ID}, "agent": {Identity: "agent:bot"}, "target": {Target: "web-1"},
		"time": {Since: s.Started, Until: s.Started.Add(time.Nanosecond)}, "all of it": {Identity: "agent:bot", Target: "web-1", Since: s.Started.Add(-day)},
	} {
		made, err := h.Hold(t.Context(), hold)
		h.must(err)
		h.sweep(Report{Held: 1})
		var held *console.HeldError
		if err := h.Shred(t.Context(), console.Credential{Connection: "con_x"}, "person:ann", s, "why"); !errors.As(err, &held) || held.Hold.ID != made.ID || !h.there(s) {
			t.Errorf("%s: %v", name, err)
		}
		h.must(h.Lift(t.Context(), made.ID, "person:ann"))
		if err := h.Lift(t.Context(), made.ID, "person:ann"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s lifted twice: %v", name, err)
		}
	}
	for name, hold := range map[string]store.Hold{
		"another session": {Session: "ses_x"}, "another agent": {Identity: "agent:other"}, "before": {Until: s.Started}, "after": {Since: s.Started.Add(1)},
		"another target": {Identity: "agent:bot", Target: "web-2"},
	} {
		if _, err := h.Hold(t.Context(), hold); err != nil {
			t.Error(name, err)
		}
	}
	if r := h.verify(); r.Bad != nil || r.Removed+r.Shredded != 0 {
		t.Errorf("verify: %+v, %v", r, r.Bad)
	}
	h.sweep(Report{Removed: 1})
}

// Nothing goes without its entry, and what was tampered with stays as evidence.
func TestNothingGoesUnnoted(t *testing.T) {
	h := newHouse(t, retain.Rule{Keep: day})
	s := h.session("web-1", "op/allow[0]", 2*day)
	h.noteErr = errors.New("no log")
	h.sweep(Report{Failed: 1})
	if !h.there(s) {
		t.Fatal("removed without an entry")
	}
	h.noteErr = nil
	file, err := os.ReadFile(h.path(s))
	h.must(err)
	bad := append(append([]byte{}, file[:len(file)-1]...), file[len(file)-1]^1)
	h.must(os.WriteFile(h.path(s), bad, 0o600))
	h.sweep(Report{Failed: 1})
	if !h.there(s) {
		t.Fatal("what was changed was removed")
	}
	h.must(os.Remove(h.path(s)))
	h.sweep(Report{Missing: 1})
	if r := h.verify(); r.Bad == nil || r.Bad.Session != s.ID || !strings.Contains(r.Bad.What, "missing") {
		t.Errorf("a file that was removed by somebody else: %+v", r)
	}
}

// What a crash cuts off between the entry and the last byte is finished by the next sweep, and verifies at every step.
func TestResume(t *testing.T) {
	for step := range 4 {
		h := newHouse(t, retain.Rule{Keep: day})
		s := h.session("web-1", "op/allow[0]", 2*day)
		d := recorder.Doomed{Session: s.ID, SHA256: s.Recording}
		info, err := os.Stat(h.path(s))
		h.must(err)
		d.Size = info.Size()
		h.must(h.note(t.Context(), Disposal{Kind: store.Deleted, What: d, Why: "everything else, keep 1d"}))
		if step >= 1 {
			h.must(h.index.PutFate(t.Context(), store.Fate{Session: s.ID, Kind: store.Deleted, Why: "r", At: h.now}))
		}
		if step >= 2 {
			h.must(os.Remove(recorder.KeyPath(h.path(s))))
		}
		if step >= 3 {
			h.must(os.Remove(h.path(s)))
		}
		if r := h.verify(); r.Bad != nil || (len(r.StillThere) == 1) != (step < 3) {
			t.Errorf("step %d: %+v, %v", step, r, r.Bad)
		}
		h.restart(retain.Rule{Keep: day})
		h.sweep(Report{Removed: 1})
		if r := h.verify(); h.there(s) || r.Bad != nil || r.Removed != 1 {
			t.Errorf("step %d, after the sweep: %+v, %v", step, r, r.Bad)
		}
		if len(h.forgot) != 1 {
			t.Errorf("step %d: forgotten %v", step, h.forgot)
		}
	}
}

// A shredded recording verifies, cannot be read, and is removed by a rule later like any other.
func TestShred(t *testing.T) {
	h := newHouse(t)
	s := h.session("web-1", "op/allow[0]", 2*day)
	h.must(h.Shred(t.Context(), console.Credential{Connection: "con_x"}, "person:ann", s, "asked to"))
	if r := h.verify(); !h.there(s) || r.Bad != nil || r.Shredded != 1 || r.Closed != 1 {
		t.Errorf("verify: %+v, %v", r, r.Bad)
	}
	var lost *recorder.EncryptedError
	if _, err := h.rec.Read(s.ID); !errors.As(err, &lost) || !lost.Lost {
		t.Errorf("read: %v", err)
	}
	if err := h.Shred(t.Context(), console.Credential{Connection: "con_x"}, "person:ann", s, "again"); !errors.Is(err, recorder.ErrNotEncrypted) {
		t.Errorf("shredded twice: %v", err)
	}
	h.restart(retain.Rule{Keep: day})
	h.sweep(Report{Removed: 1})
	if r := h.verify(); h.there(s) || r.Bad != nil || r.Removed != 1 {
		t.Errorf("after its time: %+v, %v", r, r.Bad)
	}
}

// What is live cannot be destroyed, nor what has no end in the log yet.
func TestLiveStays(t *testing.T) {
	h := newHouse(t)
	s := store.Session{ID: id.New(id.Session, h.now), State: store.Live, Started: h.now}
	rec, err := h.rec.Open(t.Context(), recorder.Header{Session: s.ID})
	h.must(err)
	if err := h.Shred(t.Context(), console.Credential{}, "person:ann", s, "why"); !errors.Is(err, recorder.ErrLive) {
		t.Errorf("live: %v", err)
	}
	sum, err := rec.Close(t.Context(), recorder.End{State: "ended"})
	h.must(err)
	s.State, s.Recording = store.Ended, sum.SHA256
	if err := h.Shred(t.Context(), console.Credential{}, "person:ann", s, "why"); !errors.Is(err, recorder.ErrLive) {
		t.Errorf("closed, and not in the log: %v", err)
	}
}

// Run sweeps at once and then at its time, and ends with its context.
func TestRun(t *testing.T) {
	h := newHouse(t, retain.Rule{Keep: day})
	s := h.session("web-1", "op/allow[0]", 2*day)
	h.cfg.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); h.there(s) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	if h.there(s) {
		t.Error("not swept")
	}
}

// A key that is removed by somebody else is found.
func TestKeyMissing(t *testing.T) {
	h := newHouse(t)
	s := h.session("web-1", "op/allow[0]", 2*day)
	h.must(os.Remove(recorder.KeyPath(h.path(s))))
	if r := h.verify(); r.Bad == nil || r.Bad.Session != s.ID || !strings.Contains(r.Bad.What, "key file is missing") {
		t.Errorf("%+v, %v", r, r.Bad)
	}
}
