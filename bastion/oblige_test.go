package bastion

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// obligedTo puts a policy in force whose rules are those lines, and returns a client.
func (w *whole) obligedTo(role string) *ssh.Client {
	w.t.Helper()
	w.write("policy.yaml", "version: 1\npeople: {ann: {roles: [oncall]}}\nagents:\n  bot: {owner: person:ann, roles: [operator]}\nroles:\n  oncall: {rights: [view, operate]}\n  operator:\n    targets: [\"*\"]\n    logins: [deploy, ops]\n"+role)
	if out, err := w.decider.Reload(w.t.Context()); err != nil || out.Problem != "" {
		w.t.Fatalf("%+v, %v", out, err)
	}
	return w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
}

// TestObligationsEndASession: each limit ends what exceeds it, and the client hears which.
func TestObligationsEndASession(t *testing.T) {
	w := newWhole(t)
	for name, c := range map[string]struct{ role, line, want string }{
		"its time":       {"    allow: [{run: sleep <int>, max_seconds: 1}]\n", "sleep 60", "the policy gives it 1s"},
		"a role's time":  {"    limits: {session: 1s}\n    allow: [sleep <int>]\n", "sleep 61", "the policy gives it 1s"},
		"being idle":     {"    limits: {idle: 1s}\n    allow: [sleep <int>]\n", "sleep 62", "nothing was sent or received for 1s"},
		"what it sends":  {"    limits: {bytes_out: 64KiB}\n    allow: [\"yes\", sleep <int>]\n", "yes", "the policy lets it send 65536 bytes"},
		"what it may do": {"    allow: [{run: cat, stdin: data, stdin_max: 1KiB}]\n", "cat", "the policy lets it read 1024 bytes"},
	} {
		client := w.obligedTo(c.role)
		s, err := client.NewSession()
		w.must(err)
		var out, errs strings.Builder
		s.Stdout, s.Stderr, s.Stdin = &out, &errs, strings.NewReader(strings.Repeat("x", 4096))
		err = s.Run(c.line)
		exit, _ := err.(*ssh.ExitError)
		if exit == nil || exit.ExitStatus() != 137 || !strings.Contains(errs.String(), c.want) || !strings.Contains(errs.String(), "GATEHOUSE-KILLED {") {
			t.Errorf("%s: %v, %q", name, err, errs.String())
		}
		if out.Len() > 64<<10 {
			t.Errorf("%s: %d bytes came", name, out.Len())
		}
		if got := w.session(c.line, store.Killed); got.Remote != "ended" {
			t.Errorf("%s: what ran on the target: %q", name, got.Remote)
		}
		w.must(client.Close())
	}
}

// TestInputByHash: where a rule has the hash of the input, nothing runs before all of it is there and is the right one.
func TestInputByHash(t *testing.T) {
	w := newWhole(t)
	script := "echo from the script\n"
	client := w.obligedTo(fmt.Sprintf("    allow: [{run: sh, stdin: \"sha256:%x\"}]\n", sha256.Sum256([]byte(script))))
	defer client.Close()
	for input, want := range map[string]string{script: "from the script\n", script + " ": "", "": "", "id\n": "", strings.Repeat("x", maxHashed+1): ""} {
		s, err := client.NewSession()
		w.must(err)
		var out, errs strings.Builder
		s.Stdout, s.Stderr, s.Stdin = &out, &errs, strings.NewReader(input)
		err = s.Run("sh")
		if out.String() != want || (want == "") != strings.Contains(errs.String(), "stdin_not_allowed") || (err == nil) != (want != "") {
			t.Errorf("%d bytes: %v, %q, %q", len(input), err, out.String(), errs.String())
		}
	}
}

