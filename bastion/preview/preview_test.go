package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/target/look"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eyes looks at this machine by OpenSSH's own read-only server.
func eyes(t *testing.T, dir string) *look.Looker {
	t.Helper()
	argv := readonly.LocalArgv(true)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	l, err := look.New(t.Context(), stream{out, in}, look.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

type stream struct {
	io.ReadCloser
	io.WriteCloser
}

func (s stream) Close() error { return errors.Join(s.WriteCloser.Close(), s.ReadCloser.Close()) }

// scene is a folder with files, whose name stands as @ in lines.
func scene(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"old.conf": "one\ntwo\nthree\n", "new.conf": "one\n2\nthree\n", "run.sh": "echo hi\n", "log": "a\n", "binary": "\x00\x01", "tree/a/b": "12345", "tree/c": "678"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Symlink("old.conf", filepath.Join(dir, "link")), os.Symlink("/", filepath.Join(dir, "tree/out"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// previewOf previews a line as it would run.
func previewOf(t *testing.T, dir, line string) access.Preview {
	t.Helper()
	plan, err := shell.ParseFor(shell.Context{Login: "deploy"}, strings.ReplaceAll(line, "@", dir))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	out, err := Build(t.Context(), eyes(t, dir), Subject{Plan: plan, Facts: policy.Facts{Home: dir}, Names: names(&plan, dir)})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out
}

// names is what the decision would name.
func names(p *policy.Plan, home string) (list []string) {
	each(p, func(c command) {
		for _, word := range c.argv {
			if name := in(c.dir, word, home); name != "" {
				list = append(list, name)
			}
		}
	})
	return list
}

// told is a preview in one line a file.
func told(p access.Preview, dir string) string {
	var sb strings.Builder
	for _, f := range p.Files {
		if strings.HasPrefix(f.Path, dir) {
			fmt.Fprintf(&sb, "%s %s", strings.TrimPrefix(f.Path, dir+"/"), f.Kind)
			if f.Kind == "file" || f.Entries > 0 {
				fmt.Fprintf(&sb, " %d", f.Size)
			}
			if f.Changes {
				sb.WriteString(" changes")
			}
			if f.Entries > 0 {
				fmt.Fprintf(&sb, " entries=%d", f.Entries)
			}
			if f.Leads != "" {
				sb.WriteString(" leads=" + strings.TrimPrefix(f.Leads, dir+"/"))
			}
			sb.WriteString("; ")
			for line := range strings.Lines(f.Diff) {
				if (line[0] == '+' || line[0] == '-') && !strings.HasPrefix(line, "+++") && !strings.HasPrefix(line, "---") {
					sb.WriteString(strings.TrimSuffix(line, "\n") + "; ")
				}
			}
		}
	}
	return strings.TrimSuffix(strings.ReplaceAll(sb.String(), dir, "@"), "; ")
}

// TestWhatIsSeen: for each way of writing, the file that is written comes first, with the difference where the content is known.
func TestWhatIsSeen(t *testing.T) {
	dir := scene(t)
	for line, want := range map[string]string{
		"cat @/old.conf":                           "old.conf file 14",
		"cat old.conf gone":                        "old.conf file 14",
		"cat @/gone":                               "gone missing",
		"cat @/link":                               "link file 14 leads=old.conf",
		"bash @/run.sh now":                        "run.sh file 8",
		"cp @/new.conf @/old.conf":                 "old.conf file 14 changes; -two; +2; new.conf file 12",
		"cp @/new.conf @/tree":                     "tree/new.conf missing changes; +one; +2; +three; new.conf file 12; tree folder",
		"mv @/new.conf @/old.conf":                 "new.conf file 12 changes; old.conf file 14 changes; -two; +2",
		"install -m 644 @/new.conf @/old.conf":     "old.conf file 14 changes; -two; +2; new.conf file 12",
		"cp -r @/tree @/copy":                      "copy missing changes; tree folder",
		"echo changed > @/old.conf":                "old.conf file 14 changes; -one; -two; -three; +changed",
		"echo -n x >> @/log":                       "log file 2 changes; +x",
		"echo -e x > @/log":                        "log file 2 changes",
		`printf 'one\n%s\nthree\n' 2 > @/old.conf`: "old.conf file 14 changes; -two; +2",
		`printf '%d\n' 2 > @/old.conf`:             "old.conf file 14 changes",
		"echo new > @/fresh":                       "fresh missing changes; +new",
		"tee @/old.conf <<< one":                   "old.conf file 14 changes; -two; -three",
		"echo b | tee -a @/log":                    "log file 2 changes; +b",
		"cat > @/log <<'E'\nb\nE\n":                "log file 2 changes; -a; +b",
		"date > @/log":                             "log file 2 changes",
		"cd @ && echo c > log":                     "log file 2 changes; -a; +c",
		"sed -i s/a/b/ @/log":                      "log file 2 changes",
		"dd if=/dev/zero of=@/log":                 "log file 2 changes",
		"rm -rf @/tree":                            "tree folder 8 changes entries=4",
		"rm @/log":                                 "log file 2 changes",
		"chmod 600 @/log":                          "log file 2 changes",
		"cp @/binary @/log":                        "log file 2 changes; binary file 2",
	} {
		t.Run(line, func(t *testing.T) {
			if got := told(previewOf(t, dir, line), dir); got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// TestHostileContents: what is shown deceives no eye, is no longer than it says, and what cannot be shown is named.
func TestHostileContents(t *testing.T) {
	dir := scene(t)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bidi", "a\u202eb\u200bc\x1b[31m\r\n\u3164\n")
	if got := previewOf(t, dir, "cp @/bidi @/fresh").Files[0].Diff; !strings.Contains(got, `+a\u{202e}b\u{200b}c\u{1b}[31m\u{d}`) || !strings.Contains(got, `+\u{3164}`) {
		t.Errorf("%q", got)
	}
	write("long", strings.Repeat("a line of text\n", 20_000))
	got := previewOf(t, dir, "cp @/long @/fresh").Files[0].Diff
	if len(got) > maxDiff || !strings.Contains(got, "more lines of the difference") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-100:])
	}
	write("huge", strings.Repeat("x", maxRead+1))
	for line, note := range map[string]string{"cp @/huge @/fresh": "huge: it is larger than 1 MiB", "cp @/binary @/fresh": "fresh: no text: 0 bytes become 2", "cp @/log @/log": "what is written is what is there"} {
		if p := previewOf(t, dir, line); p.Files[0].Diff != "" || !strings.Contains(strings.Join(p.Notes, "; "), note) {
			t.Errorf("%s: %q, %q", line, p.Notes, p.Files[0].Diff)
		}
	}
	write("a\nb\u202e", "x")
	plan := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/bin/rm", dir + "/a\nb\u202e"}}
	p, err := Build(t.Context(), eyes(t, dir), Subject{Plan: plan, Facts: policy.Facts{Home: dir, Globs: map[string][]string{"/x*": {"/x\u202e"}}}})
	if err != nil || p.Files[0].Path != dir+`/a`+"\n"+`b\u{202e}` || p.Globs[0].Matches[0] != `/x\u{202e}` {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestGlobsAreCounted: the first hundred matches, and how many more.
func TestGlobsAreCounted(t *testing.T) {
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf("/srv/f%03d", i))
	}
	facts := policy.Facts{Home: "/", Globs: map[string][]string{"/srv/f*": many, "/srv/x*": {}}}
	p, err := Build(t.Context(), made{}, Subject{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/bin/ls"}}, Facts: facts})
	if err != nil || len(p.Globs) != 2 || len(p.Globs[0].Matches) != 100 || p.Globs[0].More != 150 || len(p.Globs[1].Matches) != 0 {
		t.Errorf("%+v, %v", p.Globs, err)
	}
}

// made is a target that is made up.
type made struct {
	files map[string]look.Found
	stat  func(name string) error
	tree  int
}

func (m made) Stat(_ context.Context, name string) (look.Found, error) {
	if m.stat != nil {
		if err := m.stat(name); err != nil {
			return look.Found{}, err
		}
	}
	if f, there := m.files[name]; there {
		f.Real = name
		return f, nil
	}
	return look.Found{Real: name, Kind: policy.PathNone}, nil
}

func (m made) Read(context.Context, string, int) ([]byte, error) { return []byte("text\n"), nil }

func (m made) Tree(context.Context, string, int) (int, int64, bool, error) {
	return m.tree, 0, false, nil
}

// TestUnits: the unit's file that systemd takes, its template's, and what is added to it.
func TestUnits(t *testing.T) {
	file, folder := look.Found{Kind: policy.PathFile, Size: 3}, look.Found{Kind: policy.PathDir}
	m := made{files: map[string]look.Found{"/etc/systemd/system/app.service": file, "/usr/lib/systemd/system/app.service": file, "/etc/systemd/system/app.service.d": folder, "/run/systemd/system/app.service.d": folder,
		"/usr/lib/systemd/system/job@.service": file, "/etc/systemd/system/x.timer": file}}
	p, err := Build(t.Context(), m, Subject{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "--no-block", "app", "job@7.service", "x.timer", "gone", "app-*", "../../etc/x"}}, Facts: policy.Facts{Home: "/home/deploy"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range p.Files {
		got = append(got, f.Path)
	}
	want := "/etc/systemd/system/app.service /etc/systemd/system/app.service.d /etc/systemd/system/x.timer /run/systemd/system/app.service.d /usr/lib/systemd/system/job@.service"
	if strings.Join(got, " ") != want || len(p.Notes) != 1 || !strings.HasPrefix(p.Notes[0], "gone.service: there is no such unit") {
		t.Errorf("got  %s\nwant %s\nnotes %q", strings.Join(got, " "), want, p.Notes)
	}
}

// TestWhatWasNotLookedAtIsSaid: an end of the time, a failing target, too many files and a folder that was not counted whole.
func TestWhatWasNotLookedAtIsSaid(t *testing.T) {
	rm := func(names ...string) policy.Plan {
		return policy.Plan{Op: policy.OpRun, Argv: append(policy.Argv{"/bin/rm", "-r"}, names...)}
	}
	var many []string
	for i := range maxFiles + 5 {
		many = append(many, fmt.Sprintf("/srv/f%03d", i))
	}
	for claim, c := range map[string]struct {
		m     made
		plan  policy.Plan
		note  string
		fails bool
	}{
		"late":      {made{stat: func(string) error { return context.DeadlineExceeded }}, rm("/a"), "the look took longer than 5s", true},
		"failing":   {made{stat: func(string) error { return errors.New("it broke\u202e") }}, rm("/a"), `could not be looked at to the end: it broke\u{202e}`, true},
		"many":      {made{}, rm(many...), "more than 200 files", false},
		"half seen": {made{files: map[string]look.Found{"/a": {Kind: policy.PathDir}}, tree: 7}, rm("/a"), "/a: it has more than was counted", false},
	} {
		p, err := Build(t.Context(), c.m, Subject{Plan: c.plan, Facts: policy.Facts{Home: "/root"}})
		if (err != nil) != c.fails || !strings.Contains(strings.Join(p.Notes, "; "), c.note) || len(p.Files) > maxFiles {
			t.Errorf("%s: %q, %d files, %v", claim, p.Notes, len(p.Files), err)
		}
	}
}

// FuzzPrinted: what printf is said to print is what printf prints.
func FuzzPrinted(f *testing.F) {
	for _, format := range []string{"a%s\\n", "%%", "\\t\\\\", "%d", "x", "%s %s", "\\", "%", "%s"} {
		f.Add(format, "one", "two")
	}
	f.Fuzz(func(t *testing.T, format, a, b string) {
		for _, text := range []string{format, a, b} {
			if strings.Contains(text, "\x00") || len(text) > 1000 {
				return
			}
		}
		got := printed([]string{format, a, b})
		if got == nil {
			return
		}
		want, err := exec.Command("/usr/bin/printf", format, a, b).Output()
		if err != nil || *got != string(want) {
			t.Fatalf("%q %q %q: %q, printf says %q (%v)", format, a, b, *got, want, err)
		}
		if got := echoed([]string{a, b}); got != nil {
			if want, err := exec.Command("/usr/bin/echo", a, b).Output(); err != nil || *got != string(want) {
				t.Fatalf("echo %q %q: %q, echo says %q (%v)", a, b, *got, want, err)
			}
		}
	})
}
