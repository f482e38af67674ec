package decider

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// newFullBench has a decider's folder on a disk of its own, whose filler may take all of it.
func newFullBench(t *testing.T) (b *bench, filler string) {
	b = &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
	disk := filepath.Join(b.dir, "decider")
	b.must(os.Mkdir(disk, 0o700))
	b.must(unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { b.must(unix.Unmount(disk, unix.MNT_DETACH)) })
	b.write("policy.yaml", lockPolicy)
	b.write("targets.yaml", testTargets)
	b.open()
	b.connectDoor()
	return b, filepath.Join(disk, "filler")
}

// exhaust lets the audit log fill the last page of its file, so that it takes nothing more at all.
func (b *bench) exhaust() {
	b.t.Helper()
	for range 200 {
		if b.d.append(b.t.Context(), audit.Entry{Type: audit.Read, Reason: strings.Repeat("x", 200)}) != nil {
			return
		}
	}
	b.t.Fatal("the disk is not full")
}

// TestStopsOnAFullDisk: with not a byte left, whoever may stop things still gets in, stops things and nothing else, and what is locked
// stays locked over a restart; the log has all of it when there is room again.
func TestStopsOnAFullDisk(t *testing.T) {
	b, filler := newFullBench(t)
	bot, before := b.connect(policy.Agent, "bot"), b.connect(policy.Person, "ops")
	opsCert, vicCert, botCert := b.issued(policy.Person, "ops", 10*time.Minute), b.issued(policy.Person, "vic", 10*time.Minute), b.issued(policy.Agent, "bot", 10*time.Minute)
	b.fill(filler)
	b.exhaust()
	late := b.id(id.Connection)
	b.must(b.authenticate(late, opsCert))
	if err := b.authenticate(b.id(id.Connection), vicCert); code(err) != protocol.CodeEvidence {
		t.Errorf("somebody without the right: %v", err)
	}
	if err := b.authenticate(b.id(id.Connection), botCert); code(err) != protocol.CodeEvidence {
		t.Errorf("an agent: %v", err)
	}
	who := console.Credential{Connection: late}
	if _, err := b.door.Decide(t.Context(), b.question(late, "id")); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "lock, locks, kill") {
		t.Errorf("it runs something: %v", err)
	}
	for verb, works := range map[console.Verb]bool{console.SessionsKill: true, console.SessionsPause: true, console.SessionsList: false, console.WhoAmI: false, "sessions.play": false} {
		if _, err := b.door.Authorize(t.Context(), who, verb, b.id(id.Session), "x"); (err == nil) != works {
			t.Errorf("%s on a full disk: %v", verb, err)
		}
	}
	if _, _, err := b.door.MintLink(t.Context(), who); err == nil {
		t.Error("it gets a sign-in")
	}
	report, err := b.lockAs(late, "everything")
	if err != nil || report.Noted {
		t.Fatalf("the lock of everything: %+v %v", report, err)
	}
	if _, err := b.door.Decide(t.Context(), b.question(bot, "echo", "x")); reasonOf(err) != reasonLocked {
		t.Errorf("an agent goes on: %v", err)
	}
	if list, err := b.door.Locks(t.Context(), who); err != nil || len(list) != 1 {
		t.Errorf("the list: %v %v", list, err)
	}
	if _, err := b.door.Unlock(t.Context(), console.Credential{Connection: before}, report.Lock.ID, "over"); code(err) == "" {
		t.Error("a lock is lifted that nobody can note")
	}
	for range 2 * maxKept { // nothing grows without bound
		_, _ = b.door.Authorize(t.Context(), who, console.SessionsKill, b.id(id.Session), "x")
	}
	if n := len(b.d.kept.list); n != maxKept {
		t.Errorf("%d entries are kept", n)
	}
	b.must(os.Remove(filler))
	b.d.noteKept(t.Context())
	b.d.noteLocks(t.Context())
	b.verified(audit.AccessLock, report.Lock.ID, "locked")
	lost, opened := false, false
	for _, e := range b.entries() {
		lost = lost || e.Type == audit.Kill && e.Outcome == "lost"
		opened = opened || e.Type == audit.ConnOpen && e.Conn == late && strings.Contains(string(e.Data), "kept_since")
	}
	if !lost || !opened {
		t.Errorf("the log has what was lost: %t, who came in: %t", lost, opened)
	}
}

// TestLockedOverRestartWithAFullDisk: the lock is in the file although nothing else could be written.
func TestLockedOverRestartWithAFullDisk(t *testing.T) {
	b, filler := newFullBench(t)
	ops := b.connect(policy.Person, "ops")
	b.fill(filler)
	b.exhaust()
	report, err := b.lockAs(ops, "agent:bot")
	b.must(err)
	_ = b.d.Close()
	b.must(os.Remove(filler))
	d, err := Open(t.Context(), b.config())
	b.must(err)
	b.keep(d)
	if err := d.mayAsk(policy.Identity{Kind: policy.Agent, Name: "bot"}); err == nil || !strings.Contains(err.Error(), report.Lock.ID) {
		t.Errorf("after a restart: %v", err)
	}
	b.verified(audit.AccessLock, report.Lock.ID, "locked") // noted at the start
}

// TestLockDoesNotWaitForTheStore: somebody else holds the registry for writing.
func TestLockDoesNotWaitForTheStore(t *testing.T) {
	b := newLockBench(t)
	ops := b.connect(policy.Person, "ops")
	db, err := sql.Open("sqlite3", fmt.Sprintf("file:%s?_txlock=exclusive", filepath.Join(b.config().Dir, registry.File)))
	b.must(err)
	defer db.Close()
	tx, err := db.Begin()
	b.must(err)
	defer func() { _ = tx.Rollback() }()
	done := make(chan error, 1)
	go func() {
		_, err := b.lockAs(ops, "everything")
		done <- err
	}()
	select {
	case err := <-done:
		b.must(err)
	case <-time.After(3 * time.Second): // a statement would wait for 5 s
		t.Fatal("the lock waits for the store")
	}
}