// TestARecordedShellIsGranted: a shell, and a line that only a shell can read, reach the target where a role says so, labelled as
// what they are, and nowhere else.
func TestARecordedShellIsGranted(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    allow: [\"true\"]\n")
	for _, line := range []string{"for i in 1 2; do echo $i; done", "echo $(echo x y)", "nothing-like-it"} {
		if out, errs, status := exec(client, line); out != "" || status != 126 || !strings.Contains(errs, "GATEHOUSE-DENIAL {") {
			t.Errorf("without: %q: %q, %q, %d", line, out, errs, status)
		}
	}
	s, err := client.NewSession()
	w.must(err)
	s.Stdin = strings.NewReader("echo in a shell\n")
	if out, err := s.CombinedOutput(""); err == nil || strings.Contains(string(out), "in a shell") {
		t.Errorf("a shell without a grant: %q, %v", out, err)
	}
	w.must(client.Close())

	client = w.obligedTo("    shell: recorded\n    allow: [\"true\"]\n    deny: [{run: uname, reason: not that}]\n")
	defer client.Close()
	for line, want := range map[string]string{"for i in 1 2; do echo $i; done": "1\n2\n", "echo $(echo x y)": "x y\n", "true": "", "echo $GATEHOUSE_SESSION | cut -c1-4": "ses_\n"} {
		if out, errs, status := exec(client, line); out != want || status != 0 {
			t.Errorf("%q: %q, %q, %d", line, out, errs, status)
		}
		exactness := "recorded"
		if line == "true" {
			exactness = "via-shell"
		}
		if got := w.session(line, store.Ended); got.Exactness != exactness {
			t.Errorf("%q is labelled %q, want %q", line, got.Exactness, exactness)
		}
	}
	if out, errs, status := exec(client, "uname"); out != "" || status != 126 || !strings.Contains(errs, "denied_by_rule") {
		t.Errorf("a deny rule beside a shell: %q, %q, %d", out, errs, status)
	}
	s, err = client.NewSession()
	w.must(err)
	var out strings.Builder
	s.Stdin, s.Stdout = strings.NewReader("echo $((1 + 1)) in $0\nexit 3\n"), &out
	w.must(s.Shell())
	err = s.Wait()
	if exit, ok := err.(*ssh.ExitError); !ok || exit.ExitStatus() != 3 || !strings.HasPrefix(out.String(), "2 in ") {
		t.Errorf("a shell: %v, %q", err, out.String())
	}
}

// TestALookDecides: the same text is allowed or denied by what is on the target, and a look that was cut off is opened again.
func TestALookDecides(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    dirs: [\"/srv/**\"]\n    files: {write: [\"/srv/**\"]}\n    allow: [\"cat <path:/srv/**>...\", pwd, planted]\n")
	defer client.Close()
	srv, err := w.host.Path("/srv")
	w.must(err)
	for name, text := range map[string]string{"a": "A\n", "b": "B\n"} {
		w.must(os.WriteFile(srv+"/"+name, []byte(text), 0o644))
	}
	w.must(os.Mkdir(srv+"/d", 0o777))
	w.must(os.Symlink("/etc/passwd", srv+"/out"))
	w.must(os.Symlink("b", srv+"/in"))
	for _, c := range []struct{ line, out, code string }{
		{"cat /srv/a", "A\n", ""},
		{"cat /srv/in", "B\n", ""},
		{"cat /srv/[ab]", "A\nB\n", ""},
		{"cat /srv/out", "", "bad_argument"},
		{"cat /srv/*", "", "bad_argument"}, // one of them leads out
		{"cat /etc/passwd", "", "bad_argument"},
		{"cd /srv/d && pwd", "/srv/d\n", ""},
		{"cat /srv/a > /srv/out", "", "file_not_allowed"},
		{"planted", "", "program"},
	} {
		out, errs, status := exec(client, c.line)
		if out != c.out || (status == 0) != (c.code == "") || !strings.Contains(errs, c.code) {
			t.Errorf("%s: %q, %q, %d", c.line, out, errs, status)
		}
		for _, server := range w.server.lookersOf() {
			server.end() // as if the target had closed it: the next line opens another
		}
	}
}

// lookersOf lists the looks that are open.
func (s *Server) lookersOf() []*opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*opened
	for _, c := range s.conns {
		c.lookers.mu.Lock()
		for _, l := range c.lookers.open {
			list = append(list, l)
		}
		c.lookers.mu.Unlock()
	}
	return list
}
