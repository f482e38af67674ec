package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const liveText = "version: 1\ndata: d\npolicy: p\ntargets: t\nssh: {listen: \"h:1\", names: [n]}\n"

func loadText(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestDrain(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 30 * time.Second, ", drain: 0s": 0, ", drain: 5m": 5 * time.Minute} {
		c, err := loadText(t, strings.Replace(liveText, "[n]", "[n]"+text, 1))
		if err != nil || c.SSH.Drain != want {
			t.Errorf("%q: %s, %v", text, c.SSH.Drain, err)
		}
	}
	for _, text := range []string{"-1s", "25h", "soon", "[]"} {
		if c, err := loadText(t, strings.Replace(liveText, "[n]", "[n], drain: "+text, 1)); err == nil {
			t.Errorf("%q is taken as %s", text, c.SSH.Drain)
		}
	}
}

// What a reload cannot bring into force is named, and nothing else is.
func TestNeedRestart(t *testing.T) {
	base, err := loadText(t, liveText)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Config)
		want   []string
	}{
		{func(*Config) {}, nil},
		{func(c *Config) { c.Log.Level, c.SSH.Drain = "debug", time.Hour }, nil},
		{func(c *Config) { c.SSH.Listen, c.Node = "h:2", "x" }, []string{"node", "ssh.listen"}},
		{func(c *Config) { c.Web.TLS, c.Users.Door, c.Policy = &TLS{Cert: "c"}, 9, "q" }, []string{"web.tls", "policy", "users.door"}},
		{func(c *Config) { c.CA, c.Export = &CA{}, []Sink{{}} }, []string{"export", "ca"}},
	} {
		fresh := base
		c.change(&fresh)
		if got := base.NeedRestart(fresh); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
