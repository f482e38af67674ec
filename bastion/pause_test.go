package bastion

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// talking is a session of cat: what it is sent comes back.
type talking struct {
	t      *testing.T
	in     io.WriteCloser
	out    chan byte
	errs   *lockedText
	ended  chan error
	id     string
	client *ssh.Client
}

func (w *whole) talk(c *ssh.Client) *talking {
	w.t.Helper()
	s, err := c.NewSession()
	w.must(err)
	in, err := s.StdinPipe()
	w.must(err)
	out, err := s.StdoutPipe()
	w.must(err)
	errs := &lockedText{}
	s.Stderr = errs
	w.must(s.Start("cat"))
	talk := &talking{t: w.t, in: in, out: make(chan byte, 1<<16), errs: errs, ended: make(chan error, 1), client: c}
	go func() {
		b := make([]byte, 1)
		for {
			if _, err := out.Read(b); err != nil {
				return
			}
			talk.out <- b[0]
		}
	}()
	go func() { talk.ended <- s.Wait() }()
	w.must(talk.say("a"))
	talk.hears("a")
	talk.id = w.session("cat", store.Live).ID
	return talk
}

func (t *talking) say(text string) error {
	_, err := t.in.Write([]byte(text))
	return err
}

func (t *talking) hears(text string) {
	t.t.Helper()
	for i := range len(text) {
		select {
		case b := <-t.out:
			if b != text[i] {
				t.t.Fatalf("%q came, want %q", b, text[i])
			}
		case <-time.After(10 * time.Second):
			t.t.Fatalf("%q did not come", text[i:])
		}
	}
}

// TestPausePassesNoByte: in neither direction; the client is told once; new commands are refused as paused; what was sent meanwhile comes
// when it is resumed; and who is paused can be killed.
func TestPausePassesNoByte(t *testing.T) {
	w := newWhole(t)
	ann := w.client("", w.certify(policy.Person, "ann", 10*time.Minute))
	bot := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	other := w.client("deploy@web-1", w.certify(policy.Agent, "other", 10*time.Minute))
	talk := w.talk(bot)
	for range 2 { // once more is nothing more
		out, errs, status := exec(ann, "pause --agent bot --reason 'what is it doing?'")
		if status != 0 || !strings.Contains(out, talk.id+" paused: processes on the target stopped") || strings.Contains(out, "BYTES") {
			t.Fatalf("pause: %d %q %q", status, out, errs)
		}
	}
	w.must(talk.say("b"))
	if _, errs, status := exec(bot, "echo x"); status != 126 || !strings.Contains(errs, `"code":"paused"`) {
		t.Errorf("a new command: %d %s", status, errs)
	}
	if out, _, status := exec(other, "echo x"); status != 0 || out != "x\n" {
		t.Errorf("another's command: %d %q", status, out)
	}
	select {
	case b := <-talk.out:
		t.Errorf("%q passed", b)
	case <-time.After(300 * time.Millisecond):
	}
	if out, errs, status := exec(ann, "resume --agent bot --reason fine"); status != 0 || !strings.Contains(out, talk.id+" goes on: processes on the target running") {
		t.Fatalf("resume: %d %q %q", status, out, errs)
	}
	talk.hears("b")
	if n := strings.Count(talk.errs.String(), "PAUSED: paused by person:ann: what is it doing?"); n != 1 {
		t.Errorf("told %d times: %q", n, talk.errs.String())
	}
	if _, _, status := exec(bot, "echo x"); status != 0 {
		t.Errorf("resumed, and a new command: %d", status)
	}
	exec(ann, "pause "+talk.id+" --reason again")
	if out, errs, _ := exec(ann, "kill "+talk.id+" --reason enough"); !strings.Contains(out, "process on the target ended") {
		t.Errorf("kill of a paused session: %q %q", out, errs)
	}
	<-talk.ended
	if !strings.Contains(talk.errs.String(), "KILLED") {
		t.Errorf("killed, and told %q", talk.errs.String())
	}
}

