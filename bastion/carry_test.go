package bastion

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/console"
	"gatehouse/internal/decider"
	"gatehouse/internal/store"
	"gatehouse/internal/testhost"
	"gatehouse/recorder"
)

const carryPolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents:
  bot: {owner: person:ann, roles: [carrier]}
  reader: {owner: person:ann, roles: [reads]}
  small: {owner: person:ann, roles: [small]}
  middle: {owner: person:ann, roles: [middle]}
  short: {owner: person:ann, roles: [short]}
  held: {owner: person:ann, roles: [held]}
  none: {owner: person:ann, roles: [runs]}
  onlyscp: {owner: person:ann, roles: [onlyscp]}
roles:
  oncall: {rights: [view, operate]}
  carrier: {targets: ["*"], logins: [deploy, root, ops], files: {read: ["/srv/in/**", "/tmp/gatehouse-files-test/**"], write: ["/srv/in/**", "/tmp/gatehouse-files-test/**"]}}
  reads: {targets: ["*"], logins: [deploy], files: {read: ["/srv/in/**"]}}
  small: {targets: ["*"], logins: [deploy], files: {read: ["/srv/in/**"], write: ["/srv/in/**"], max_file: 1KiB}}
  middle: {targets: ["*"], logins: [deploy], files: {write: ["/srv/in/**"], max_file: 1MiB}}
  short: {targets: ["*"], logins: [deploy], files: {read: ["/srv/in/**"], write: ["/srv/in/**"]}, limits: {bytes_out: 64KiB, bytes_in: 64KiB}}
  held: {targets: ["*"], logins: [deploy], files: {read: ["/srv/in/**"], write: ["/srv/in/**"], hold: {secrets: true, types: [text, gzip], max: 1MiB}}}
  runs: {targets: ["*"], logins: [deploy], allow: ["echo <text>..."]}
  onlyscp: {targets: ["*"], logins: [deploy], files: {read: ["/srv/in/**"], by: [scp]}}
`

// as writes the stock clients' configuration for another agent.
func (f *filing) as(agent string) *filing {
	f.t.Helper()
	g := *f
	g.config = filepath.Join(f.dir, agent+"_config")
	key := filepath.Join(f.dir, agent)
	f.writeIdentity(key, agent)
	f.must(testhost.WriteSSHConfig(g.config, testhost.ClientHost{Alias: "deploy", Addr: f.addr, User: "deploy@web-1", Identity: key, KnownHosts: "/dev/null",
		Options: []string{"StrictHostKeyChecking no", "LogLevel ERROR"}}))
	return &g
}

// file is one event about a file.
type fileSeen struct {
	Op, Path, Direction, SHA256, Result, Why string
	PathB64                                  string `json:"path_b64"`
	Size                                     int64
	Ranges                                   [][2]int64
}

// files are what the recording of the last session with that command says of files.
func (f *filing) files(command string, state store.State) (store.Session, []fileSeen) {
	f.t.Helper()
	s := f.session(command, state)
	rd, err := f.server.cfg.Recorder.(*recorder.Recorder).Read(s.ID)
	f.must(err)
	defer rd.Close()
	var list []fileSeen
	for e, err := range rd.Events() {
		f.must(err)
		if e.Code == recorder.File {
			var v fileSeen
			f.must(json.Unmarshal(e.Data, &v))
			list = append(list, v)
		}
	}
	return s, list
}

// ends are the ends of files among them.
func ends(list []fileSeen) (out []fileSeen) {
	for _, e := range list {
		if e.Op == "close" {
			out = append(out, e)
		}
	}
	return out
}

// entries are the log's lines about files.
func (f *filing) entries() string {
	b, err := os.ReadFile(filepath.Join(decider.LogDir(filepath.Join(f.dir, "decider")), "entries"))
	f.must(err)
	var out []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, `"type":"file"`) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestHashes: what stock clients carry whole has its hash in recording and log, both ways and by both protocols.
func TestHashes(t *testing.T) {
	f := newFiling(t, carryPolicy)
	content := bytes.Repeat([]byte("0123456789abcdef\x00\xff"), 200_000)
	f.root("mkdir -p /srv/in; chown 2000:2000 /srv/in")
	f.must(os.WriteFile(f.on("/srv/in/big"), content, 0o644))
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "up"), content[1:], 0o644))
	if r := f.sftp("deploy", "get /srv/in/big "+dir+"/down\nput "+dir+"/up /srv/in/up\n"); r.Status != 0 {
		t.Fatalf("%+v", r)
	}
	s, list := f.files("sftp", store.Ended)
	got := ends(list)
	if len(got) != 2 || got[0].SHA256 != hexSum(content) || got[0].Result != "whole" || got[0].Direction != "read" || got[0].Size != int64(len(content)) ||
		got[1].SHA256 != hexSum(content[1:]) || got[1].Direction != "write" || got[1].Path != "/srv/in/up" {
		t.Errorf("ends: %+v", got)
	}
	if s.BytesOut < int64(len(content)) || s.BytesIn < int64(len(content)-1) || s.Mode != "pinned" || s.Exactness != "exact" || *s.Exit != 0 {
		t.Errorf("row: %+v", s)
	}
	for _, args := range [][]string{{"deploy:/srv/in/big", dir + "/old"}, {dir + "/up", "deploy:/srv/in/up2"}} {
		if r := f.scp(append([]string{"-O"}, args...)...); r.Status != 0 {
			t.Fatalf("%+v", r)
		}
	}
	_, list = f.files("scp -f /srv/in/big", store.Ended)
	if got := ends(list); len(got) != 1 || got[0].SHA256 != hexSum(content) {
		t.Errorf("scp -f: %+v", got)
	}
	_, list = f.files("scp -t /srv/in/up2", store.Ended)
	if got := ends(list); len(got) != 1 || got[0].SHA256 != hexSum(content[1:]) {
		t.Errorf("scp -t: %+v", got)
	}
	for _, name := range []string{"down", "old"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(b, content) {
			t.Errorf("%s is not what it was: %v", name, err)
		}
	}
	log := f.entries()
	if strings.Count(log, `"sha256":"`+hexSum(content)) != 2 || strings.Count(log, `"event":"decision"`) != 4 || strings.Count(log, `"outcome":"whole"`) != 4 {
		t.Errorf("log:\n%s", log)
	}
}

