package bastion

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// TestAPromptRemembers: the next prompt of an identity has what it typed before there, but for lines that begin with a space or hold a
// password, lines of programs and of other logins' prompts.
func TestAPromptRemembers(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	at, s := atPrompt(t, c)
	at.expect("$ ")
	at.send("x=first; echo $x\r")
	at.expect("first\r\n")
	at.send(" y=hidden; echo $y\r")
	at.expect("hidden\r\n")
	at.send("export PASSWORD=hunter2-Zq8; echo \"<$x>\"\r")
	at.expect("<first>\r\n")
	at.send("exit\r")
	w.must(s.Wait())
	w.session("shell", store.Ended)
	program, s := atPrompt(t, c, promptVariable, "json")
	program.expect(`"line":1`)
	program.send("echo from a program\r")
	program.expect(`"line":2`)
	program.send("\x04")
	w.must(s.Wait())

	at, s = atPrompt(t, c)
	at.expect("$ ")
	at.send("\x10\x10\r") // up, over "exit"
	at.expect("echo $x\r\n")
	at.expect("first\r\n")
	at.send("exit\r")
	w.must(s.Wait())
	row := store.Session{Identity: "agent:bot", Owner: "person:ann", Target: "web-1", Login: "deploy"}
	want := []string{"x=first; echo $x", "exit", "x=first; echo $x", "exit"}
	var got []string
	for deadline := time.Now().Add(10 * time.Second); !slices.Equal(got, want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q are kept, want %q", got, want)
		}
		var err error
		got, err = w.store.Lines(t.Context(), row)
		w.must(err)
	}
	row.Login = "ops"
	if other, err := w.store.Lines(t.Context(), row); err != nil || len(other) != 0 {
		t.Errorf("another login has %q, %v", other, err)
	}
}
