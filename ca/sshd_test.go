package ca_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// sshd is a stock OpenSSH server on loopback whose only trust is our target CA.
type sshd struct {
	addr  string
	known string      // known_hosts file with our host CA for "web-1"
	log   chan string // its debug log, line by line
}

// startSSHD starts web-1: root is what gh:web-1:root opens, daemon what gh:web-1:daemon opens. With that SHLVL bash does not
// read root's ~/.bashrc, which may take seconds.
func startSSHD(t *testing.T, set *ca.Set, caDir string) *sshd {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd's own empty folder; its service makes it at boot
		t.Fatal(err)
	}
	hostKey, hostPath := newKey(t)
	cert, err := set.Host.Issue(ca.HostRequest{PublicKey: hostKey, Target: "web-1", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, login := range []policy.Login{"root", "daemon"} {
		write(t, filepath.Join(dir, string(login)), ca.TargetPrincipal("web-1", login)+"\n", 0o644)
	}
	known := filepath.Join(dir, "known_hosts")
	write(t, known, "@cert-authority web-1 "+string(ssh.MarshalAuthorizedKey(set.Host.PublicKey())), 0o644)
	port := freePort(t)
	config := filepath.Join(dir, "sshd_config")
	write(t, config, fmt.Sprintf(`ListenAddress 127.0.0.1:%d
HostKey %s
HostCertificate %s
TrustedUserCAKeys %s
AuthorizedPrincipalsFile %s/%%u
AuthorizedKeysFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
SetEnv SHLVL=2
LogLevel DEBUG2
`, port, hostPath, writeCert(t, cert), filepath.Join(caDir, ca.TargetKeyFile+".pub"), dir), 0o644)
	s := &sshd{addr: fmt.Sprintf("127.0.0.1:%d", port), known: known, log: make(chan string, 1<<16)}
	s.run(t, config)
	return s
}

func (s *sshd) run(t *testing.T, config string) {
	t.Helper()
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.log)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.log <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	s.await(t, "Server listening on")
}

// await reads sshd's log up to the first line with text in it.
func (s *sshd) await(t *testing.T, text string) string {
	t.Helper()
	timeout := time.After(20 * time.Second)
	var read []string
	for {
		select {
		case line, ok := <-s.log:
			if strings.Contains(line, text) {
				return line
			}
			if read = append(read, line); !ok {
				t.Fatalf("sshd ended without saying %q:\n%s", text, strings.Join(read, "\n"))
			}
		case <-timeout:
			t.Fatalf("sshd does not say %q but\n%s", text, strings.Join(read, "\n"))
		}
	}
}

// ssh runs the real client with a certificate and returns its exit status and output.
func (s *sshd) ssh(t *testing.T, keyPath string, cert *ssh.Certificate, login, alias, command string) (int, string, string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
		"-i", keyPath, "-o", "CertificateFile="+writeCert(t, cert), "-o", "UserKnownHostsFile="+s.known,
		"-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias="+alias,
		"-p", port, login+"@"+host, command)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// TestSSHDJudgesOurCertificates: the stock server opens for exactly what a certificate says.
func TestSSHDJudgesOurCertificates(t *testing.T) {
	set, dir := newSet(t, time.Now())
	past, err := ca.Open(dir, func() time.Time { return time.Now().Add(-2 * time.Minute) })
	if err != nil {
		t.Fatal(err)
	}
	server := startSSHD(t, set, dir)
	key, keyPath := newKey(t)
	asRoot := func(spoil func(*ca.TargetRequest)) func() (*ssh.Certificate, error) {
		r := targetRequest(key)
		r.Login = "root"
		spoil(&r)
		return func() (*ssh.Certificate, error) { return set.Target.Issue(r) }
	}
	expired := targetRequest(key)
	expired.Login = "root"
	cases := []struct {
		name  string
		issue func() (*ssh.Certificate, error)
		login string
		out   string // stdout of a command that ran; empty for a refusal
		log   string // what sshd says about it
	}{
		{"ours", asRoot(func(*ca.TargetRequest) {}), "root", "asked\n",
			" ID agt=release-bot;own=group:web;task=CHG-1042;req=req_01J;con=con_01J (serial "},
		{"ours from the right source", asRoot(func(r *ca.TargetRequest) { r.Source = netip.MustParseAddr("127.0.0.1") }), "root", "asked\n", "Accepted publickey for root"},
		{"pinned", asRoot(func(r *ca.TargetRequest) { r.ForceCommand = "echo pinned" }), "root", "pinned\n", "Accepted publickey for root"},
		{"wrong source", asRoot(func(r *ca.TargetRequest) { r.Source = netip.MustParseAddr("192.0.2.1") }), "root", "", "not from a permitted source address"},
		{"web-2's at web-1", asRoot(func(r *ca.TargetRequest) { r.Target = "web-2" }), "root", "", "does not contain an authorized principal"},
		{"daemon's at root", asRoot(func(r *ca.TargetRequest) { r.Login = "daemon" }), "root", "", "does not contain an authorized principal"},
		{"root's at daemon", asRoot(func(*ca.TargetRequest) {}), "daemon", "", "does not contain an authorized principal"},
		{"expired", func() (*ssh.Certificate, error) { return past.Target.Issue(expired) }, "root", "", "Certificate invalid: expired"},
		{"an agent's", func() (*ssh.Certificate, error) { return set.Agent.Issue(agentRequest(key)) }, "root", "", "is not listed in"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cert, err := c.issue()
			if err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := server.ssh(t, keyPath, cert, c.login, "web-1", "echo asked")
			server.await(t, c.log)
			if c.out == "" && (code != 255 || !strings.Contains(stderr, "Permission denied (publickey)")) {
				t.Errorf("not refused: status %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			if c.out != "" && (code != 0 || stdout != c.out) {
				t.Errorf("status %d, stdout %q, stderr %q; want %q", code, stdout, stderr, c.out)
			}
		})
	}
}

