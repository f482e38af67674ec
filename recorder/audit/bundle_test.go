package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/recorder"
)

// provable makes a log with a whole session among others, and its recording of several chunks.
func provable(t testing.TB) (logDir, recDir string) { return provableOf(t, 60_000) }

func provableOf(t testing.TB, block int) (logDir, recDir string) {
	t.Helper()
	logDir, recDir = t.TempDir(), t.TempDir()
	l := openTest(t, logDir)
	put := func(typ Type, conn string, v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = l.Append(context.Background(), Entry{Type: typ, Conn: conn, Session: recSession, Data: b})
		return err
	}
	mustAppend(t, l, Entry{Type: KeysUsed, Data: json.RawMessage(`{"cas":{}}`)}, Entry{Type: PolicyLoad, Policy: "sha256:old"}, Entry{Type: PolicyLoad, Policy: "sha256:new"},
		Entry{Type: Issue, Object: "agent:a", Serial: "41", Outcome: "ok"}, Entry{Type: Issue, Object: "agent:b", Serial: "42", Outcome: "ok"})
	fill(t, l, 7)
	mustAppend(t, l, Entry{Type: ConnOpen, Actor: "agent:a", Conn: "con_1", Serial: "41", Policy: "sha256:new"},
		Entry{Type: ConnOpen, Actor: "agent:b", Conn: "con_2", Serial: "42", Policy: "sha256:new"},
		Entry{Type: Decision, Actor: "agent:a", Conn: "con_1", Session: "ses_other", Outcome: "allow", Policy: "sha256:new"},
		Entry{Type: Decision, Actor: "agent:a", Conn: "con_1", Session: recSession, Target: "web-1", Login: "deploy", Outcome: "allow", Policy: "sha256:new"},
		Entry{Type: CertIssue, Actor: "agent:a", Session: recSession, Serial: "900"})
	r, err := recorder.New(recorder.Config{Dir: recDir, Commit: func(_ context.Context, c recorder.Chunk) error { return put(RecChunk, "", c) }})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Open(t.Context(), recorder.Header{Session: recSession})
	if err != nil {
		t.Fatal(err)
	}
	noise := mathrand.New(mathrand.NewPCG(1, 2))
	for range 24 {
		b := make([]byte, block)
		for i := range b {
			b[i] = byte(noise.Uint32())
		}
		if err := rec.Write(recorder.Output, b); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, l, 2)
	sum, err := rec.Close(t.Context(), recorder.End{State: "ended"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(put(RecClose, "", sum), put(SessionEnd, "con_1", map[string]any{"recording": sum})); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, Entry{Type: ConnClose, Actor: "agent:a", Conn: "con_1"}, Entry{Type: PolicyLoad, Policy: "sha256:newer"})
	fill(t, l, 9)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return logDir, recDir
}

func proveTest(t testing.TB, logDir, recDir string, checkpoint []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Prove(context.Background(), &out, ProveOptions{LogDir: logDir, RecordingsDir: recDir, VerifierKey: verifierKey(t, logDir), Session: recSession, Checkpoint: checkpoint}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verifierKey(t testing.TB, logDir string) string {
	t.Helper()
	pub, err := os.ReadFile(filepath.Join(logDir, VerifierFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(pub))
}

// file is one file of a bundle.
type file struct {
	name string
	body []byte
}

func unpack(t testing.TB, bundle []byte) (files []file) {
	t.Helper()
	in := tar.NewReader(bytes.NewReader(bundle))
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{h.Name, body})
	}
}

func pack(t testing.TB, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := bundleWriter{tar.NewWriter(&out)}
	for _, f := range files {
		if err := w.add(f.name, int64(len(f.body)), bytes.NewReader(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.tar.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A bundle holds the session, what vouches for it and nothing of others, and verifies by itself.
func TestProve(t *testing.T) {
	logDir, recDir := provable(t)
	bundle := proveTest(t, logDir, recDir, nil)
	if again := proveTest(t, logDir, recDir, nil); !bytes.Equal(again, bundle) {
		t.Error("the same session gives another bundle the second time")
	}
	rep, err := VerifyBundle(t.Context(), bytes.NewReader(bundle), BundleOptions{VerifierKey: verifierKey(t, logDir)})
	if err != nil || rep.Bad != nil || !rep.Recorded || rep.OwnKey || rep.Actor != "agent:a" || rep.Target != "web-1" || rep.Chunks < 2 {
		t.Fatalf("%+v, %v, %v", rep, rep.Bad, err)
	}
	have := map[string]int{}
	for _, f := range unpack(t, bundle) {
		if f.name != bundleEntries {
			continue
		}
		for line := range bytes.Lines(f.body) {
			e, err := Parse(bytes.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			have[string(e.Type)+" "+e.Conn+e.Serial+e.Policy]++
			if e.Session == "ses_other" || e.Conn == "con_2" || e.Serial == "42" {
				t.Errorf("it tells of others: %s", line)
			}
		}
	}
	for _, want := range []string{"log.start ", "keys ", "policy.load sha256:new", "issue 41", "conn.open con_141sha256:new", "decision con_1sha256:new", "cert.issue 900",
		"rec.close ", "session.end con_1", "conn.close con_1"} {
		if have[want] != 1 {
			t.Errorf("%q is in it %d times; it has %v", want, have[want], have)
		}
	}
	if have["policy.load sha256:old"]+have["policy.load sha256:newer"] > 0 {
		t.Errorf("it has policies that were not in force: %v", have)
	}
}
