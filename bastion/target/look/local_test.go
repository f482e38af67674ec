package look

import (
	"errors"
	"io"
	"os/exec"
	"testing"

	"gatehouse/internal/readonly"
)

// startLocal starts OpenSSH's server of this machine in a folder.
func startLocal(t *testing.T, dir string, hash bool) io.ReadWriteCloser {
	t.Helper()
	argv := readonly.LocalArgv(hash)
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
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &pipes{out, in}
}

// pipes are a program's standard streams.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p *pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p *pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }
