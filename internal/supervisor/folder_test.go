package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/config"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// owner is a file's mode and user.
func owner(t *testing.T, path string) (os.FileMode, uint32) {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Mode(), info.Sys().(*syscall.Stat_t).Uid
}

// TestFolders: each folder is its process's alone, with what a command line run by root left in it; no link leads out.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	c := config.Config{Data: filepath.Join(dir, "data"), Users: config.Users{Decider: 61001, Door: 61002}}
	must(t, prepareFolders(c, true))
	outside := filepath.Join(dir, "outside")
	must(t, os.WriteFile(outside, nil, 0o644))
	left := filepath.Join(DeciderDir(c.Data), "ca", "key")
	must(t, os.Mkdir(filepath.Dir(left), 0o700))
	must(t, os.WriteFile(left, nil, 0o600))
	must(t, os.Symlink(outside, filepath.Join(DoorDir(c.Data), "link")))
	must(t, os.Chmod(DoorDir(c.Data), 0o777))
	must(t, prepareFolders(c, true))
	for path, want := range map[string]struct {
		mode os.FileMode
		uid  uint32
	}{
		c.Data: {os.ModeDir | 0o711, 0}, DeciderDir(c.Data): {os.ModeDir | 0o700, 61001}, DoorDir(c.Data): {os.ModeDir | 0o700, 61002},
		filepath.Dir(AdminSocket(c.Data)): {os.ModeDir | 0o700, 0}, filepath.Dir(left): {os.ModeDir | 0o700, 61001}, left: {0o600, 61001}, outside: {0o644, 0},
	} {
		if mode, uid := owner(t, path); mode != want.mode || uid != want.uid {
			t.Errorf("%s: %s of %d, want %s of %d", path, mode, uid, want.mode, want.uid)
		}
	}
	// A second name of root's file, as a door could make where the kernel lets it.
	must(t, os.Link(outside, filepath.Join(DoorDir(c.Data), "hard")))
	if err := prepareFolders(c, true); err == nil || !strings.Contains(err.Error(), "hard links") {
		t.Errorf("a hard link: %v", err)
	}
	if _, uid := owner(t, outside); uid != 0 {
		t.Errorf("root's file was given to %d", uid)
	}
}

// TestSockets: the administrators' socket is root's alone from its first moment; the others are bound and refuse everybody.
func TestSockets(t *testing.T) {
	dir := t.TempDir()
	c := config.Config{Data: dir, SSH: config.SSH{Listen: "127.0.0.1:0"}, Web: config.Web{Listen: "127.0.0.1:0"}, Users: config.Users{Decider: 61001, Door: 61002}}
	must(t, prepareFolders(c, true))
	s, err := bindSockets(c)
	must(t, err)
	defer s.close()
	if mode, uid := owner(t, AdminSocket(dir)); mode != os.ModeSocket|0o600 || uid != 0 {
		t.Errorf("%s of %d", mode, uid)
	}
	again, err := bindSockets(c) // over what a killed supervisor left
	must(t, err)
	again.close()
	if _, err := bindTCP("127.0.0.1:99999"); err == nil {
		t.Error("a port that is none was bound")
	}
}

// TestHandOver: what root's command line leaves in the decider's folder is the decider's.
func TestHandOver(t *testing.T) {
	c := config.Config{Data: t.TempDir(), Users: config.Users{Decider: 61001, Door: 61002}}
	must(t, prepareFolders(c, true))
	left := filepath.Join(DeciderDir(c.Data), "policy.last-good")
	must(t, os.WriteFile(left, nil, 0o600))
	must(t, HandOver(c))
	info, err := os.Stat(left)
	must(t, err)
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 61001 {
		t.Errorf("it belongs to %d", uid)
	}
}
