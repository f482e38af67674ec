package admit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// TestAdmittedTextsAreBashs runs each text of testdata/equal.txt by bash and by the interpreter, which has here this machine's files and
// programs, in folders alike: what they print and their status are one.
func TestAdmittedTextsAreBashs(t *testing.T) {
	data, err := os.ReadFile("testdata/equal.txt")
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n%%\n") {
		want, got := byBash(t, text), byInterpreter(t, text)
		if want != got {
			t.Errorf("%s\nbash %s\nhere %s", text, want, got)
		}
	}
}

// folder is what every text finds.
func folder(t *testing.T) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Join(home, "dir", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.txt", "b.txt", "c.log", "sp ace", ".hid", "A.TXT", "B", "dir/f1", "dir/sub/g1"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("line1\nline2 x\n"+name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func environment(home string) []string {
	return []string{"HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TERM=dumb"}
}

func byBash(t *testing.T, text string) string {
	home := folder(t)
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", text, "bash")
	cmd.Dir, cmd.Env = home, environment(home)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q %d", strings.ReplaceAll(string(out), home, "HOME"), cmd.ProcessState.ExitCode())
}

func byInterpreter(t *testing.T, text string) string {
	home := folder(t)
	file, refused := Admit(text, Place{})
	if refused != nil {
		return fmt.Sprintf("%s at column %d", refused.Construct, refused.Column)
	}
	file.Name = "bash"
	var out bytes.Buffer
	r, err := interp.New(interp.StdIO(nil, &out, nil), interp.Env(expand.ListEnviron(environment(home)...)), interp.Dir(home))
	if err != nil {
		t.Fatal(err)
	}
	status := 0
	var exit interp.ExitStatus
	if err := r.Run(context.WithoutCancel(t.Context()), file); errors.As(err, &exit) {
		status = int(exit)
	} else if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q %d", strings.ReplaceAll(out.String(), home, "HOME"), status)
}
