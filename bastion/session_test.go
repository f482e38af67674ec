package bastion

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// Everything that a door does, in one process and under the race detector. A subtest is a claim.
func TestDoor(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *whole, ssh.Signer)
	}{
		{"a command comes back as it was", testCommand},
		{"many at once on one connection keep their exit statuses", testMany},
		{"only what was proven counts, not what was shown", testShownCertificate},
		{"the user name that counts is the last one", testChangedUser},
		{"input and output are carried byte for byte", testStreams},
		{"a kill closes the socket and ends the remote process", testKill},
		{"siblings of a killed session end as such", testSiblings},
		{"a client that leaves ends its command", testLeaving},
		{"a pty has its size and hears of changes", testPTY},
		{"no forward, agent or subsystem is served", testSideChannels},
		{"an expired connection opens no channel", testExpiry},
		{"a change of policy ends what it no longer allows", testPolicyChange},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := *w
			inner.t = t
			c.run(t, &inner, bot)
		})
	}
}

func testCommand(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	if out, errs, status := exec(c, `echo "a  b" 'c'`); out != "a  b c\n" || errs != "" || status != 0 {
		t.Errorf("got %q, %q, %d", out, errs, status)
	}
	if _, _, status := exec(c, "false"); status != 1 {
		t.Errorf("false: status %d", status)
	}
	if out, errs, status := exec(c, "id; echo x"); out != "" || status != 126 || !strings.Contains(errs, "GATEHOUSE-DENIAL {") {
		t.Errorf("denied: %q, %q, %d", out, errs, status)
	}
	if out, _, status := exec(c, "uname"); out != "Linux\n" || status != 0 {
		t.Errorf("pinned: %q, %d", out, status)
	}
	here := w.client("ops@here", bot)
	if out, _, status := exec(here, "uname"); out != "Linux\n" || status != 0 {
		t.Errorf("a pinned rule on a local target: %q, %d", out, status)
	}
	if out, errs, status := exec(here, "echo here"); out != "here\n" || status != 0 {
		t.Errorf("local: %q, %q, %d", out, errs, status)
	}
}

func testMany(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	var work sync.WaitGroup
	for i := range 40 {
		work.Go(func() {
			line, want := fmt.Sprintf("echo %d", i), 0
			if i%2 == 1 {
				line, want = line+" && false", 1
			}
			if out, errs, status := exec(c, line); out != fmt.Sprintf("%d\n", i) || status != want {
				t.Errorf("%s: %q, %q, %d", line, out, errs, status)
			}
		})
	}
	work.Wait()
}

// stolen is somebody's certificate without its key: it can be shown, not proven.
type stolen struct{ ssh.Signer }

func (s stolen) Sign(io.Reader, []byte) (*ssh.Signature, error) {
	return nil, fmt.Errorf("no key for that")
}

func testShownCertificate(t *testing.T, w *whole, bot ssh.Signer) {
	other := w.certify(policy.Agent, "other", time.Minute)
	ann := w.certify(policy.Person, "ann", time.Minute)
	for _, order := range [][]ssh.Signer{{stolen{other}, bot}, {stolen{ann}, stolen{other}, bot}, {bot, stolen{ann}}} {
		c, err := w.dial("whoever", order...)
		if err != nil {
			continue // x/crypto's client stops at a signer that cannot sign: not ours to judge
		}
		if out, _, status := exec(c, "whoami"); status != 0 || !strings.Contains(out, "agent:bot") || strings.Contains(out, "ann") {
			t.Errorf("shown %d certificates: %q, %d", len(order), out, status)
		}
		_ = c.Close()
	}
	// By hand, since a client library would not do it: show ann's, then prove bot's.
	shown := &ssh.ClientConfig{User: "whoever", HostKeyCallback: ssh.InsecureIgnoreHostKey(), Auth: []ssh.AuthMethod{
		ssh.RetryableAuthMethod(ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return []ssh.Signer{stolen{ann}}, nil }), 1),
		ssh.PublicKeys(bot)}}
	if c, err := ssh.Dial("tcp", w.addr, shown); err == nil {
		if out, _, _ := exec(c, "whoami"); strings.Contains(out, "ann") {
			t.Errorf("a shown certificate became the identity: %q", out)
		}
		_ = c.Close()
	}
}

