package pool

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
)

// BenchmarkPipe is what a pipe between two commands costs the door and the shell's process: no target, no SSH, no recording.
func BenchmarkPipe(b *testing.B) {
	const size = 64 << 20
	home := b.TempDir()
	must(b, os.WriteFile(filepath.Join(home, "big"), make([]byte, size), 0o600))
	_, c := newPool(b, Config{UID: ownUsers()})
	b.SetBytes(size)
	for b.Loop() {
		sh, err := c.Take(b.Context(), "ses_1")
		must(b, err)
		host := localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
		shell, err := governed.New(sh, wire.Begin{Line: "f=big; cat $f | wc -c", Home: home, Login: "root", Path: testshell.Path, Limits: wire.Limits{Commands: 100, Depth: 64, Output: 1 << 20, Seconds: 60}}, host)
		must(b, err)
		ended, err := shell.Serve(context.Background())
		must(b, err)
		if ended.Status != 0 {
			b.Fatal(ended)
		}
		sh.Kill()
		shell.Wait()
		ends(b, sh)
	}
}
