package witness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/recorder/audit"
)

// theLog is a real log that the attacker of these tests owns, key and all.
type theLog struct {
	t   *testing.T
	dir string
	key string
}

func (l theLog) open() *audit.Log {
	l.t.Helper()
	signer, vkey, err := audit.LoadOrCreateKey(l.dir, origin)
	if err != nil {
		l.t.Fatal(err)
	}
	log, err := audit.Open(audit.Config{Dir: l.dir, Signer: signer, VerifierKey: vkey, Origin: origin, Node: "door-1"})
	if err != nil {
		l.t.Fatal(err)
	}
	return log
}

func (l theLog) write(from, to int) {
	l.t.Helper()
	log := l.open()
	for i := from; i < to; i++ {
		if _, err := log.Append(l.t.Context(), audit.Entry{Type: audit.Decision, Actor: "agent:a", Outcome: "deny", Reason: fmt.Sprint("reason ", i)}); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		l.t.Fatal(err)
	}
}

func (l theLog) file(name string) []byte {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

// ask is what the decider does: from the size that the witness says it has.
func (l theLog) ask(w *Witness) error {
	l.t.Helper()
	msg := l.file("checkpoint")
	cp, err := audit.OpenCheckpoint(msg, mustVerifier(l.t, l.key))
	if err != nil {
		return err
	}
	if cp.Size < w.Size() {
		_, err := w.Add(Request{Note: msg})
		return err
	}
	proof, err := audit.Extension(l.t.Context(), l.dir, w.Size(), cp)
	if err != nil {
		return err
	}
	_, err = w.Add(Request{Old: w.Size(), Proof: proof, Note: msg})
	return err
}

// rewrite makes the log anew with its key, with the lines that change makes of the old ones.
func (l theLog) rewrite(change func([][]byte) [][]byte) {
	l.t.Helper()
	lines := change(bytes.SplitAfter(bytes.TrimSuffix(l.file("entries"), []byte("\n")), []byte("\n")))
	for _, name := range []string{"entries", "hashes", "checkpoint", "checkpoints"} {
		if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
			l.t.Fatal(err)
		}
	}
	log := l.open()
	for _, line := range lines[1:] { // the first entry writes itself
		e, err := audit.Parse(bytes.TrimSpace(line))
		if err != nil {
			l.t.Fatal(err)
		}
		if _, err := log.Append(l.t.Context(), e); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// Whoever holds the log's key can make any past; nothing on the machine shows it. A checkpoint kept elsewhere does, and so does a
// witness, which does not cosign it.
func TestForgedWithTheKey(t *testing.T) {
	for _, c := range []struct {
		name   string
		attack func(l theLog, backup string)
	}{
		{"an entry changed", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte {
				lines[7] = bytes.Replace(lines[7], []byte("deny"), []byte("allow"), 1)
				return lines
			})
		}},
		{"an entry removed", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte { return append(lines[:9:9], lines[10:]...) })
		}},
		{"two entries swapped", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte { lines[4], lines[5] = lines[5], lines[4]; return lines })
		}},
		{"an entry inserted", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte {
				return append(lines[:5:5], append([][]byte{lines[3]}, lines[5:]...)...)
			})
		}},
		{"the end cut off", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte { return lines[:15] })
		}},
		{"the end replaced, longer", func(l theLog, _ string) {
			l.rewrite(func(lines [][]byte) [][]byte { return lines[:15] })
			l.write(100, 140)
		}},
		{"an older backup put back", func(l theLog, backup string) { l.restore(backup) }},
		{"an older backup put back and gone on with", func(l theLog, backup string) {
			l.restore(backup)
			l.write(200, 240)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := theLog{t: t, dir: t.TempDir()}
			l.write(0, 10)
			l.key = strings.TrimSpace(string(l.file(audit.VerifierFile)))
			backup := t.TempDir()
			if err := os.CopyFS(backup, os.DirFS(l.dir)); err != nil {
				t.Fatal(err)
			}
			l.write(10, 20)
			w, err := New(Config{Dir: t.TempDir(), Name: "w", Origin: origin, LogKey: l.key})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := l.ask(w); err != nil {
				t.Fatal(err)
			}
			kept := w.Newest()
			c.attack(l, backup)
			if rep := l.verify(nil); rep.Bad != nil {
				t.Errorf("the machine itself shows it: %v; docs/audit.md says that it does not", rep.Bad)
			}
			if rep := l.verify(kept); rep.Bad == nil {
				t.Error("a checkpoint from before does not show it")
			}
			_, err = audit.Consistency(t.Context(), l.dir, l.key, kept)
			if !errors.Is(err, audit.ErrRollback) && !errors.Is(err, audit.ErrFork) {
				t.Errorf("consistency says %v", err)
			}
			var stale *StaleError
			if err := l.ask(w); !errors.Is(err, ErrProof) && !errors.Is(err, ErrFork) && !errors.As(err, &stale) {
				t.Errorf("the witness says %v", err)
			}
			if !bytes.Equal(w.Newest(), kept) {
				t.Error("the witness has forgotten what it cosigned")
			}
		})
	}
}

func (l theLog) restore(backup string) {
	l.t.Helper()
	if err := errors.Join(os.RemoveAll(l.dir), os.CopyFS(l.dir, os.DirFS(backup)), os.Chmod(filepath.Join(l.dir, audit.KeyFile), 0o600)); err != nil {
		l.t.Fatal(err)
	}
}

func (l theLog) verify(checkpoint []byte) audit.Report {
	l.t.Helper()
	rep, err := audit.Verify(l.t.Context(), audit.VerifyOptions{LogDir: l.dir, VerifierKey: l.key, Checkpoint: checkpoint})
	if err != nil {
		l.t.Fatal(err)
	}
	return rep
}
