package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A pipe or an endless device in a folder that somebody else filled neither holds a verification up nor fills the memory.
func TestVerifyOfPipesAndDevices(t *testing.T) {
	for _, kind := range []string{"pipe", "device", "large"} {
		for _, name := range []string{checkpointFile, historyFile, entriesFile, contradictionFile, "recording"} {
			if kind == "large" && name != checkpointFile && name != contradictionFile {
				continue
			}
			d := newDisposing(t)
			pub, err := os.ReadFile(filepath.Join(d.logDir, VerifierFile))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(d.logDir, name)
			if name == "recording" {
				path = d.path()
			}
			_ = os.Remove(path)
			switch kind {
			case "pipe":
				err = unix.Mkfifo(path, 0o600)
			case "device":
				err = os.Symlink("/dev/zero", path)
			default:
				if err = os.WriteFile(path, nil, 0o600); err == nil {
					err = os.Truncate(path, 1<<40)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				rep, err := Verify(t.Context(), VerifyOptions{LogDir: d.logDir, RecordingsDir: d.recDir, VerifierKey: strings.TrimSpace(string(pub))})
				if name == "recording" && (rep.Bad == nil || rep.Bad.Session != recSession) || name != "recording" && name != contradictionFile && err == nil && rep.Bad == nil {
					t.Errorf("%s for %s: %+v, %v", kind, name, rep, err)
				}
				if name == "recording" && errors.Is(err, errNotPlain) {
					t.Errorf("a finding was expected, not %v", err)
				}
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s for %s: it waits", kind, name)
			}
		}
	}
}