func testChangedUser(t *testing.T, w *whole, bot ssh.Signer) {
	// The first attempt names web-1 with a key that is refused; the second, on a connection of its own, the console.
	if _, err := w.dial("deploy@nowhere@web-1", bot); err == nil {
		t.Error("a user name with two @ was let in")
	}
	c := w.client("deploy@unknown", bot)
	if _, errs, status := exec(c, "echo x"); status != 75 || !strings.Contains(errs, "unknown_target") {
		t.Errorf("unknown target: %q, %d", errs, status)
	}
}

func testStreams(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	s, err := c.NewSession()
	w.must(err)
	defer s.Close()
	data := make([]byte, 1<<20)
	_, _ = rand.Read(data)
	var out bytes.Buffer
	s.Stdin, s.Stdout = bytes.NewReader(data), &out
	w.must(s.Run("cat"))
	if !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%d bytes came back of %d, or others", out.Len(), len(data))
	}
	row := w.session("cat", store.Ended)
	if row.BytesIn != int64(len(data)) || row.BytesOut != int64(len(data)) {
		t.Errorf("recorded %d in, %d out", row.BytesIn, row.BytesOut)
	}
	s2, err := c.NewSession()
	w.must(err)
	defer s2.Close()
	var errs bytes.Buffer
	s2.Stdin, s2.Stderr = strings.NewReader("unwanted"), &errs
	w.must(s2.Run("sleep 1"))
	if !strings.Contains(errs.String(), "not granted") {
		t.Errorf("discarded input was not mentioned: %q", errs.String())
	}
}

func testKill(t *testing.T, w *whole, bot ssh.Signer) {
	for i, user := range []string{"deploy@web-1", "root@web-1", "ops@here"} {
		line := fmt.Sprintf("sleep 77%d", i)
		c := w.client(user, bot)
		s, err := c.NewSession()
		w.must(err)
		var errs bytes.Buffer
		s.Stderr = &errs
		w.must(s.Start(line))
		row := w.session(line, store.Live)
		w.awaitRunning(row.ID)
		report, err := w.server.Kill(t.Context(), console.KillOrder{Session: row.ID, By: console.Actor{Principal: "person:ann"}, Reason: "wrong host"})
		w.must(err)
		if len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" {
			t.Errorf("%s: %+v", user, report)
		}
		err = s.Wait()
		if exit, ok := err.(*ssh.ExitError); !ok || exit.ExitStatus() != 137 || !strings.Contains(errs.String(), "wrong host") {
			t.Errorf("%s: the client saw %v, %q", user, err, errs.String())
		}
		if _, err := c.NewSession(); err == nil {
			t.Errorf("%s: the connection lived on", user)
		}
		if left, err := w.host.Processes(line); err != nil || len(left) != 0 {
			t.Errorf("%s: left on the target: %v, %v", user, left, err)
		}
		w.session(line, store.Killed)
	}
}

// live is the server's own record of a session, nil if there is none.
func (w *whole) live(id string) *session {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	return w.server.sessions[id]
}

