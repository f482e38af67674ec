package look

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// states looks at files of this machine by OpenSSH's own server.
func states(t *testing.T, dir string, names ...string) map[string]policy.FileState {
	t.Helper()
	l, err := New(t.Context(), startLocal(t, dir, true), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return facts(t, l, contentProbes(dir, names...)...).Contents
}

func contentProbes(dir string, names ...string) (probes []policy.Probe) {
	for _, n := range names {
		probes = append(probes, policy.Probe{Kind: policy.ProbeContent, Name: filepath.Join(dir, n), Hash: true})
	}
	return probes
}

// TestStates: a file's content, where a link leads, what is not there, and why something is not bound.
func TestStates(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("0123456789abcdef", 10_000)
	for name, text := range map[string]string{"a": "one\n", "b": "two\n", "big": big, "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Symlink("a", filepath.Join(dir, "link")), os.Symlink("gone", filepath.Join(dir, "nowhere")), os.Mkdir(filepath.Join(dir, "folder"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := states(t, dir, "a", "big", "empty", "link", "nowhere", "none", "folder")
	for name, want := range map[string]policy.FileState{
		"a":       {Kind: policy.PathFile, SHA256: sum("one\n"), Size: 4},
		"big":     {Kind: policy.PathFile, SHA256: sum(big), Size: int64(len(big))},
		"empty":   {Kind: policy.PathFile, SHA256: sum("")},
		"link":    {Kind: policy.PathFile, SHA256: sum("one\n"), Size: 4, Real: filepath.Join(dir, "a")},
		"nowhere": {Missing: true, Real: filepath.Join(dir, "gone")},
		"none":    {Missing: true},
		"folder":  {Kind: policy.PathDir, Why: "what is in a folder is not looked at"},
	} {
		want.Path = filepath.Join(dir, name)
		if s := got[want.Path]; s != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, s, want)
		}
		if got[want.Path].Bound() != (name != "folder") {
			t.Errorf("%s: bound %v", name, got[want.Path].Bound())
		}
	}
	if got := states(t, "/proc/self", "status"); got["/proc/self/status"].SHA256 != "" && got["/proc/self/status"].Kind != policy.PathOther {
		t.Errorf("a file of a process: %+v", got)
	}
}

// TestStatesWithinBounds: what is larger, one file or all together, is not bound, and says so; the files before it are.
func TestStatesWithinBounds(t *testing.T) {
	l, err := New(t.Context(), serve(t, sparse), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := facts(t, l, contentProbes("/", "over", "1", "2", "3", "4", "5")...).Contents
	for name, why := range map[string]string{"/over": "it is larger than 16 MiB", "/5": "the files are larger than 64 MiB together"} {
		if s := got[name]; s.Why != why || s.Bound() || s.Size == 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, name := range []string{"/1", "/2", "/3", "/4"} {
		if s := got[name]; !s.Bound() || s.Size != MaxContent {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// sparse is a server whose files are of zeros.
func sparse(kind byte, id uint32, body []byte) []byte {
	r := sftp.Reader{B: body}
	name := r.Text()
	switch kind {
	case sftp.PacketLstat:
		if name == "/" {
			return file(id, sftp.ModeDir|0o755, 0, 0)
		}
		size := uint64(MaxContent)
		if name == "/over" {
			size++
		}
		return file(id, sftp.ModeFile|0o644, 0, size)
	case sftp.PacketOpen:
		return made(sftp.PacketHandle, id, sftp.AppendText(nil, "h"))
	case sftp.PacketRead:
		if r.Uint64() >= MaxContent {
			return status(id, sftp.StatusEOF)
		}
		return made(sftp.PacketData, id, sftp.AppendText(nil, zeros))
	}
	return status(id, sftp.StatusOK)
}

var zeros = string(make([]byte, chunk))

// TestStateWhileItChanges: a file that grows under the reader, cannot be read, or never ends is not bound.
func TestStateWhileItChanges(t *testing.T) {
	for name, c := range map[string]struct {
		read func(id uint32) []byte
		why  string
	}{
		"endless": {func(id uint32) []byte { return made(sftp.PacketData, id, sftp.AppendText(nil, zeros)) }, "it grows while it is read"},
		"denied":  {func(id uint32) []byte { return status(id, sftp.StatusDenied) }, "the login may not read it"},
		"failing": {func(id uint32) []byte { return status(id, sftp.StatusFailure) }, "the login may not read it"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := New(t.Context(), serve(t, func(kind byte, id uint32, body []byte) []byte {
				if kind == sftp.PacketRead {
					return c.read(id)
				}
				return sparse(kind, id, body)
			}), Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if s := facts(t, l, contentProbes("/", "x")...).Contents["/x"]; s.Why != c.why || s.Bound() {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestReadingIsLate: once the time is over nothing more is read, and it is said of each file that is left.
func TestReadingIsLate(t *testing.T) {
	timer := make(chan time.Time, 1)
	r := &reading{left: 100, timer: timer}
	if err := r.more(10); err != nil || r.left != 90 {
		t.Fatal(err, r.left)
	}
	timer <- time.Time{}
	for range 2 {
		if err := r.more(1); err != errLate {
			t.Fatal(err)
		}
	}
	v := &visit{}
	if sum, why, err := v.sum("/x", 1, r); sum != "" || why != errLate.Error() || err != nil {
		t.Error(sum, why, err)
	}
}

// TestStatesByTheirLogin: on a real target the login reads what it may, over a certificate that can do nothing else; one that is only
// for looking reads nothing.
func TestStatesByTheirLogin(t *testing.T) {
	h := startHost(t)
	h.root("echo x >/home/deploy/file; echo echo hello >/home/deploy/run.sh; chown deploy /home/deploy/run.sh; echo secret >/root/key; chmod 700 /root; echo x >/home/deploy/hidden; chmod 600 /home/deploy/hidden")
	l := h.looker("deploy", true)
	got := facts(t, l, contentProbes("/", "home/deploy/run.sh", "root/key", "home/deploy/hidden")...).Contents
	if s := got["/home/deploy/run.sh"]; s.SHA256 != sum("echo hello\n") {
		t.Errorf("%+v", s)
	}
	if s := got["/root/key"]; !s.Missing {
		t.Errorf("what the login cannot see: %+v", s)
	}
	if s := got["/home/deploy/hidden"]; s.Bound() || s.Why != "the login may not read it" {
		t.Errorf("what it cannot read: %+v", s)
	}
	only := h.looker("deploy", false)
	if s := facts(t, only, contentProbes("/", "home/deploy/run.sh")...).Contents["/home/deploy/run.sh"]; s.Bound() {
		t.Errorf("read by a certificate that only looks: %+v", s)
	}
	refusesOthers(t, l, true)
}
