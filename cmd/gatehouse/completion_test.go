package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// asProgram is the variable that makes this test's program gatehouse itself: no second build is needed.
const asProgram = "GATEHOUSE_TEST_AS_PROGRAM"

// onPath puts this program on the path as gatehouse and returns the environment of its callers, with nothing of a user's own.
func onPath(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "gatehouse")); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", "LC_ALL=C.UTF-8", asProgram + "=1"}
}

// completions are what the shells are asked, and what must be among the answers.
var completions = []struct {
	line string
	want []string
	not  string
}{
	{"gatehouse targ", []string{"targets"}, "policy"},
	{"gatehouse targets ", []string{"list", "enroll", "check"}, "process"},
	{"gatehouse sessions se", []string{"search"}, "show"},
	{"gatehouse sessions list --st", []string{"--state"}, "--since"},
	{"gatehouse sessions list --state k", []string{"killed"}, "live"},
	{"gatehouse ca rotate ", []string{"agent", "target", "host", "face"}, "show"},
	{"gatehouse policy sign x --role rev", []string{"reviewer"}, "author"},
	{"gatehouse issue --agent a --public-key b", []string{"bot.pub"}, "agent"},
	{"gatehouse recording sh", []string{"shred", "show"}, "play"},
	{"gatehouse config schema t", []string{"targets"}, "gatehouse"},
}

// TestShellsComplete: real bash and fish complete lines by the scripts that the program prints.
func TestShellsComplete(t *testing.T) {
	env := onPath(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bot.pub"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, script := range map[string]string{
		"bash": `source <(gatehouse completion bash)
			line=$1; read -ra COMP_WORDS <<<"$line"; [[ $line != *' ' ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gatehouse; printf '%s\n' "${COMPREPLY[@]}"`,
		"fish": `gatehouse completion fish | source; complete -C $argv[1]`,
	} {
		for _, c := range completions {
			args := []string{"-c", script, "sh", c.line}
			if shell == "fish" {
				args = []string{"--no-config", "-c", script, c.line}
			}
			cmd := exec.Command(shell, args...)
			cmd.Env, cmd.Dir = env, dir
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %q: %v\n%s", shell, c.line, err, out)
			}
			var words []string
			for line := range strings.Lines(string(out)) {
				word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
				words = append(words, word)
			}
			for _, want := range c.want {
				if !slices.Contains(words, want) {
					t.Errorf("%s: %q is completed by %q, not by %q", shell, c.line, words, want)
				}
			}
			if slices.Contains(words, c.not) {
				t.Errorf("%s: %q is completed by %q", shell, c.line, c.not)
			}
		}
	}
}

// TestZshCompletes types at a real zsh: a tab completes the word, and Enter shows the line.
func TestZshCompletes(t *testing.T) {
	cmd := exec.Command("zsh", "-f", "-i")
	cmd.Env, cmd.Dir = onPath(t), t.TempDir()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 200, Rows: 40})
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		var seen bytes.Buffer
		_, _ = io.Copy(&seen, &reader{tty, func(all string) {
			select {
			case lines <- all:
			default:
			}
		}})
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		tty.Close()
		for range lines {
		}
	})
	say := func(text string) {
		if _, err := io.WriteString(tty, text); err != nil {
			t.Fatal(err)
		}
	}
	var all string
	await := func(want string) {
		t.Helper()
		limit := time.After(30 * time.Second)
		for !strings.Contains(all, want) {
			select {
			case text, ok := <-lines:
				if !ok {
					t.Fatalf("zsh is gone: %q", all)
				}
				all += text
			case <-limit:
				t.Fatalf("no %q in %q", want, all)
			}
		}
		all = ""
	}
	say("unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source <(gatehouse completion zsh); bindkey -e; echo rea''dy\n")
	await("ready\r\n")
	for _, c := range []struct{ typed, line string }{
		{"gatehouse targets enr\t", "gatehouse targets enroll"},
		{"gatehouse sessions list --state int\t", "gatehouse sessions list --state interrupted"},
		{"gatehouse policy sign x --role=rev\t", "gatehouse policy sign x --role=reviewer"},
	} {
		say(c.typed + "\x01echo '<' \x05 '>'\n") // ^A and ^E: to the beginning and the end
		await("< " + c.line + " >")
	}
}

// reader tells of each piece that is read.
type reader struct {
	from io.Reader
	tell func(string)
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n > 0 {
		r.tell(string(p[:n]))
	}
	return n, err
}
