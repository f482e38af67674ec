package program_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy/program"
)

// spellings are command lines that the table takes to mean the same, or not the same, for the real programs to judge.
// They run in a folder with the files a (lines 1 to 9), b (lines 5 to 8) and -l (one line).
var spellings = []struct {
	a, b string
	same bool
}{
	{"ls -la", "ls -l -a", true}, {"ls -l a", "ls a -l", true}, {"ls -la --", "ls -l -a", true}, {"ls -- -l", "ls ./-l", false}, {"ls -1t", "ls -1 -t", true}, {"ls -w80 -x", "ls -w 80 -x", true},
	{"ls -- -l", "ls -l", false}, {"cat a -n", "cat -n a", true}, {"cat -- -l", "cat < -l", true}, {"head -n5 a", "head -n 5 a", true}, {"head -qn5 a b", "head -q -n 5 a b", true},
	{"head --lines=5 a", "head --lines 5 a", true}, {"head a -n 5", "head -n 5 a", true}, {"tail -n5 a", "tail --lines=5 a", true}, {"tail -n=5 a", "tail -n 5 a", false}, {"tail -5 a", "tail -n 5 a", true},
	{"grep -e5 a", "grep -e 5 a", true}, {"grep -ine5 a", "grep -i -n -e 5 a", true}, {"grep 5 a -n", "grep -n 5 a", true}, {"grep -- -l a", "grep -e -l a", true}, {"grep -5 3 a", "grep -C 5 3 a", true},
	{"egrep -c 5 a", "grep -E -c 5 a", true}, {"fgrep -c 5 a", "grep -F -c 5 a", true}, {"wc -lc a", "wc -l -c a", true}, {"wc a -l", "wc -l a", true}, {"sort -rk1 a", "sort -r -k 1 a", true}, {"sort a -r", "sort -r a", true},
	{"sort -rn a", "sort -nr a", true}, {"uniq -cf1 a", "uniq -c -f 1 a", true}, {"uniq a -c", "uniq -c a", true}, {"cut -d, -f1 a", "cut -d , -f 1 a", true}, {"cut a -c1", "cut -c 1 a", true},
	{"tr -dc 5 < a", "tr -d -c 5 < a", true}, {"tr 5 -d < a", "tr -d 5 < a", false}, {"sed -ne5p a", "sed -n -e 5p a", true}, {"sed a -n -e 5p", "sed -n -e 5p a", true}, {"sed -nE 5p a", "sed -n -E 5p a", true},
	{"xargs -n1 echo < a", "xargs -n 1 echo < a", true}, {"xargs -rn1 echo < a", "xargs -r -n 1 echo < a", true}, {"xargs echo -n1 < a", "xargs -n1 echo < a", false}, {"xargs -- echo -n < a", "xargs echo -n < a", true},
	{"stat -c%s a", "stat -c %s a", true}, {"stat a -c %s", "stat -c %s a", true}, {"stat -Lc%s a", "stat -L -c %s a", true}, {"file -bi a", "file -b -i a", true}, {"file a -b", "file -b a", true},
	{"du -sb a", "du -s -b a", true}, {"du -bd0", "du -b -d 0", true}, {"du a -b", "du -b a", true}, {"df -PTt nosuch", "df -P -T -t nosuch", true}, {"df . --output=target", "df --output=target .", true}, {"df -Pt nosuch", "df -P -t nosuch", true},
	{"ps -o pid= -p 1", "ps -opid= -p1", true}, {"pgrep -u0 -x nosuch", "pgrep -u 0 -x nosuch", true}, {"id -un", "id -u -n", true}, {"id root -u", "id -u root", true}, {"uname -sm", "uname -s -m", true},
	{"date -ud @0", "date -u -d @0", true}, {"date +%s -ud@0", "date -u -d @0 +%s", true}, {"date -uIns -d @0", "date -u -I -n -s -d @0", false}, {"env -iu X A=1 env", "env -i A=1 env", true}, {"env -i A=1 printf -- -u", "env -i printf -- -u", true},
	{"readlink -fn a", "readlink -f -n a", true}, {"readlink a -f", "readlink -f a", true}, {"realpath -sz a", "realpath -s -z a", true}, {"realpath a --relative-to=/", "realpath --relative-to / a", true},
	{"basename -s.c x.c", "basename -s .c x.c", true}, {"basename -as.c x.c", "basename -a -s .c x.c", true}, {"basename x.c -s", "basename -s x.c", false}, {"dirname x/y -z", "dirname -z x/y", true},
	{"md5sum -bz a", "md5sum -b -z a", true}, {"sha256sum a -b", "sha256sum -b a", true}, {"diff -qr a b", "diff -q -r a b", true}, {"diff a b -U0", "diff -U 0 a b", true}, {"cmp -ln2 a b", "cmp -l -n 2 a b", true}, {"cmp a b -s", "cmp -s a b", true},
	{"tar -cf- a", "tar -c -f - a", true}, {"tar cf - a", "tar -c -f - a", true}, {"tar cf- a", "tar cf - a", false}, {"gzip -9nc a", "gzip -9 -n -c a", true}, {"gzip a -nc", "gzip -n -c a", true}, {"dd bs=1 status=none if=a count=3", "dd count=3 if=a bs=1 status=none", true},
	{"journalctl -n5 --no-pager -D .", "journalctl --lines 5 --no-pager -D .", true}, {"curl -sm1 file:///nosuch", "curl -s -m 1 file:///nosuch", true}, {"curl file:///nosuch -s", "curl -s file:///nosuch", true}, {"curl -s -- file:///nosuch", "curl -s file:///nosuch", true},
	{"echo -ne a", "echo -n -e a", true}, {"echo -- a", "echo a", false}, {"echo -nx", "echo -n x", false}, {"echo a -n", "echo -n a", false}, {"echo --- -n", "echo -n ---", false}, {"printf -- -a", "printf -a", true},
	{"printf %s -a", "printf -- %s -a", true}, {"printf %s -- a", "printf %s a", false},
	{"comm -12 a b", "comm -1 -2 a b", true}, {"nl -ba a", "nl -b a a", true}, {"tac -rs 5 a", "tac -r -s 5 a", true}, {"paste -sd, a", "paste -s -d , a", true}, {"column -ts, a", "column -t -s , a", true}, {"rev -- -l", "rev ./-l", true},
	{"netstat -xln -A unix", "netstat -x -l -n -A unix", true}, {"lsblk -no NAME", "lsblk -n -o NAME", true}, {"vmstat -aS k -V", "vmstat -a -S k -V", true}, {"last -n1 -Ff a", "last -n 1 -F -f a", true}, {"pg_dump -sdx -h nosuch", "pg_dump -s -d x -h nosuch", true},
	{"find a -name a", "find -name a a", false}, {"ss -Htn src nosuch", "ss -H -t -n src nosuch", true}, {"free -bc0", "free -b -c 0", true},
	{"kubectl version --client -ojson", "kubectl version -o=json --client", true}, {"kubectl version --client -ojson", "kubectl -o json version --client", true},
}

