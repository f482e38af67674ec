package bastion

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestOneChannelOneAsk: a channel has one command. What comes after it, in whatever form, changes nothing of what was decided and starts
// nothing; what comes before it and is not understood is refused and changes nothing either.
func TestOneChannelOneAsk(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    env: [LANG]\n    allow: [echo <text>..., {run: cat, stdin: data}, env]\n")
	defer client.Close()
	text := func(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }
	variable := func(name, value string) []byte { return ssh.Marshal(struct{ Name, Value string }{name, value}) }
	pty := ssh.Marshal(struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}{"vt100", 80, 24, 0, 0, ""})
	type request struct {
		kind    string
		payload []byte
		ok      bool
	}
	for name, c := range map[string]struct {
		before, after []request
		want          string
	}{
		"another exec":           {nil, []request{{"exec", text("echo second"), false}}, "first\n"},
		"a shell":                {nil, []request{{"shell", nil, false}}, "first\n"},
		"a subsystem":            {nil, []request{{"subsystem", text("sftp"), false}}, "first\n"},
		"a variable":             {nil, []request{{"env", variable("LANG", "x"), false}}, "first\n"},
		"a pty":                  {nil, []request{{"pty-req", pty, false}}, "first\n"},
		"x11 and an agent":       {[]request{{"x11-req", nil, false}, {"auth-agent-req@openssh.com", nil, false}}, nil, "first\n"},
		"an unknown request":     {[]request{{"exec@example.com", text("echo second"), false}, {"break", nil, false}}, nil, "first\n"},
		"a size without a pty":   {[]request{{"window-change", ssh.Marshal(struct{ A, B, C, D uint32 }{1, 1, 1, 1}), false}}, nil, "first\n"},
		"a signal without a run": {[]request{{"signal", text("KILL"), false}}, nil, "first\n"},
		"a broken exec":          {[]request{{"exec", append(text("echo second"), 0), false}, {"exec", []byte{0, 0, 0, 99}, false}, {"shell", []byte{1}, false}}, nil, "first\n"},
		"a broken pty":           {[]request{{"pty-req", []byte("x"), false}, {"pty-req", ssh.Marshal(struct{ S string }{"../../x"}), false}}, nil, "first\n"},
		"broken variables":       {[]request{{"env", nil, false}, {"env", variable("", "x"), false}, {"env", variable("LANG", strings.Repeat("x", w.server.limits.limits.EnvValue+1)), false}, {"env", append(variable("LANG", "x"), 'y'), false}}, nil, "first\n"},
	} {
		ch, requests, err := client.OpenChannel("session", nil)
		w.must(err)
		go ssh.DiscardRequests(requests)
		ask := func(list []request) {
			for _, r := range list {
				if ok, err := ch.SendRequest(r.kind, true, r.payload); err == nil && ok != r.ok {
					t.Errorf("%s: %s was answered %t", name, r.kind, ok)
				}
			}
		}
		ask(c.before)
		if ok, err := ch.SendRequest("exec", true, text("echo first")); err != nil || !ok {
			t.Fatalf("%s: %t, %v", name, ok, err)
		}
		ask(c.after)
		out, err := io.ReadAll(ch)
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		_ = ch.Close() // the other side has
	}
}

// TestVariablesOfAChannel: variables that are not listed, or could not be set safely, never arrive, however many there are and in whatever
// order; those of one channel are not another's.
func TestVariablesOfAChannel(t *testing.T) {
	w := newWhole(t)
	client := w.obligedTo("    env: [LANG, \"X_*\"]\n    allow: [env]\n")
	defer client.Close()
	run := func(variables ...string) string {
		s, err := client.NewSession()
		w.must(err)
		defer s.Close()
		for i := 0; i < len(variables); i += 2 {
			_ = s.Setenv(variables[i], variables[i+1]) // refused ones are the point
		}
		out, err := s.Output("env")
		if err != nil {
			t.Errorf("%q: %v", variables, err)
		}
		return string(out)
	}
	for _, c := range []struct {
		variables    []string
		there, never string
	}{
		{[]string{"LANG", "C"}, "LANG=C", ""},
		{[]string{"LANG", "C", "LANG", "D"}, "LANG=D", "LANG=C\n"},
		{[]string{"X_A", "1", "LD_PRELOAD", "/x.so", "X_B", "2"}, "X_B=2", "LD_PRELOAD"},
		{[]string{"X_A=1; touch PWN; X_B", "2"}, "", "X_B"},
		{[]string{"X_A", "a\nPATH=/x"}, "", "X_A"},
		{[]string{"X_A\x00", "a"}, "", "X_A"},
		{[]string{"X_é", "a"}, "", "X_"},
		{[]string{"X_A", "$(touch PWN)`id`'\"\\"}, "X_A=$(touch PWN)`id`'\"\\\n", ""},
		{[]string{"X_PAGER", "x", "x_a", "y"}, "", "X_PAGER"},
		{[]string{"BASH_FUNC_env%%", "() { :; }"}, "", "BASH_FUNC"},
		{nil, "", "X_"},
	} {
		out := run(c.variables...)
		if !strings.Contains(out, c.there) || c.never != "" && strings.Contains(out, c.never) {
			t.Errorf("%q: %s", c.variables, out)
		}
	}
}
