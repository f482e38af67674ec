package bastion

import (
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

const filesPolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents:
  bot: {owner: person:ann, roles: [carrier]}
roles:
  oncall: {rights: [view, operate]}
  carrier:
    targets: ["*"]
    logins: [deploy, root, ops]
    files: {read: ["/srv/in/**", "/home/deploy/**", "/tmp/*"], write: ["/srv/in/**", "/home/deploy/w/**"]}
`

// filing is a whole with a policy for files, and stock clients.
type filing struct {
	*whole
	config string // of the stock clients: hosts deploy, root
}

func newFiling(t *testing.T, text string) *filing {
	t.Helper()
	return newFilingWith(t, text, func(*Config) {})
}

func newFilingWith(t *testing.T, text string, change func(*Config)) *filing {
	t.Helper()
	w := newWholeWith(t, change)
	w.write("policy.yaml", text)
	_, err := w.decider.Reload(t.Context())
	w.must(err)
	f := &filing{whole: w, config: filepath.Join(w.dir, "ssh_config")}
	key := filepath.Join(w.dir, "id")
	w.writeIdentity(key, "bot")
	var hosts []testhost.ClientHost
	for _, to := range []string{"deploy@web-1", "root@web-1", "ops@here"} {
		hosts = append(hosts, testhost.ClientHost{Alias: strings.SplitN(to, "@", 2)[0], Addr: w.addr, User: to, Identity: key, KnownHosts: "/dev/null",
			Options: []string{"StrictHostKeyChecking no", "LogLevel ERROR"}})
	}
	w.must(testhost.WriteSSHConfig(f.config, hosts...))
	return f
}

// writeIdentity writes a key and its certificate as stock clients want them.
func (w *whole) writeIdentity(path, name string) {
	w.t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	block, err := ssh.MarshalPrivateKey(key, "")
	w.must(err)
	w.must(os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	public, err := ssh.NewPublicKey(key.Public())
	w.must(err)
	body, err := json.Marshal(protocol.Issue{Kind: policy.Agent, Name: name, PublicKey: public.Marshal(), TTL: 10 * time.Minute, By: "test"})
	w.must(err)
	answer, err := w.decider.HandleAdmin(w.t.Context(), protocol.OpIssue, body)
	w.must(err)
	cert, err := ssh.ParsePublicKey(answer.(protocol.Issued).Certificate)
	w.must(err)
	w.must(os.WriteFile(path+"-cert.pub", ssh.MarshalAuthorizedKey(cert), 0o600))
}

// sftp runs the stock client with a batch; commands that may fail begin with "-".
func (f *filing) sftp(host, batch string) testhost.Result {
	f.t.Helper()
	r, err := testhost.Run(f.t.Context(), strings.NewReader(batch), "sftp", "-F", f.config, "-b", "-", host)
	f.must(err)
	return r
}

// on is a file of the target's, as this process sees it.
func (f *filing) on(path string) string {
	f.t.Helper()
	at, err := f.host.Path(path)
	f.must(err)
	return at
}

// root runs a script on the target as root.
func (f *filing) root(script string) string {
	f.t.Helper()
	r, err := f.host.Root(f.t.Context(), "set -e\n"+script)
	f.must(err)
	if r.Status != 0 {
		f.t.Fatalf("status %d: %s%s", r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// TestSFTP: a stock client's day, as a login and as root; what leads outside is refused, and said on standard error.
func TestSFTP(t *testing.T) {
	f := newFiling(t, filesPolicy)
	f.root("mkdir -p /srv/in/d /srv/out; echo hello >/srv/in/a; echo secret >/srv/out/s; chown -R 2000:2000 /srv/in /srv/out; ln -s /srv/out/s /srv/in/link")
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "up"), []byte("upload\n"), 0o640))
	for host, home := range map[string]string{"deploy": "/home/deploy", "root": "/root"} {
		r := f.sftp(host, "pwd\nls -la /srv/in\nget /srv/in/a "+dir+"/a\nput -p "+dir+"/up /srv/in/up\nmkdir /srv/in/n\nrename /srv/in/up /srv/in/n/up\nls -l /srv/in/n\n-get /srv/in/link "+dir+"/x\n-get /srv/out/s "+dir+"/y\n-ls /srv/out\nls -l /srv\nrm /srv/in/n/up\nrmdir /srv/in/n\n")
		for _, want := range []string{"working directory: " + home + "\n", "-rw-r-----    ? ", "lrwxrwxrwx", " link\n"} {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("%s: no %q in\n%s", host, want, r.Stdout)
			}
		}
		for _, want := range []string{"GATEHOUSE-DENIAL", "/srv/in/link leads to where no role lets it go", `no role lets "/srv/out/s" be read`} {
			if !strings.Contains(r.Stderr, want) {
				t.Errorf("%s: no %q in\n%s", host, want, r.Stderr)
			}
		}
		if r.Status != 0 || strings.Contains(r.Stdout, " out\n") {
			t.Errorf("%s: %+v", host, r)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(got) != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// scp runs the stock client.
func (f *filing) scp(args ...string) testhost.Result {
	f.t.Helper()
	r, err := testhost.Run(f.t.Context(), nil, "scp", append([]string{"-F", f.config}, args...)...)
	f.must(err)
	return r
}

// TestSCP: stock scp by both protocols, both ways, recursive, with times, odd names and patterns; outside it is refused alike.
func TestSCP(t *testing.T) {
	f := newFiling(t, filesPolicy)
	f.root("mkdir -p /srv/in/d/e /srv/in/g /srv/out; echo hello >/srv/in/a; echo b >'/srv/in/b c'; echo x >/srv/in/d/e/x; echo q >\"/srv/in/g/it's -o\"; echo 2 >/srv/in/g/2; echo secret >/srv/out/s; touch -d '2020-01-02 03:04:05' /srv/in/a; chown -R 2000:2000 /srv/in /srv/out; ln -s /srv/out/s /srv/in/link")
	dir := t.TempDir()
	content := strings.Repeat("upload\n", 100_000)
	f.must(os.WriteFile(filepath.Join(dir, "up"), []byte(content), 0o640))
	f.must(os.WriteFile(filepath.Join(dir, "odd\nname"), []byte("odd"), 0o600))
	for _, old := range []string{"-O", "-s"} {
		to := filepath.Join(dir, old)
		f.must(os.Mkdir(to, 0o755))
		for _, c := range []struct {
			want int
			args []string
		}{
			{0, []string{"-p", "deploy:/srv/in/a", to + "/a"}}, {0, []string{"-p", dir + "/up", "deploy:/srv/in/up" + old}}, {0, []string{"-r", "deploy:/srv/in/d", to + "/d"}},
			{0, []string{"-r", to + "/d", "deploy:/srv/in/d2" + old}}, {0, []string{"deploy:/srv/in/g/*", to}}, {0, []string{dir + "/up", "deploy:/srv/in"}}, {0, []string{dir + "/odd\nname", "deploy:/srv/in/g"}},
			{0, []string{"-3", "deploy:/srv/in/a", "root:/srv/in/a3" + old}}, {1, []string{"deploy:/srv/out/s", to}}, {1, []string{"deploy:/srv/in/link", to}}, {1, []string{"deploy:/srv/in/*k", to}},
			{1, []string{"deploy:/srv/out/*", to}}, {1, []string{"deploy:/srv/o*/s", to}}, {1, []string{dir + "/up", "deploy:/srv/out/up"}}, {1, []string{dir + "/up", "deploy:/srv/out/"}},
			{1, []string{dir + "/up", "deploy:/srv/in/link"}}, {1, []string{"-r", to + "/d", "deploy:/srv/out/d"}}, {1, []string{"deploy:/srv/in/nothing", to}},
		} {
			if r := f.scp(append([]string{old}, c.args...)...); (r.Status != 0) != (c.want != 0) {
				t.Errorf("%s %v: %+v", old, c.args, r)
			}
		}
		if info, err := os.Stat(to + "/a"); err != nil || info.ModTime().Year() != 2020 {
			t.Errorf("%s -p: %v, %v", old, info, err)
		}
		for name, want := range map[string]string{to + "/d/e/x": "x\n", to + "/it's -o": "q\n", f.on("/srv/in/up" + old): content, f.on("/srv/in/d2" + old + "/e/x"): "x\n", f.on("/srv/in/a3" + old): "hello\n"} {
			if b, err := os.ReadFile(name); err != nil || string(b) != want {
				t.Errorf("%s: %.20q, %v", name, b, err)
			}
		}
		for _, name := range []string{"s", "link"} {
			if _, err := os.Lstat(filepath.Join(to, name)); err == nil {
				t.Errorf("%s brought %s", old, name)
			}
		}
	}
	if got := f.root("ls /srv/out; cat /srv/out/s"); got != "s\nsecret\n" {
		t.Errorf("outside: %q", got)
	}
}

// dialogue is the old protocol by hand: what is sent to the far end, and what came of it.
func (f *filing) dialogue(line, said string) (stdout, stderr string, status int) {
	f.t.Helper()
	s, err := f.client("deploy@web-1", f.certify("agent", "bot", 10*time.Minute)).NewSession()
	f.must(err)
	defer s.Close()
	var out, errs strings.Builder
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(said), &out, &errs
	err = s.Run(line)
	if exit, ok := err.(*ssh.ExitError); ok {
		return out.String(), errs.String(), exit.ExitStatus()
	}
	f.must(err)
	return out.String(), errs.String(), 0
}

// TestSCPEscapes: the old protocol by hand, as no good client speaks it.
func TestSCPEscapes(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside)
	before := f.snapshot()
	for name, c := range map[string]struct {
		line, said string
		want       int
	}{
		"a name with ..":         {"scp -t /srv/in", "C0644 1 ../out/n\nx\x00", 1},
		"the name ..":            {"scp -t /srv/in/d", "C0644 1 ..\nx\x00", 1},
		"a name with a slash":    {"scp -t /srv/in", "C0644 1 dirlink/n\nx\x00", 1},
		"no name":                {"scp -t /srv/in", "C0644 1 \nx\x00", 1},
		"a folder named ..":      {"scp -r -t /srv/in/d", "D0755 0 ..\nC0644 1 n\nx\x00E\n", 1},
		"into a linked folder":   {"scp -r -t /srv/in", "D0755 0 dirlink\nC0644 1 n\nx\x00E\n", 1},
		"a folder without -r":    {"scp -t /srv/in", "D0755 0 n\n", 1},
		"out of the folder":      {"scp -r -t /srv/in", "E\nC0644 1 n2\nx\x00", 1},
		"a size below zero":      {"scp -t /srv/in", "C0644 -1 n\nx\x00", 1},
		"a size without end":     {"scp -t /srv/in", "C0644 99999999999999999999 n\nx\x00", 1},
		"a mode that is none":    {"scp -t /srv/in", "C9999 1 n\nx\x00", 1},
		"set-uid":                {"scp -t /srv/in/suid", "C4755 1 n\nx\x00", 1},
		"a message that is none": {"scp -t /srv/in", "X0644 1 n\n", 1},
		"a message without end":  {"scp -t /srv/in", "C" + strings.Repeat("0", 20_000), 1},
		"to a link outside":      {"scp -t /srv/in/link", "C0644 1 n\nx\x00", 1},
		"to a dangling link":     {"scp -t /srv/in/dangling", "C0644 1 n\nx\x00", 1},
		"an option that is none": {"scp -S /bin/sh -t /srv/in", "", 126},
		"an option with a value": {"scp -oProxyCommand=x -t /srv/in", "", 126},
		"both ways":              {"scp -f -t /srv/in", "", 126},
		"two places":             {"scp -t /srv/in /srv/out", "", 126},
		"no place":               {"scp -t", "", 126},
		"a pattern as a place":   {"scp -t /srv/i*", "", 126},
		"read outside":           {"scp -f /srv/out/s", "\x00\x00\x00", 1},
		"read by ..":             {"scp -f /srv/in/../out/s", "\x00\x00\x00", 1},
		"read by a link":         {"scp -f /srv/in/link", "\x00\x00\x00", 1},
		"read a fifo":            {"scp -f /srv/in/fifo", "\x00\x00\x00", 1},
		"read by a pattern":      {"scp -f '/srv/in/'*link*/s", "\x00\x00\x00", 1},
		"read names by patterns": {"scp -f /srv/out/*", "\x00\x00\x00", 1},
		"read all by -r":         {"scp -r -f /srv", strings.Repeat("\x00", 200), 1},
		"an option-like name":    {"scp -f -- -r", "\x00\x00", 1},
		"another command":        {"scp -f /srv/in/a; cat /srv/out/s", "", 126},
		"a substitution":         {"scp -f $(cat /srv/out/s)", "", 126},
		"scp to elsewhere":       {"scp /srv/in/a other:", "", 126},
		"another scp":            {"/tmp/scp -t /srv/in", "", 126},
	} {
		out, errs, status := f.dialogue(c.line, c.said)
		if status != c.want || strings.Contains(out+errs, canary) {
			t.Errorf("%s: status %d, want %d\n%q\n%s", name, status, c.want, out, errs)
		}
	}
	if after := f.snapshot(); after != before {
		t.Errorf("outside it is not as it was:\n%s\n---\n%s", before, after)
	}
	if _, err := os.Lstat(f.on("/srv/in/suid")); err == nil {
		t.Error("a set-uid file was made")
	}
}
