package bastion

import (
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// runsOnHost reports whether a command of that text runs on this machine, where the target is.
func runsOnHost(text string) bool {
	return osexec.Command("pgrep", "-f", "^[^ ]*"+text+"$").Run() == nil
}

// awaitHost waits until such a command runs, or does not.
func awaitHost(t *testing.T, text string, want bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); runsOnHost(text) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s runs: %v", text, !want)
		}
	}
}

const killedLine = `sleep 3601 & for i in 1 2; do sleep 3602 | cat; done; echo no > /tmp/governed-killed`

// TestKillEndsAGovernedShell: a kill ends all that runs of a shell, in a pipeline, behind and in loops, and its process; nothing of the line
// goes on.
func TestKillEndsAGovernedShell(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	ended := make(chan int, 1)
	go func() {
		_, _, status := exec(c, killedLine)
		ended <- status
	}()
	for _, text := range []string{"sleep 3601", "sleep 3602"} {
		awaitHost(t, text, true)
	}
	row := w.session(killedLine, store.Live)
	report, err := w.server.Kill(t.Context(), console.KillOrder{Session: row.ID, By: console.Actor{Principal: "person:ann"}, Reason: "enough"})
	w.must(err)
	if len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" {
		t.Errorf("%+v", report)
	}
	<-ended
	for _, text := range []string{"sleep 3601", "sleep 3602"} {
		if runsOnHost(text) {
			t.Errorf("%s goes on", text)
		}
	}
}

// TestLeavingEndsAGovernedShell: what runs of a shell ends when its client leaves.
func TestLeavingEndsAGovernedShell(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	at, _ := atPrompt(t, c)
	at.expect("$ ")
	at.send("x=3603; sleep $x\r")
	awaitHost(t, "sleep 3603", true)
	w.must(c.Close())
	awaitHost(t, "sleep 3603", false)
	w.session("shell", store.Ended)
}

// TestDenialsCannotBeHidden: where a command's standard error goes, its denial does not follow.
func TestDenialsCannotBeHidden(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	for _, line := range []string{"x=$(whoami 2>/dev/null); echo $?", "{ whoami; } 2>/dev/null; echo $?", "whoami 2>&1 | cat > /dev/null; echo $?; :"} {
		stdout, stderr, _ := exec(c, line)
		if !strings.Contains(stderr, "GATEHOUSE-DENIAL") || strings.Contains(stdout, "GATEHOUSE") {
			t.Errorf("%s: %q, %q", line, stdout, stderr)
		}
	}
}

// TestABrokenShellEndsAlone: a shell's process that dies ends its own session, which is told so, and no other.
func TestABrokenShellEndsAlone(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	other, _ := atPrompt(t, c)
	other.expect("$ ")
	_, stderr, status := exec(c, `x=1234567890; while :; do x=$x$x; done`)
	if status != 75 || !strings.Contains(stderr, "GATEHOUSE-ERROR") || !strings.Contains(stderr, "shell") {
		t.Errorf("%d %s", status, stderr)
	}
	other.send("echo still $((1+1))\r")
	other.expect("still 2\r\n")
}

// TestGovernedIsRecorded: a recording shows each line, each command with the texts that it came through, and each decision.
func TestGovernedIsRecorded(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	line := `u=$(id -un); bash -c 'whoami'; printenv LANG$u`
	exec(c, line)
	row := w.session(line, store.Ended)
	var got strings.Builder
	r, err := w.server.cfg.Recorder.Read(row.ID)
	w.must(err)
	defer r.Close()
	for e, err := range r.Events() {
		w.must(err)
		if e.Code == recorder.Line || e.Code == recorder.Step || e.Code == recorder.Decision {
			got.WriteByte(byte(e.Code))
			got.Write(e.Data)
			got.WriteByte('\n')
		}
	}
	for _, want := range []string{`l{"line":1,"text":"u=$(id -un)`, `a{"argv":["id","-un"],"chain":null,"dir":"/home/deploy","line":1,"step":1}`, `"verdict":"allow","rules":["operator/allow[2]"]`,
		`a{"argv":["whoami"],"chain":["bash -c`, `"verdict":"deny"`, `"step":2`, `a{"status":0,"step":1}`, `l{"line":1,"status":`} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %s in\n%s", want, got.String())
		}
	}
}

// TestALostTargetIsNoSuccess: a command of which the target never says how it ended has failed, and the client is told.
func TestALostTargetIsNoSuccess(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	type result struct {
		stdout, stderr string
		status         int
	}
	ended := make(chan result, 1)
	go func() {
		stdout, stderr, status := exec(c, "x=3605; sleep $x && echo success; echo s$?")
		ended <- result{stdout, stderr, status}
	}()
	awaitHost(t, "sleep 3605", true)
	w.must(w.host.Close())
	if got := <-ended; got.stdout != "s75\n" || !strings.Contains(got.stderr, "was lost; whether sleep ended is not known") {
		t.Errorf("%+v", got)
	}
}

// TestAPausedShellStandsStill: while its session is paused a governed shell touches no file of the target; then it goes on.
func TestAPausedShellStandsStill(t *testing.T) {
	w := newGoverned(t)
	file, err := w.host.Path("/tmp/counted")
	w.must(err)
	counted := func() string {
		b, _ := os.ReadFile(file) // it may not be there yet
		return string(b)
	}
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	const line = "i=0; while :; do i=$((i+1)); echo $i >> /tmp/counted; done"
	go exec(c, line)
	grows := func() {
		t.Helper()
		before := counted()
		for deadline := time.Now().Add(20 * time.Second); counted() == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing is counted")
			}
		}
	}
	grows()
	order := console.KillOrder{Session: w.session(line, store.Live).ID, By: console.Actor{Principal: "person:ann"}, Reason: "wait"}
	_, err = w.server.Pause(t.Context(), order)
	w.must(err)
	before := counted()
	time.Sleep(300 * time.Millisecond)
	if counted() != before {
		t.Error("it counts while it is paused")
	}
	_, err = w.server.Resume(t.Context(), order)
	w.must(err)
	grows()
	_, err = w.server.Kill(t.Context(), order)
	w.must(err)
}

// TestCtrlCEndsACommand: at a prompt Ctrl-C ends what runs on the target, from its first moment on and for a login that sshd signals nothing of,
// and the shell goes on.
func TestCtrlCEndsACommand(t *testing.T) {
	w := newGoverned(t)
	for _, login := range []string{"deploy", "root"} {
		c := w.client(login+"@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
		at, s := atPrompt(t, c)
		for range map[string]int{"deploy": 6, "root": 1}[login] {
			at.expect("2004h")
			at.send("x=3607; sleep $x\r")
			at.expect("\x1b]133;C") // it is about to begin
			if login == "root" {
				awaitHost(t, "sleep 3607", true)
			}
			at.send("\x03")
			at.expect("^C")
		}
		at.expect("2004h")
		at.send("echo s$?; echo a > ~/f; cat < ~/f; echo b$?\r")
		at.expect("s130\r\na\r\nb0\r\n")
		awaitHost(t, "sleep 3607", false)
		at.send("exit\r")
		w.must(s.Wait())
	}
}
