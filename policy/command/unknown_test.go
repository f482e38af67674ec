package command_test

import (
	"testing"

	"gatehouse/policy"
	"gatehouse/policy/command"
)

func TestUnknownIsThePolicysWord(t *testing.T) {
	if policy.Unknown != command.Unknown {
		t.Errorf("%q and %q", policy.Unknown, command.Unknown)
	}
}

var benchmarked = []struct {
	name, pattern string
	argv          []string
}{
	{"word-by-word", "prog (status|show) [-n <int>] <unit:app-*>", []string{"prog", "status", "-n", "5", "app-api"}},
	{"options-read", "tail [-n <int:1..5000>] [-f] <path:/var/log/app/**>...", []string{"tail", "-fn5", "/var/log/app/a", "/var/log/app/b"}},
	{"refused", "tail [-n <int:1..5000>] [-f] <path:/var/log/app/**>...", []string{"tail", "-n", "9999", "/etc/shadow"}},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range benchmarked {
		p, err := command.Parse(c.pattern, nil)
		if err != nil {
			b.Fatal(err)
		}
		v := command.View{Dir: "/home/x", Home: "/home/x", Real: func(path string) (string, bool) { return path, true }}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Match(c.argv, v)
			}
		})
	}
}