// TestPartial: a file that went by in part, twice, out of order or not to its end has no hash, and says which of it went by; one that
// came out of order and whole has one.
func TestPartial(t *testing.T) {
	f := newFiling(t, carryPolicy)
	f.root("mkdir -p /srv/in; printf 0123456789 >/srv/in/ten; chown -R 2000:2000 /srv/in")
	r := f.raw("bot", "deploy@web-1")
	h := r.open("/srv/in/ten", sftp.OpenRead)
	r.status(sftp.PacketRead, h, int64(2), 3)
	r.status(sftp.PacketClose, h)
	w := r.open("/srv/in/odd-\xff", sftp.OpenWrite|sftp.OpenCreate)
	r.status(sftp.PacketWrite, w, int64(5), "world")
	r.status(sftp.PacketWrite, w, int64(0), "hello")
	r.status(sftp.PacketClose, w)
	twice := r.open("/srv/in/twice", sftp.OpenWrite|sftp.OpenCreate)
	r.status(sftp.PacketWrite, twice, int64(0), "hello")
	r.status(sftp.PacketWrite, twice, int64(0), "HELLO")
	r.status(sftp.PacketClose, twice)
	over := r.open("/srv/in/ten", sftp.OpenWrite)
	r.status(sftp.PacketWrite, over, int64(0), "x")
	r.status(sftp.PacketClose, over)
	r.open("/srv/in/ten", sftp.OpenRead)
	r.c.Close() // with a file open
	_, list := f.files("sftp", store.Ended)
	got := ends(list)
	if len(got) != 5 {
		t.Fatalf("ends: %+v", got)
	}
	if got[0].Result != "partial" || got[0].SHA256 != "" || got[0].Size != 3 || len(got[0].Ranges) != 1 || got[0].Ranges[0] != [2]int64{2, 5} {
		t.Errorf("a part: %+v", got[0])
	}
	if got[1].Result != "whole" || got[1].SHA256 != hexSum([]byte("helloworld")) || got[1].PathB64 == "" {
		t.Errorf("out of order: %+v", got[1])
	}
	if got[2].SHA256 != "" || got[3].SHA256 != "" || got[2].Result != "partial" || got[3].Result != "partial" {
		t.Errorf("twice, and over what was there: %+v %+v", got[2], got[3])
	}
	if got[4].Result != "partial" || got[4].Why != "interrupted" {
		t.Errorf("left open: %+v", got[4])
	}
}

// TestKillTransfer: a kill in the middle of a file closes the client at once; the file's end says that it is a part.
func TestKillTransfer(t *testing.T) {
	f := newFiling(t, carryPolicy)
	f.root("mkdir -p /srv/in; truncate -s 2G /srv/in/huge; chown 2000:2000 /srv/in")
	r := f.raw("bot", "deploy@web-1")
	h := r.open("/srv/in/huge", sftp.OpenRead)
	r.status(sftp.PacketRead, h, int64(0), 4096)
	s := f.session("sftp", store.Live)
	report, err := f.server.Kill(t.Context(), console.KillOrder{Session: s.ID, Reason: "enough", By: console.Actor{Principal: "person:ann"}})
	if err != nil || len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := r.c.Ask(t.Context(), sftp.PacketRead, sftp.ReadAt(h, 4096, 4096)); err == nil {
		t.Error("a byte passed after the kill")
	}
	_, list := f.files("sftp", store.Killed)
	if got := ends(list); len(got) != 1 || got[0].Result != "partial" || got[0].Size != 4096 || got[0].Why != "interrupted" {
		t.Errorf("%+v", got)
	}
}

// TestTransferLimits: a file's limit, and a session's.
func TestTransferLimits(t *testing.T) {
	f := newFiling(t, carryPolicy)
	f.root("mkdir -p /srv/in; truncate -s 1025 /srv/in/large; truncate -s 1M /srv/in/larger; chown 2000:2000 /srv/in")
	r := f.raw("small", "deploy@web-1")
	w := r.open("/srv/in/w", sftp.OpenWrite|sftp.OpenCreate)
	for name, c := range map[string]struct{ got, want int }{
		"read a large file": {r.status(sftp.PacketOpen, "/srv/in/large", sftp.OpenRead, 0), denied},
		"write up to it":    {r.status(sftp.PacketWrite, w, int64(1000), strings.Repeat("x", 24)), sftp.StatusOK},
		"write beyond it":   {r.status(sftp.PacketWrite, w, int64(1000), strings.Repeat("x", 25)), denied},
		"stretch it":        {r.status(sftp.PacketFsetstat, w, sftp.Attrs{Known: sftp.AttrSize, Size: 1025}), denied},
		"far beyond":        {r.status(sftp.PacketWrite, w, int64(-1), "x"), failed},
	} {
		if c.got != c.want {
			t.Errorf("%s: status %d, want %d", name, c.got, c.want)
		}
	}
	g := f.as("short")
	if res := g.sftp("deploy", "get /srv/in/larger /dev/null\n"); res.Status == 0 || !strings.Contains(res.Stderr, "the policy lets it send 65536 bytes") {
		t.Errorf("%+v", res)
	}
	reader := f.raw("reader", "deploy@web-1")
	for name, got := range map[string]int{"write": reader.status(sftp.PacketOpen, "/srv/in/x", sftp.OpenWrite|sftp.OpenCreate, 0), "remove": reader.status(sftp.PacketRemove, "/srv/in/large")} {
		if got != denied {
			t.Errorf("a reader's %s: status %d", name, got)
		}
	}
	var many int
	for many = 0; many < 200 && r.ask(sftp.PacketOpen, "/srv/in/w", sftp.OpenWrite, 0).Kind == sftp.PacketHandle; many++ {
	}
	if many != 99 { // one is open already
		t.Errorf("%d handles more", many)
	}
	if got := f.sftp("root", "ls /srv/in/w\n"); got.Status != 0 {
		t.Errorf("the next client: %+v", got)
	}
}

// TestTooLargeUpload: the stock clients notice that a file was cut off at max_file, and the evidence does not call it whole.
func TestTooLargeUpload(t *testing.T) {
	f := newFiling(t, carryPolicy)
	f.root("mkdir -p /srv/in; chown 2000:2000 /srv/in")
	large := filepath.Join(t.TempDir(), "large")
	f.must(os.WriteFile(large, make([]byte, 3<<20), 0o644))
	g := f.as("middle")
	for name, r := range map[string]testhost.Result{
		"sftp": g.sftp("deploy", "put "+large+" /srv/in/a\n"), "scp": g.scp("-s", large, "deploy:/srv/in/b"), "scp -O": g.scp("-O", large, "deploy:/srv/in/c"),
	} {
		if r.Status == 0 || r.Stderr == "" {
			t.Errorf("%s of a file that is too large: %+v", name, r)
		}
	}
	for _, command := range []string{"sftp", "scp -t /srv/in/c"} {
		_, list := f.files(command, store.Ended)
		for _, e := range ends(list) {
			if e.Result != "partial" || e.SHA256 != "" || command == "sftp" && !strings.Contains(e.Why, "1048576") {
				t.Errorf("%s: %+v", command, e)
			}
		}
	}
}