func TestRealProgramsReadOptionsAsTheTableSays(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a": "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "b": "5\n6\n7\n8\n", "-l": "x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range spellings {
		if name := strings.Fields(s.a)[0]; !program.Of(name).Known() {
			t.Errorf("%s is not in the table", name)
		} else if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not installed here", name)
			continue
		}
		if a, b := output(t, dir, s.a), output(t, dir, s.b); (a == b) != s.same {
			t.Errorf("%q prints\n%s%q prints\n%s", s.a, a, s.b, b)
		}
	}
}

// output runs a line without quotes, whose last words may be "< file", and returns its status and all that it prints.
func output(t *testing.T, dir, line string) string {
	t.Helper()
	line, input, _ := strings.Cut(line, " < ")
	argv := strings.Fields(line)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
	if input != "" {
		f, err := os.Open(filepath.Join(dir, input))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = f
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("%s: %v", line, err)
	}
	return cmd.ProcessState.String() + "\n" + out.String() + "\n"
}

// helpOption finds "-n, --lines=NUM", "-n NUM" and "--lines[=NUM]" at the beginning of a line of a GNU program's --help.
var helpOption = regexp.MustCompile(`(?m)^ {1,7}(?:(-[A-Za-z0-9]))?,? *(?:(--[a-z0-9][a-z0-9-]*)(\[=|=| <)?)?`)

// TestTheTableKnowsEachLongOptionWithAValue reads what --help says of options with values.
func TestTheTableKnowsEachLongOptionWithAValue(t *testing.T) {
	options := 0
	for _, name := range strings.Fields("ls cat head tail grep wc sort uniq cut tr tee sed xargs stat du df free pgrep id date env readlink realpath basename dirname md5sum sha256sum diff cmp cp mv rm mkdir rmdir touch ln chmod chown tar gzip wget journalctl systemctl loginctl timedatectl hostnamectl psql pg_dump curl column comm nl paste rev tac dmesg last lsblk nproc vmstat w who") {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not installed here", name)
			continue
		}
		help, _ := exec.Command(name, append([]string{"--help"}, helpArguments[name]...)...).CombinedOutput()
		style := program.Of(name).Style
		for _, m := range helpOption.FindAllStringSubmatch(string(help), -1) {
			short, long, mark := m[1], m[2], m[3]
			if long == "" || slices.Contains(helpExceptions, name+" "+long) {
				continue
			}
			options++
			takes := mark == "=" || mark == " <"
			if style.TakesValue(long) != takes {
				t.Errorf("%s: --help says that %s takes a value: %v, the table says %v", name, long, takes, !takes)
			}
			if short != "" && mark != "[=" && style.TakesValue(short) != takes {
				t.Errorf("%s: --help says that %s takes a value: %v, the table not", name, short, takes)
			}
		}
	}
	if options < 300 {
		t.Errorf("only %d options were found", options)
	}
}

// helpArguments follow --help where that alone does not show all.
var helpArguments = map[string][]string{"curl": {"all"}}

// helpExceptions are options that --help shows otherwise than the program reads them.
var helpExceptions = []string{
	"ls --indicator-style", // -p is --indicator-style=slash
	"sort --check",         // its value is optional
	"xargs --max-lines",    // its value is optional: "xargs --max-lines 2 echo" starts 2
	"du --time",            // its value is optional
	"diff --label",         // --label LABEL
	"wget --max-redirect",  // nothing shows the value
	"journalctl --lines",   // a number in the next word is taken
	"psql --help",          // its value is optional
	"curl --help",          // its value is optional, and may be the next word: -h is unclear
	"curl --preproxy",      // --preproxy [protocol://]host
	"curl --proxy",         // the same
}
