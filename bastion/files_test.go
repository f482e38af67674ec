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

func TestSFTP(t *testing.T) {
	f := newFiling(t, filesPolicy)
	f.root("mkdir -p /srv/in/d /srv/out; echo hello >/srv/in/a; echo secret >/srv/out/s; chown -R 2000:2000 /srv/in /srv/out; ln -s /srv/out/s /srv/in/link")
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "up"), []byte("upload\n"), 0o640))
	for _, host := range []string{"deploy", "root"} {
		r := f.sftp(host, "pwd\nls -la /srv/in\nget /srv/in/a "+dir+"/a\nput -p "+dir+"/up /srv/in/up\nmkdir /srv/in/n\nrename /srv/in/up /srv/in/n/up\nls /srv/in/n\n-get /srv/in/link "+dir+"/x\n-get /srv/out/s "+dir+"/y\n-ls /srv/out\nls -l /srv\nrm /srv/in/n/up\nrmdir /srv/in/n\n")
		t.Logf("%s: %d\n%s\n%s", host, r.Status, r.Stdout, r.Stderr)
	}
}

// scp runs the stock client.
func (f *filing) scp(args ...string) testhost.Result {
	f.t.Helper()
	r, err := testhost.Run(f.t.Context(), nil, "scp", append([]string{"-F", f.config}, args...)...)
	f.must(err)
	return r
}

func TestSCP(t *testing.T) {
	f := newFiling(t, filesPolicy)
	f.root("mkdir -p /srv/in/d/e /srv/out; echo hello >/srv/in/a; echo b >'/srv/in/b c'; echo x >/srv/in/d/e/x; echo secret >/srv/out/s; chown -R 2000:2000 /srv/in /srv/out; ln -s /srv/out/s /srv/in/link")
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "up"), []byte(strings.Repeat("upload\n", 100_000)), 0o640))
	for _, old := range []string{"-O", "-s"} {
		for _, args := range [][]string{
			{"deploy:/srv/in/a", dir + "/a"}, {"-p", dir + "/up", "deploy:/srv/in/up"}, {"-r", "deploy:/srv/in/d", dir + "/d" + old}, {"-r", dir + "/d" + old, "deploy:/srv/in/d2" + old},
			{"deploy:/srv/in/*", dir}, {"deploy:/srv/out/s", dir}, {"deploy:/srv/out/*", dir}, {dir + "/up", "deploy:/srv/out/up"}, {dir + "/up", "deploy:/srv/out/"}, {dir + "/up", "deploy:/srv/in"},
			{"-3", "deploy:/srv/in/a", "root:/srv/in/a3"},
		} {
			r := f.scp(append([]string{old}, args...)...)
			t.Logf("%s %v: %d\n%s%s", old, args, r.Status, r.Stdout, r.Stderr)
		}
	}
	t.Log(f.root("find /srv/in /srv/out -type f -printf '%M %s %T+ %p\n'"))
}
