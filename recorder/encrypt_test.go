package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

// identity makes an age identity and the file that holds it.
func identity(t testing.TB) (*age.X25519Identity, string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id, file
}

func mustRecipient(t testing.TB, text string) Recipient {
	t.Helper()
	r, err := ParseRecipient(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newSealedRecorder encrypts for to, and reads with ids.
func newSealedRecorder(t testing.TB, dir string, to []Recipient, ids ...age.Identity) (*Recorder, *ledger) {
	t.Helper()
	l := &ledger{}
	r, err := New(Config{Dir: dir, Commit: l.commit, Encryption: Encryption{Recipients: to, Identities: ids}})
	if err != nil {
		t.Fatal(err)
	}
	return r, l
}

const secretText = "the launch code is 0000"

// An encrypted recording holds nothing of what was said, its chunks cover it, and whoever has an identity of a recipient
// reads exactly what was written; nobody else reads anything.
func TestEncrypted(t *testing.T) {
	ann, annFile := identity(t)
	ben, _ := identity(t)
	eve, _ := identity(t)
	dir := t.TempDir()
	r, l := newSealedRecorder(t, dir, []Recipient{mustRecipient(t, ann.Recipient().String()), mustRecipient(t, ben.Recipient().String())})
	rec := openTest(t, r, testSession)
	var want strings.Builder
	for range 400 {
		text := strings.Repeat(secretText, 100)
		mustWrite(t, rec, Output, text)
		want.WriteString(text)
	}
	sum := mustClose(t, rec)
	path := mustPath(dir)
	checkChunks(t, dir, l.all(), sum)
	file, err1 := os.ReadFile(path)
	key, err2 := os.ReadFile(KeyPath(path))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if zstd, err := exec.Command("zstd", "-dc", path).Output(); err != nil || len(zstd) != 0 || bytes.Contains(file, []byte("launch")) || bytes.Contains(key, []byte(secretText)) {
		t.Errorf("zstd reads %d bytes of it, %v", len(zstd), err)
	}
	for name, id := range map[string]age.Identity{"ann": ann, "ben": ben} {
		mine, _ := newSealedRecorder(t, dir, nil, id)
		if got, err := readAll(t, mine, testSession); err != nil || got != want.String() {
			t.Errorf("%s reads %d bytes, %v", name, len(got), err)
		}
	}
	for name, e := range map[string]Encryption{"nobody": {}, "eve": {Identities: []age.Identity{eve}}} {
		_, err := OpenFileWith(path, "", e)
		if locked := (*EncryptedError)(nil); !errors.As(err, &locked) || locked.Lost || !strings.Contains(err.Error(), ann.Recipient().String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	judgeSealed(t, path, annFile, want.Len())
}

// judgeSealed lets the judge read an encrypted recording with and without an identity.
func judgeSealed(t *testing.T, path, identity string, size int) {
	t.Helper()
	var seen struct {
		Events [][3]any
		Locked int
	}
	if err := json.Unmarshal(judge(t, "recording", path), &seen); err != nil || seen.Locked == 0 || len(seen.Events) != 0 {
		t.Errorf("without an identity the judge sees %d frames, %d events, %v", seen.Locked, len(seen.Events), err)
	}
	if size > 64<<10 {
		return // slow and short
	}
	if err := json.Unmarshal(judge(t, "recording", path, identity), &seen); err != nil || seen.Locked != 0 || len(seen.Events) == 0 {
		t.Errorf("with an identity the judge sees %d frames, %d events, %v", seen.Locked, len(seen.Events), err)
	}
}

// While a session lives it can be watched without any identity; once it is closed, it cannot be read.
func TestEncryptedLive(t *testing.T) {
	id, _ := identity(t)
	synctest.Test(t, func(t *testing.T) {
		r, _ := newSealedRecorder(t, t.TempDir(), []Recipient{mustRecipient(t, id.Recipient().String())})
		rec := openTest(t, r, testSession)
		mustWrite(t, rec, Output, "on disk, ")
		time.Sleep(time.Second)
		synctest.Wait()
		mustWrite(t, rec, Output, "in memory")
		seen := make(chan string)
		go func() {
			var text strings.Builder
			for e, err := range r.Follow(t.Context(), testSession) {
				if err != nil {
					text.WriteString(err.Error())
				}
				text.Write(e.Data)
			}
			seen <- text.String()
		}()
		synctest.Wait()
		if got, err := readAll(t, r, testSession); err != nil || got != "on disk, " {
			t.Errorf("read while live: %q, %v", got, err)
		}
		mustClose(t, rec)
		if got := <-seen; got != "on disk, in memory" {
			t.Errorf("followed %q", got)
		}
		if _, err := r.Read(testSession); !errors.As(err, new(*EncryptedError)) {
			t.Errorf("after the close: %v", err)
		}
	})
}

// The key is there before the recording is, so that no crash leaves a recording that nobody can read; when it is destroyed
// the recording is what the log says, and nobody reads it.
func TestEncryptedKeyFile(t *testing.T) {
	id, _ := identity(t)
	dir := t.TempDir()
	r, l := newSealedRecorder(t, dir, []Recipient{mustRecipient(t, id.Recipient().String())}, id)
	path := mustPath(dir)
	if err := errors.Join(makeDirDurable(filepath.Dir(path)), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(t.Context(), Header{Session: testSession}); err == nil {
		t.Fatal("a recording was opened over another file")
	}
	if _, err := os.Stat(KeyPath(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key of a recording that was not opened: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rec := openTest(t, r, testSession)
	if _, err := os.Stat(KeyPath(path)); err != nil {
		t.Errorf("the key of an open recording: %v", err)
	}
	mustWrite(t, rec, Output, secretText)
	sum := mustClose(t, rec)
	if err := os.Remove(KeyPath(path)); err != nil {
		t.Fatal(err)
	}
	_, err := r.Read(testSession)
	if lost := (*EncryptedError)(nil); !errors.As(err, &lost) || !lost.Lost {
		t.Errorf("without its key: %v", err)
	}
	checkChunks(t, dir, l.all(), sum)
}

// A crash: Recover commits the tail without any identity, and says when the key is missing.
func TestEncryptedRecover(t *testing.T) {
	id, _ := identity(t)
	to := []Recipient{mustRecipient(t, id.Recipient().String())}
	dir := t.TempDir()
	r, _ := newSealedRecorder(t, dir, to)
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, secretText)
	mustClose(t, rec)
	path := mustPath(dir)
	file, err1 := os.ReadFile(path)
	key, err2 := os.ReadFile(KeyPath(path))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{len(file), len(file) - 1} {
		for name, c := range map[string]struct {
			key []byte
			ids []age.Identity
		}{"identity": {key, []age.Identity{id}}, "locked": {key, nil}, "no key": {nil, []age.Identity{id}}} {
			dir := t.TempDir()
			r, l := newSealedRecorder(t, dir, to, c.ids...)
			path := mustPath(dir)
			if err := errors.Join(makeDirDurable(filepath.Dir(path)), os.WriteFile(path, file[:cut], 0o600), os.WriteFile(markerPath(dir, testSession), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			if c.key != nil {
				if err := os.WriteFile(KeyPath(path), c.key, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := r.Recover(t.Context())
			if err != nil || len(got) != 1 {
				t.Fatalf("%s, cut at %d: %+v, %v", name, cut, got, err)
			}
			checkChunks(t, dir, l.all(), got[0].Summary)
			counted := name == "identity" && cut == len(file)
			if got[0].Torn != (cut < len(file)) || got[0].Locked != (name != "identity") || got[0].NoKey != (name == "no key") || (got[0].BytesOut != 0) != counted && cut == len(file) {
				t.Errorf("%s, cut at %d: %+v", name, cut, got[0])
			}
		}
	}
}

// What was sealed cannot be changed, moved, or put into another recording without notice.
func TestEncryptedTampering(t *testing.T) {
	id, _ := identity(t)
	dir := t.TempDir()
	r, _ := newSealedRecorder(t, dir, []Recipient{mustRecipient(t, id.Recipient().String())}, id)
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, secretText)
	mustClose(t, rec)
	path := mustPath(dir)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := r.Read(testSession)
	if err != nil {
		t.Fatal(err)
	}
	start := int(rd.pos)
	raw, err := rd.next()
	if err != nil || len(raw) == 0 {
		t.Fatal(err)
	}
	end := int(rd.pos)
	rd.Close()
	for i := start; i < end; i++ {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		refuseSealed(t, path, bad, id, "a bit was changed")
	}
	refuseSealed(t, path, append(append(bytes.Clone(file[:end]), file[start:end]...), file[end:]...), id, "a frame was repeated")
	plain := append(bytes.Clone(file[:start]), dataFrame(r.enc, nil, raw)...)
	refuseSealed(t, path, append(plain, file[end:]...), id, "a frame that is not encrypted")
	other := testSession[:len(testSession)-1] + "1"
	r2, _ := newSealedRecorder(t, dir, []Recipient{mustRecipient(t, id.Recipient().String())}, id)
	mustClose(t, openTest(t, r2, other))
	otherPath, _ := Path(dir, other)
	key, err := os.ReadFile(KeyPath(otherPath))
	if err := errors.Join(err, os.WriteFile(path, file, 0o600), os.WriteFile(KeyPath(path), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(testSession); !errors.As(err, new(*EncryptedError)) || !strings.Contains(err.Error(), "not of "+testSession) {
		t.Errorf("with another recording's key: %v", err)
	}
}

func refuseSealed(t *testing.T, path string, file []byte, id age.Identity, what string) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	rd, err := OpenFileWith(path, "", Encryption{Identities: []age.Identity{id}})
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	for _, err := range rd.Events() {
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
	}
	t.Errorf("%s: nothing was noticed", what)
}

// Recipients and identities are what age and ssh-keygen write.
func TestRecipients(t *testing.T) {
	dir := t.TempDir()
	sshKey := filepath.Join(dir, "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann@laptop", "-f", sshKey).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(sshKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	r := mustRecipient(t, strings.TrimSpace(string(public)))
	ids, err := LoadIdentities(sshKey)
	if err != nil {
		t.Fatal(err)
	}
	both := Encryption{Recipients: []Recipient{r}, Identities: ids}
	if n, err := both.Check(); n != 1 || err != nil || !strings.HasPrefix(r.Name, "ssh-ed25519 SHA256:") {
		t.Errorf("%s: %d, %v", r.Name, n, err)
	}
	id, file := identity(t)
	other := Encryption{Recipients: []Recipient{r, mustRecipient(t, id.Recipient().String())}}
	if other.Identities, err = LoadIdentities(file); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Check(); n != 1 || err != nil {
		t.Errorf("%d of 2 open, %v", n, err)
	}
	list := filepath.Join(dir, "recipients")
	if err := os.WriteFile(list, []byte("# two people\n\n"+string(public)+"age1nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRecipients(list); err == nil || !strings.Contains(err.Error(), "recipients:4: ") {
		t.Errorf("the error names no line: %v", err)
	}
	for _, bad := range []string{"", "ssh-ed25519 AAAA", id.String(), "age1", "ecdsa-sha2-nistp256 AAAA", "age1x\nage1y"} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%q is a recipient", bad)
		}
	}
}

// The golden encrypted file means today what it meant when it was written, to us and to the judge with the age program.
func TestGoldenSealed(t *testing.T) {
	path, file := filepath.Join("testdata", "golden2.ghr"), filepath.Join("testdata", "golden2.identity")
	if *update {
		writeGoldenSealed(t, path, file)
	}
	ids, err := LoadIdentities(file)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := OpenFileWith(path, "", Encryption{Identities: ids})
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	n := 0
	for e, err := range rd.Events() {
		if w := goldenEvents[n]; err != nil || e.At != w.At || e.Code != w.Code || !bytes.Equal(e.Data, w.Data) {
			t.Errorf("event %d is %+v, %v", n, e, err)
		}
		n++
	}
	if n != len(goldenEvents) || rd.End() == nil {
		t.Errorf("%d events, end %+v", n, rd.End())
	}
	judgeSealed(t, path, file, 0)
}

func writeGoldenSealed(t *testing.T, path, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to := mustRecipient(t, id.Recipient().String())
	e := Encryption{Recipients: []Recipient{to}}
	aead, key, err := e.newKey(testSession)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := newTestRecorder(t, t.TempDir())
	out, err1 := metaFrame(magicHeader, cipherVersion, Header{
		Version: cipherVersion, Session: testSession, Connection: "con_01KB0000000000000000000000", Identity: "agent:a", Target: "web-1",
		Login: "deploy", Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Cipher: cipherName, Recipients: e.Names(),
	})
	for _, events := range [][]Event{goldenEvents[:3], goldenEvents[3:]} {
		var raw []byte
		for _, e := range events {
			raw = appendEvent(raw, e.At, e.Code, e.Data)
		}
		out = append(out, cipherFrame(r.enc, aead, nil, raw, int64(len(out)))...)
	}
	end, err2 := metaFrame(magicEnd, cipherVersion, End{State: "ended", Duration: (8 * time.Hour).Microseconds(), BytesIn: 400, BytesOut: 8})
	if err := errors.Join(err1, err2, os.WriteFile(path, append(out, end...), 0o644), os.WriteFile(KeyPath(path), key, 0o644), os.WriteFile(file, []byte(id.String()+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
}
