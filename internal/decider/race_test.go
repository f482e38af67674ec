package decider

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestBetweenQuestionAndAnswer: what ends a connection or a permission while a decision is under way holds for it too. The
// clock, which decide reads first for the certificate's end and then for the decision's id, says when that is.
func TestBetweenQuestionAndAnswer(t *testing.T) {
	for name, meanwhile := range map[string]func(b *bench, conn, ann string, q protocol.Decide){
		"a kill": func(b *bench, _, ann string, _ protocol.Decide) {
			_, err := b.d.authorize(t.Context(), protocol.Authorize{Who: protocol.Credential{Connection: ann}, Verb: "kill", Object: "agent:bot"})
			b.must(err)
		},
		"the connection's end": func(b *bench, conn, _ string, _ protocol.Decide) {
			_, err := b.d.close(t.Context(), protocol.Close{Connection: conn})
			b.must(err)
		},
		"another policy": func(b *bench, _, _ string, _ protocol.Decide) {
			b.write("policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- echo none", 1))
			_, err := b.d.Reload(t.Context())
			b.must(err)
		},
		"another inventory": func(b *bench, _, _ string, _ protocol.Decide) {
			b.write("targets.yaml", strings.Replace(testTargets, "[deploy, root]", "[root]", 1))
			_, err := b.d.Reload(t.Context())
			b.must(err)
		},
	} {
		b := newBench(t)
		conn, ann := b.connect(policy.Agent, "bot"), b.connect(policy.Person, "ann")
		q := b.question(conn, "echo", "x")
		b.clock.later(func() { meanwhile(b, conn, ann, q) })
		got, err := b.door.Decide(t.Context(), q)
		if got.Certificate != nil || got.Line != "" || err == nil && got.Fault == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if name != "another inventory" && code(err) != protocol.CodeRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same rules in another file change nothing.
	b := newBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "echo", "x")
	b.clock.later(func() {
		b.write("policy.yaml", testPolicy+"# as before\n")
		_, err := b.d.Reload(t.Context())
		b.must(err)
	})
	if got, err := b.door.Decide(t.Context(), q); err != nil || got.Certificate == nil {
		t.Errorf("the same rules: %v", err)
	}
}

// fill takes every free byte of a file's disk.
func (b *bench) fill(path string) {
	b.t.Helper()
	for { // whole pages, then nothing more
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		b.must(err)
		_, err = f.Write(bytes.Repeat([]byte{1}, 4096))
		b.must(f.Close())
		if err != nil {
			return
		}
	}
}

// TestNoEvidenceNoCertificate: with the disk full nothing is issued, nothing is remembered, and it works again with space.
func TestNoEvidenceNoCertificate(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
	disk := filepath.Join(b.dir, "decider")
	b.must(os.Mkdir(disk, 0o700))
	b.must(unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { b.must(unix.Unmount(disk, unix.MNT_DETACH)) })
	b.write("policy.yaml", strings.Replace(testPolicy, "    allow:\n", "    allow:\n      - cat <path:/srv/**>...\n", 1))
	b.write("targets.yaml", testTargets)
	b.open()
	b.connectDoor()
	conn := b.connect(policy.Agent, "bot")
	cert := b.issued(policy.Agent, "bot", 60e9)
	filler := filepath.Join(disk, "filler")
	b.fill(filler)
	before := len(b.entries())
	key, _ := newKey(t)
	local := b.question(conn, "echo", "x")
	local.Target, local.Login = "bastion-host", "ops"
	big := []string{"echo"} // more than what is left of the log's last page
	for range 50 {
		big = append(big, strings.Repeat("x", 200))
	}
	q, pinned := b.question(conn, big...), b.question(conn, append([]string{"printf"}, big...)...)
	local.Plan = run(big...)
	paths := []string{"cat"}
	for _, w := range big[1:] {
		paths = append(paths, "/srv/"+w+strconv.Itoa(len(paths))) // each to be looked up, and noted
	}
	look := b.question(conn, paths...)
	look.ProbeKey, look.Facts = key.Marshal(), policy.Facts{}
	newConn := b.id(id.Connection)
	for name, try := range map[string]func() (bool, error){
		"plain": func() (bool, error) { got, err := b.door.Decide(t.Context(), q); return got.Certificate != nil, err },
		"pinned": func() (bool, error) {
			got, err := b.door.Decide(t.Context(), pinned)
			return got.Certificate != nil, err
		},
		"look": func() (bool, error) {
			got, err := b.door.Decide(t.Context(), look)
			return got.ProbeCertificate != nil, err
		},
		"local": func() (bool, error) { got, err := b.door.Decide(t.Context(), local); return got.Permit != nil, err },
		"sweep": func() (bool, error) {
			got, err := b.door.Sweep(t.Context(), protocol.Sweep{Session: b.id(id.Session), Target: "web-1", Login: "deploy", PublicKey: key.Marshal(), Reason: strings.Repeat("x", 4096)})
			return got.Certificate != nil, err
		},
	} {
		got, err := try()
		if got || code(err) != protocol.CodeEvidence {
			t.Errorf("%s on a full disk: got something %t, %v", name, got, err)
		}
	}
	b.d.mu.RLock()
	if len(b.d.sessions) != 0 || b.d.held != 0 {
		t.Errorf("%d sessions, %d bytes are remembered", len(b.d.sessions), b.d.held)
	}
	b.d.mu.RUnlock()
	b.must(os.Remove(filler))
	if got, err := b.door.Decide(t.Context(), q); err != nil || got.Certificate == nil {
		t.Errorf("with space again: %v", err)
	}
	in := protocol.Authenticate{Connection: newConn, Certificate: cert, Source: "192.0.2.1", Proven: true}
	if _, err := b.door.Authenticate(t.Context(), in); err != nil {
		t.Errorf("with space again: %v", err)
	}
	for _, e := range b.entries()[before:] {
		if e.Type == audit.CertIssue && e.Session != q.Session {
			t.Errorf("the log has %+v", e)
		}
	}
}
