package bastion

import (
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestParseAskIsStrict(t *testing.T) {
	text := func(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }
	for _, c := range []struct {
		name    string
		req     ssh.Request
		want    ask
		accepts bool
	}{
		{"exec", ssh.Request{Type: "exec", Payload: text("uptime")}, ask{"exec", "uptime"}, true},
		{"shell", ssh.Request{Type: "shell"}, ask{kind: "shell"}, true},
		{"subsystem", ssh.Request{Type: "subsystem", Payload: text("sftp")}, ask{"subsystem", "sftp"}, true},
		// A malformed exec must never become anything: one SSH library makes a shell of it.
		{"no payload", ssh.Request{Type: "exec"}, ask{}, false},
		{"short", ssh.Request{Type: "exec", Payload: []byte{0, 0, 0, 9, 'x'}}, ask{}, false},
		{"trailing", ssh.Request{Type: "exec", Payload: append(text("uptime"), 0)}, ask{}, false},
		{"shell with payload", ssh.Request{Type: "shell", Payload: text("x")}, ask{}, false},
	} {
		got, ok := parseAsk(&c.req)
		if ok != c.accepts || (ok && got != c.want) {
			t.Errorf("%s: parseAsk = %+v, %v", c.name, got, ok)
		}
	}
}

func FuzzAsk(f *testing.F) {
	f.Add("exec", ssh.Marshal(struct{ S string }{"uptime; id"}))
	f.Add("shell", []byte{})
	f.Add("subsystem", []byte{0, 0, 0, 4, 's', 'f', 't', 'p'})
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		a, ok := parseAsk(&ssh.Request{Type: kind, Payload: payload})
		if !ok {
			return
		}
		if kind == "shell" {
			if len(payload) != 0 {
				t.Fatal("a shell request with a payload was accepted")
			}
			return
		}
		if string(ssh.Marshal(struct{ S string }{a.text})) != string(payload) {
			t.Fatalf("payload %x does not re-encode from %q", payload, a.text)
		}
	})
}