// TestPauseIsNotForever: nobody resumes it, so it is killed.
func TestPauseIsNotForever(t *testing.T) {
	was := pauseTime
	pauseTime = 50 * time.Millisecond
	defer func() { pauseTime = was }()
	w := newWhole(t)
	ann := w.client("", w.certify(policy.Person, "ann", 10*time.Minute))
	talk := w.talk(w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute)))
	exec(ann, "pause "+talk.id+" --reason forgotten")
	<-talk.ended
	if s := w.session("cat", store.Killed); !strings.Contains(s.Reason, "nobody resumed it") {
		t.Errorf("%+v", s)
	}
}

// TestKillScopes: each ends what it names, idle connections too, and nothing else.
func TestKillScopes(t *testing.T) {
	w := newWhole(t)
	w.write("policy.yaml", strings.NewReplacer("people: {ann: {roles: [oncall]}}", "groups: {web: [person:vic]}\npeople: {ann: {roles: [oncall]}, vic: {}}",
		"other: {owner: person:ann", "other: {owner: person:vic").Replace(wholePolicy))
	_, err := w.decider.Reload(t.Context())
	w.must(err)
	ann := w.client("", w.certify(policy.Person, "ann", 10*time.Minute))
	for _, scope := range []string{"--owner person:vic", "--group web", "--rule 'operator/allow[3]'", "--connection %c", "--agent other"} {
		talk := w.talk(w.client("deploy@web-1", w.certify(policy.Agent, "other", 10*time.Minute)))
		idle := w.client("deploy@web-1", w.certify(policy.Agent, "other", 10*time.Minute))
		bystander := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
		s := w.session("cat", store.Live)
		out, errs, status := exec(ann, "kill "+strings.Replace(scope, "%c", s.Connection, 1)+" --reason enough")
		if status != 0 || !strings.Contains(out, s.ID+" killed") || strings.Count(out, " killed") != 1 {
			t.Fatalf("kill %s: %d %q %q", scope, status, out, errs)
		}
		<-talk.ended
		if !gone(talk.client) {
			t.Errorf("%s: the connection lives", scope)
		}
		if byName := !strings.HasPrefix(scope, "--rule") && !strings.HasPrefix(scope, "--connection"); byName && !gone(idle) {
			t.Errorf("%s: an idle connection lives", scope)
		}
		if out, _, status := exec(bystander, "echo x"); status != 0 || out != "x\n" {
			t.Errorf("%s: somebody else's command: %d %q", scope, status, out)
		}
	}
}

// TestHostileResidue: whatever a target says is text, bounded, and never more than a claim.
func TestHostileResidue(t *testing.T) {
	for _, text := range []string{"", "residue-end", "residue \x1b[2J\x00\u202eevil\nresidue-end\n", "residue " + strings.Repeat("\xff", 1<<14), strings.Repeat("residue x\n", 1<<12), "residue a\r\nresidue-end\nresidue b"} {
		out := readResidue(text)
		if len(out.Found) > 40 {
			t.Errorf("%.20q: %d lines", text, len(out.Found))
		}
		for _, line := range out.Found {
			if len(line) > 200 || strings.ContainsAny(line, "\x1b\x00\r\n\u202e") {
				t.Errorf("%.20q: %q", text, line)
			}
		}
		if n := len(residueText(out)); n > maxResidueText {
			t.Errorf("%.20q: %d bytes", text, n)
		}
	}
	for text, want := range map[string]swept{"gatehouse-sweep left=0\n": {clean: true}, "gatehouse-sweep left=3": {left: 3}, "x\ngatehouse-sweep left=-1": {}, "gatehouse-sweep left=99999999999": {},
		"gatehouse-sweep signalled=2\n": {signalled: true}, "gatehouse-sweep signalled=x": {}, "residue-end\nresidue x": {}, "": {}} {
		got := readSweep(text)
		got.text = ""
		if got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
