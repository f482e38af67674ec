package command

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSamplesAreOfThePattern: every sample matches, and there is always one.
func TestSamplesAreOfThePattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyPattern(2).Draw(t, "pattern")
		p, err := Parse("run "+d.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 40).Draw(t, "n")
		samples := p.Samples(n)
		if len(samples) == 0 || len(samples) > n {
			t.Fatalf("%s: %d samples of %d", p, len(samples), n)
		}
		for _, argv := range samples {
			if !p.Admits(argv) {
				t.Fatalf("%s does not match its sample %q", p, argv)
			}
		}
	})
}

// TestSamplesShowEachPart: alternatives, options, spellings and bounds all appear.
func TestSamplesShowEachPart(t *testing.T) {
	p, err := Parse(`journalctl [(-n|--lines) <int:1..5000>] [--since <text:20>] [-r] (-u <unit:app-*>|-t <enum:a,b>) [<glob:/var/log/**>...]`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, argv := range p.Samples(1000) {
		all = append(all, " "+strings.Join(argv, " ")+" ")
	}
	for _, part := range []string{" -n 1 ", " -n1 ", " --lines=5000 ", " --since " + strings.Repeat("x", 20) + " ", " -r ", " -u app-x ", " -u app- ", " -t b ", " /var/log/x/y/z "} {
		if !slices.ContainsFunc(all, func(line string) bool { return strings.Contains(line, part) }) {
			t.Errorf("no sample with %q in %q", part, all)
		}
	}
	if got := p.SamplesWith(1000, []string{"1 hour ago"}); !slices.ContainsFunc(got, func(argv []string) bool { return slices.Contains(argv, "1 hour ago") }) {
		t.Error("a hint is in no sample")
	}
}

func TestExpected(t *testing.T) {
	p, err := Parse("tail [-n <int:1..10>] <glob:/var/log/**>", nil)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"tail":                  "<glob:/var/log/**>",
		"tail -n 11 /var/log/a": "<int:1..10>",
		"tail /etc/passwd":      "<glob:/var/log/**>",
		"tail /var/log/a b":     "the end",
		"tail -n 5 /var/log":    "<glob:/var/log/**>",
		"tail /var/log/a":       "",
		"head":                  "",
	} {
		if got := strings.Join(p.Expected(strings.Fields(line)), " "); got != want {
			t.Errorf("%s: expected %q, want %q", line, got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"ls", "ls", true},
		{"ls", "id", false},
		{"ls [-l]", "ls -l", true},
		{"ls -l", "ls [-l]", false},
		{"ls [-l] [-a]", "ls [-a]", true},
		{"ls [-l]...", "ls -l", true},
		{"ls [-l]", "ls [-l]...", false},
		{"cat <text>", "cat word", true},
		{"cat <text>", "cat <int>", true},
		{"cat <text>", "cat <glob:/x/*>", false}, // a path may be longer
		{"cat <text:5>", "cat <text:6>", false},
		{"cat <glob:/srv/**>", "cat <glob:/srv/app/*>", true},
		{"cat <glob:/srv/*>", "cat <glob:/srv/**>", false},
		{"cat <glob:/srv/*/x>", "cat <glob:/srv/**/x>", false},
		{"cat <glob:/srv/?>", "cat <glob:/srv/*>", false},
		{"cat <glob:/srv/**>...", "cat <glob:/srv/a> <glob:/srv/b>", true},
		{"cat <glob:/srv/a>", "cat <glob:/srv/a>...", false},
		{"systemctl (status|show) <unit>", "systemctl status <unit:app-*>", true},
		{"systemctl status <unit:app-*>", "systemctl (status|show) <unit:app-*>", false},
		{"tail [-n <int:1..10>] <text>", "tail -n <int:2..3> x", true},
		{"tail [-n <int:1..10>] <text>", "tail [-n <int:0..3>] x", false},
		{"git (log [--oneline]|status)", "git (status|log)", true},
	} {
		a, errA := Parse(c.a, nil)
		b, errB := Parse(c.b, nil)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := a.Covers(b); got != c.want {
			t.Errorf("%s covers %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestWhatCoversMatches: a pattern that covers another one matches what the other matches.
func TestWhatCoversMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyPattern(2).Draw(t, "a"), anyPattern(2).Draw(t, "b")
		if rapid.Bool().Draw(t, "related") {
			a.text, b.text = "["+b.text+"] "+a.text, b.text+" "+a.text
		}
		pa, errA := Parse("run "+a.text, nil)
		pb, errB := Parse("run "+b.text, nil)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !pa.Covers(pb) {
			return
		}
		for _, argv := range pb.Samples(50) {
			if !pa.Admits(argv) {
				t.Fatalf("%s covers %s but does not match %q", pa, pb, argv)
			}
		}
	})
}