// TestHeldContent: content that policy wants looked at goes nowhere before it was.
func TestHeldContent(t *testing.T) {
	f := newFiling(t, carryPolicy)
	secret := "user=a\npassword=Zw7-hq2vK9pLx4\n"
	f.root("mkdir -p /srv/in; echo plain >/srv/in/ok; printf '\\177ELF\\0' >/srv/in/elf; truncate -s 2M /srv/in/large; echo old >/srv/in/old; chown -R 2000:2000 /srv/in")
	f.must(os.WriteFile(f.on("/srv/in/secret"), []byte(secret), 0o644))
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o644))
	f.must(os.WriteFile(filepath.Join(dir, "ok"), []byte("fine\n"), 0o644))
	g := f.as("held")
	for _, old := range []string{"-O", "-s"} {
		for name, c := range map[string]struct {
			from, to string
			want     int
			says     string
		}{
			"down":        {"deploy:/srv/in/ok", dir + "/got", 0, ""},
			"up":          {dir + "/ok", "deploy:/srv/in/old", 0, ""},
			"secret down": {"deploy:/srv/in/secret", dir + "/got-secret", 1, "line 2 of it looks like one"},
			"secret up":   {dir + "/secret", "deploy:/srv/in/up-secret", 1, "line 2 of it looks like one"},
			"secret over": {dir + "/secret", "deploy:/srv/in/ok", 1, "line 2 of it looks like one"},
			"wrong type":  {"deploy:/srv/in/elf", dir + "/got-elf", 1, "its content is elf"},
			"too large":   {"deploy:/srv/in/large", dir + "/got-large", 1, "2097152 bytes"},
		} {
			r := g.scp(old, c.from, c.to)
			if (r.Status != 0) != (c.want != 0) || !strings.Contains(r.Stderr, c.says) || strings.Contains(r.Stderr, "Zw7-hq2vK9pLx4") {
				t.Errorf("%s %s: %+v", old, name, r)
			}
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "got-secret")); err == nil && strings.Contains(string(b), "Zw7") {
		t.Error("the secret was given to the client")
	}
	if _, err := os.Stat(f.on("/srv/in/up-secret")); err == nil {
		t.Error("a file was made for what may not be written")
	}
	for name, want := range map[string]string{"ok": "plain\n", "old": "fine\n"} {
		if b, err := os.ReadFile(f.on("/srv/in/" + name)); err != nil || string(b) != want {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
}

// TestNoTransfer: a role without files carries none; one that names another protocol does not open this one.
func TestNoTransfer(t *testing.T) {
	f := newFiling(t, carryPolicy)
	for _, agent := range []string{"none", "onlyscp"} {
		g := f.as(agent)
		r := g.sftp("deploy", "ls\n")
		if r.Status == 0 || !strings.Contains(r.Stderr, "GATEHOUSE-DENIAL") || !strings.Contains(r.Stderr, `"code":"file_not_allowed"`) {
			t.Errorf("%s: %+v", agent, r)
		}
	}
	if log := f.host.AuthLog(); strings.Contains(log, "Accepted") {
		t.Errorf("the target was opened:\n%s", log)
	}
}

// TestLocalTransfer: this machine's own SFTP server, started by a permit as the login's user.
func TestLocalTransfer(t *testing.T) {
	f := newFiling(t, carryPolicy)
	dir := "/tmp/gatehouse-files-test"
	f.must(os.Mkdir(dir, 0o777))
	t.Cleanup(func() { f.must(os.RemoveAll(dir)) })
	f.must(os.Chmod(dir, 0o777))
	f.must(os.WriteFile(filepath.Join(dir, "a"), []byte("local\n"), 0o644))
	f.must(os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	got := filepath.Join(t.TempDir(), "got")
	r := f.sftp("ops", "get "+dir+"/a "+got+"\nput "+got+" "+dir+"/b\n-get "+dir+"/link "+got+"2\n")
	if b, err := os.ReadFile(filepath.Join(dir, "b")); err != nil || string(b) != "local\n" || r.Status != 0 {
		t.Errorf("%q %v %+v", b, err, r)
	}
	if _, err := os.Stat(got + "2"); err == nil {
		t.Error("a link to the outside was followed")
	}
	if r := f.scp("-O", "ops:"+dir+"/a", got); r.Status != 0 {
		t.Errorf("%+v", r)
	}
}