// TestSSHDGrantsAPTYOnlyIfAsked: of the permits there is permit-pty, and only where the request says so.
func TestSSHDGrantsAPTYOnlyIfAsked(t *testing.T) {
	set, dir := newSet(t, time.Now())
	server := startSSHD(t, set, dir)
	key, keyPath := newKey(t)
	signer, err := ca.LoadOrCreateKey(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, pty := range []bool{true, false} {
		r := targetRequest(key)
		r.Login, r.PTY = "root", pty
		cert, err := set.Target.Issue(r)
		if err != nil {
			t.Fatal(err)
		}
		check, err := ca.HostKeyChecker("web-1", set.Host.PublicKeys(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		client := dial(t, server.addr, signer, cert, check)
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.RequestPty("xterm", 24, 80, nil); (err == nil) != pty {
			t.Errorf("permit-pty %t: %v", pty, err)
		}
		if _, err := client.Dial("tcp", server.addr); err == nil {
			t.Error("a forward was opened")
		}
		client.Close()
	}
}

// TestHostCertificates: what the real client and our own check accept of a target's host key, and what they refuse.
func TestHostCertificates(t *testing.T) {
	set, dir := newSet(t, time.Now())
	other, _ := newSet(t, time.Now())
	server := startSSHD(t, set, dir)
	key, keyPath := newKey(t)
	signer, err := ca.LoadOrCreateKey(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	r := targetRequest(key)
	r.Login = "root"
	cert, err := set.Target.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := server.ssh(t, keyPath, cert, "root", "web-2", "true"); code != 255 || !strings.Contains(stderr, "Host key verification failed") {
		t.Errorf("the client takes web-1 for web-2: status %d, %s", code, stderr)
	}
	var shown ssh.PublicKey
	dial(t, server.addr, signer, cert, func(_ string, _ net.Addr, k ssh.PublicKey) error { shown = k; return nil }).Close()
	pin := shown.(*ssh.Certificate).Key
	hostCA, only := set.Host.PublicKeys(), func(k ssh.PublicKey) []ssh.PublicKey { return []ssh.PublicKey{k} }
	in2h := func() time.Time { return time.Now().Add(2 * time.Hour) }
	cases := []struct {
		name, target string
		ca           []ssh.PublicKey
		pin          ssh.PublicKey
		key          ssh.PublicKey
		now          func() time.Time
		want         string
	}{
		{"its CA", "web-1", hostCA, nil, shown, nil, ""},
		{"its pin", "web-1", nil, pin, pin, nil, ""},
		{"its pin inside a certificate", "web-1", nil, pin, shown, nil, ""},
		{"one of two CAs", "web-1", append(only(other.Host.PublicKey()), hostCA...), nil, shown, nil, ""},
		{"either", "web-1", other.Host.PublicKeys(), pin, pin, nil, ""},
		{"another target", "web-2", hostCA, nil, shown, nil, `is for ["web-1"]`},
		{"another CA", "web-1", other.Host.PublicKeys(), nil, shown, nil, "another CA"},
		{"the face CA", "web-1", only(set.Face.PublicKey()), nil, shown, nil, "another CA"},
		{"another pin", "web-1", nil, key, pin, nil, "not the pinned key"},
		{"a plain key where a certificate is due", "web-1", hostCA, nil, pin, nil, "plain key"},
		{"expired", "web-1", hostCA, nil, shown, in2h, "expired"},
		{"a user certificate", "web-1", only(set.Target.PublicKey()), nil, cert, nil, "not a host certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check, err := ca.HostKeyChecker(c.target, c.ca, c.pin, c.now)
			if err != nil {
				t.Fatal(err)
			}
			err = check("ignored", nil, c.key)
			var refusal *ca.HostKeyError
			if c.want == "" && err == nil {
				return
			}
			if c.want == "" || !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("check: %v, want %q", err, c.want)
			}
			if refusal.Target != c.target || !strings.Contains(refusal.Want, "SHA256:") || !strings.Contains(refusal.Got, "SHA256:") {
				t.Errorf("the error does not name both sides: %v", err)
			}
		})
	}
	if _, err := ca.HostKeyChecker("web-1", nil, nil, nil); err == nil {
		t.Error("a target without any trust is dialled")
	}
	if _, err := ca.HostKeyChecker("web-1", nil, shown, nil); err == nil {
		t.Error("a certificate was pinned")
	}
}

// dial connects as root with the certificate; it works in every test that uses it.
func dial(t *testing.T, addr string, key ssh.Signer, cert *ssh.Certificate, check ssh.HostKeyCallback) *ssh.Client {
	t.Helper()
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: check})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
