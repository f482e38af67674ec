package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/testhost"
)

// usefulEvery is how much of the corpus a short run takes: one line of so many.
const usefulEvery = 10

var showUseful = flag.Bool("show-useful", false, "log what each line of testdata/useful printed")

// TestUsefulLines runs each line of testdata/useful twice, through Gatehouse under an example policy and by
// plain ssh, on two hosts that were prepared alike: output and exit status are the same, or the line is refused with the code
// that stands below it. docs/usefulness.md has the rate, which the test keeps true.
func TestUsefulLines(t *testing.T) {
	lines, err := readCorpus(filepath.Join("testdata", "useful"))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		lines = everyNth(lines)
	}
	root := openFolder(t)
	binary := build(t, root)
	for _, example := range usefulExamples(lines) {
		t.Run(example, func(t *testing.T) {
			scene := startUseful(t, root, binary, example, lines)
			for _, l := range lines {
				if l.who.example == example {
					scene.check(t, l)
				}
			}
		})
	}
	if !testing.Short() && !t.Failed() {
		checkUsefulTable(t, usefulTable(lines))
	}
}

func everyNth(lines []usefulLine) []usefulLine {
	var some []usefulLine
	for i := 0; i < len(lines); i += usefulEvery {
		some = append(some, lines[i])
	}
	return some
}

func usefulExamples(lines []usefulLine) []string {
	var names []string
	for _, l := range lines {
		if !slices.Contains(names, l.who.example) {
			names = append(names, l.who.example)
		}
	}
	return names
}

// check runs one line both ways and compares.
func (s *usefulScene) check(t *testing.T, l usefulLine) {
	t.Helper()
	ours, err := s.guarded[l.who].run(t.Context(), l.text)
	if err != nil {
		t.Errorf("%s: %q through Gatehouse: %v", l.place, l.text, err)
		return
	}
	if *showUseful {
		t.Logf("%s: %s\n%s%s[%d]", l.place, l.text, ours.Stdout, ours.Stderr, ours.Status)
	}
	if code := denialCode(ours.Stderr); code != l.code || l.code != "" {
		if code != l.code {
			why, _, _ := strings.Cut(ours.Stderr, "\n")
			t.Errorf("%s: %q is refused with %q, want %q: %.300s", l.place, l.text, code, l.code, why)
		}
		return
	}
	plain, err := s.plain[l.who].run(t.Context(), l.text)
	if err != nil {
		t.Errorf("%s: %q by plain ssh: %v", l.place, l.text, err)
		return
	}
	if a, b := l.comparable(ours), l.comparable(plain); a != b {
		t.Errorf("%s: %q differs\nthrough Gatehouse:\n%s\nby plain ssh:\n%s", l.place, l.text, a, b)
	}
}

var denialLine = regexp.MustCompile(`(?m)^GATEHOUSE-DENIAL .*"code":"([a-z_]+)"`)

// denialCode is the code of a denial, "" for none.
func denialCode(stderr string) string {
	if m := denialLine.FindStringSubmatch(stderr); m != nil {
		return m[1]
	}
	return ""
}

// complaint is how programs begin what they say on standard error: their name as they were started. Gatehouse starts them by
// their absolute path. A shell names itself and the line.
var complaint = regexp.MustCompile(`(?m)^(?:/(?:usr/)?(?:local/)?s?bin/)?([a-z.0-9]+: )(?:line \d+: |\d+: )?`)

// comparable is what must be the same both ways.
func (l usefulLine) comparable(r testhost.Result) string {
	out := fmt.Sprintf("%s--- stderr\n%s--- status %d", r.Stdout, complaint.ReplaceAllString(r.Stderr, "$1"), r.Status)
	for _, re := range l.ignore {
		out = re.ReplaceAllString(out, "")
	}
	return out
}

// usefulTable counts the corpus by task.
func usefulTable(lines []usefulLine) string {
	var b strings.Builder
	b.WriteString("| task | lines | the same | refused by intent |\n|---|---|---|---|\n")
	var tasks []string
	for _, l := range lines {
		if !slices.Contains(tasks, l.task) {
			tasks = append(tasks, l.task)
		}
	}
	row := func(name string, of func(usefulLine) bool) {
		all, refused := 0, 0
		for _, l := range lines {
			if of(l) {
				all++
				if l.code != "" {
					refused++
				}
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", name, all, all-refused, refused)
	}
	for _, task := range tasks {
		row(task, func(l usefulLine) bool { return l.task == task })
	}
	row("**all**", func(usefulLine) bool { return true })
	return b.String()
}

// checkUsefulTable wants the table in docs/usefulness.md; -update puts it there.
func checkUsefulTable(t *testing.T, table string) {
	t.Helper()
	const path = "../../docs/usefulness.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), "| task |")
	_, tail, ends := strings.Cut(rest, "\n\n")
	switch want := head + table + "\n" + tail; {
	case !found || !ends:
		t.Errorf("%s has no table that begins with | task |", path)
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Error(err)
		}
	case want != string(text):
		t.Errorf("%s has other numbers; -update puts these there:\n%s", path, table)
	}
}