// awaitRunning waits until a session's command runs.
func (w *whole) awaitRunning(id string) {
	w.t.Helper()
	for range 500 {
		if ses := w.live(id); ses != nil {
			if proc, _ := ses.running(); proc != nil {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%s does not run", id)
}

func testSiblings(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	for _, line := range []string{"sleep 881", "sleep 882"} {
		s, err := c.NewSession()
		w.must(err)
		w.must(s.Start(line))
	}
	first, second := w.session("sleep 881", store.Live), w.session("sleep 882", store.Live)
	w.awaitRunning(first.ID)
	w.awaitRunning(second.ID)
	report, err := w.server.Kill(t.Context(), console.KillOrder{Session: first.ID, By: console.Actor{Principal: "person:ann"}, Reason: "one of two"})
	w.must(err)
	if len(report.Sessions) != 2 {
		t.Errorf("report: %+v", report)
	}
	if row := w.session("sleep 882", store.Killed); !strings.HasPrefix(row.Reason, "connection killed") {
		t.Errorf("sibling's reason: %q", row.Reason)
	}
}

func testLeaving(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	s, err := c.NewSession()
	w.must(err)
	w.must(s.Start("sleep 991"))
	w.awaitRunning(w.session("sleep 991", store.Live).ID)
	w.must(c.Close())
	if row := w.session("sleep 991", store.Ended); row.Remote != "ended" {
		t.Errorf("remote: %q", row.Remote)
	}
	if left, err := w.host.Processes("sleep 991"); err != nil || len(left) != 0 {
		t.Errorf("left on the target: %v, %v", left, err)
	}
}

func testPTY(t *testing.T, w *whole, bot ssh.Signer) {
	for _, user := range []string{"deploy@web-1", "ops@here"} {
		c := w.client(user, bot)
		s, err := c.NewSession()
		w.must(err)
		w.must(s.RequestPty("xterm", 33, 101, ssh.TerminalModes{}))
		out, err := s.Output("stty size")
		if err != nil || strings.TrimSpace(string(out)) != "33 101" {
			t.Errorf("%s: %q, %v", user, out, err)
		}
	}
	c := w.client("deploy@web-1", bot)
	s, err := c.NewSession()
	w.must(err)
	w.must(s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
	if out, err := s.Output("echo x"); err == nil || !strings.Contains(string(out), "pty_not_allowed") {
		t.Errorf("pty where the rule has none: %q, %v", out, err)
	}
}

func testSideChannels(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	for _, kind := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "tun@openssh.com", "x11", "auth-agent@openssh.com", "whatever"} {
		if _, _, err := c.OpenChannel(kind, ssh.Marshal(directTCPIP{Host: "127.0.0.1", Port: 22})); err == nil {
			t.Errorf("channel %s was opened", kind)
		}
	}
	if ok, _, _ := c.SendRequest("tcpip-forward", true, nil); ok {
		t.Error("a remote forward was accepted")
	}
	s, err := c.NewSession()
	w.must(err)
	if ok, _ := s.SendRequest("auth-agent-req@openssh.com", true, nil); ok {
		t.Error("agent forwarding was accepted")
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		t.Error("the request is answered, with a denial:", err)
	}
	_ = s.Close()
	if out, errs, status := exec(c, "echo still here"); status != 0 {
		t.Errorf("after refusals: %q, %q, %d", out, errs, status)
	}
}

func testExpiry(t *testing.T, w *whole, _ ssh.Signer) {
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 2*time.Second))
	long, err := c.NewSession()
	w.must(err)
	w.must(long.Start("sleep 4"))
	w.awaitRunning(w.session("sleep 4", store.Live).ID)
	for range 500 { // until the certificate's time is over
		if s, err := c.NewSession(); err != nil {
			break
		} else if err := s.Close(); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, _, err := c.OpenChannel("session", nil); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a channel after the certificate's end: %v", err)
	}
	if err := long.Wait(); err != nil {
		t.Errorf("the session that was open: %v", err)
	}
	if err := c.Wait(); err == nil {
		t.Error("the connection outlived its last channel")
	}
}

func testPolicyChange(t *testing.T, w *whole, bot ssh.Signer) {
	c := w.client("deploy@web-1", bot)
	s, err := c.NewSession()
	w.must(err)
	var errs bytes.Buffer
	s.Stderr = &errs
	w.must(s.Start("sleep 555"))
	w.awaitRunning(w.session("sleep 555", store.Live).ID)
	w.write("policy.yaml", strings.ReplaceAll(wholePolicy, "- sleep <int>\n", "- uptime\n"))
	_, err = w.decider.Reload(context.Background())
	w.must(err)
	defer time.AfterFunc(15*time.Second, func() { _ = c.Close() }).Stop() // else a session that nobody ends is waited for without end
	if err := s.Wait(); err == nil || !strings.Contains(errs.String(), "policy") {
		t.Errorf("the client saw %v, %q", err, errs.String())
	}
	w.session("sleep 555", store.Killed)
}
