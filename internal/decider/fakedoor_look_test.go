package decider

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

// TestFakeDoorLooksAtTargets: what a look's certificate is worth at a real sshd, by the stock client: names and kinds of files as that login,
// nothing that writes, runs or tunnels. Where the rule pins a hash, the content of every file that the login may read.
func TestFakeDoorLooksAtTargets(t *testing.T) {
	b := newLookBench(t)
	web1, web2 := b.startTargets()
	conn := b.connect(policy.Agent, "bot")
	for _, c := range []struct {
		argv  []string
		reads bool
	}{{[]string{"tail", "/var/log/app/a"}, false}, {[]string{"git", "status"}, true}} {
		key, signer := b.keyFile(c.argv[0])
		q := b.question(conn, c.argv...)
		q.Facts, q.ProbeKey = policy.Facts{}, signer.PublicKey().Marshal()
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		b.must(os.WriteFile(key+"-cert.pub", ssh.MarshalAuthorizedKey(parseCert(t, got.ProbeCertificate)), 0o600))
		for _, try := range []struct {
			batch string
			works bool
		}{
			{"ls /etc/passwd", true}, {"get /etc/passwd got", c.reads}, {"put " + key + " PWN", false}, {"mkdir PWN", false}, {"rm /home/deploy/.profile", false},
			{"ln -s /etc/shadow PWN", false}, {"rename /etc/passwd PWN", false}, {"chmod 777 /home/deploy", false}, {"ln /etc/passwd PWN", false},
		} {
			if out, err := b.sftp(web1, key, try.batch); (err == nil) != try.works {
				t.Errorf("a look for %q: %s: works %t, want %t\n%s", c.argv, try.batch, err == nil, try.works, out)
			}
		}
		client, err := login(web1, "deploy", signer, got.ProbeCertificate)
		b.must(err)
		for _, command := range []string{"id -un", "sh", "internal-sftp", "touch PWN"} {
			if out := says(t, client, command); strings.Contains(out, "deploy") {
				t.Errorf("a look, asked for %q: %q", command, out)
			}
		}
		s, err := client.NewSession()
		b.must(err)
		if s.RequestPty("vt100", 24, 80, nil) == nil {
			t.Error("a look: a pty")
		}
		b.must(s.Close())
		if f, err := client.Dial("tcp", web1.Addr()); err == nil {
			_ = f.Close()
			t.Error("a look: a forward")
		}
		b.must(client.Close())
		for name, h := range map[string]*testhost.Host{"web-1 as root": web1, "web-2": web2} {
			user := "deploy"
			if h == web1 {
				user = "root"
			}
			if client, err := login(h, user, signer, got.ProbeCertificate); err == nil {
				_ = client.Close()
				t.Errorf("a look's certificate opens %s", name)
			}
		}
	}
	path, err := web1.Path("/home/deploy/PWN")
	b.must(err)
	if _, err := os.Lstat(path); err == nil {
		t.Error("a look wrote")
	}
}

// keyFile makes a key that a stock client can use.
func (b *bench) keyFile(name string) (string, ssh.Signer) {
	b.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	b.must(err)
	block, err := ssh.MarshalPrivateKey(key, "")
	b.must(err)
	signer, err := ssh.NewSignerFromKey(key)
	b.must(err)
	path := filepath.Join(b.t.TempDir(), name)
	b.must(os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	b.must(os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o600))
	return path, signer
}

// sftp runs one command of the stock client as deploy.
func (b *bench) sftp(h *testhost.Host, key, batch string) (string, error) {
	host, port, err := net.SplitHostPort(h.Addr())
	b.must(err)
	cmd := exec.CommandContext(b.t.Context(), "sftp", "-b", "-", "-F", "/dev/null", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-P", port, "deploy@"+host)
	cmd.Dir, cmd.Stdin = filepath.Dir(key), strings.NewReader(batch+"\n")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
