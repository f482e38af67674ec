package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/store"
)

// hostile puts what clients can send into every string and reads it back, byte for byte.
func hostile(t *testing.T, s store.Sessions) {
	put(t, s, session(0))
	for i, text := range []string{
		"'; DROP TABLE sessions; --", `" OR 1=1`, "\x00nul\x00", "\xff\xfe not UTF-8", "a\nb\rc", "\x1b]52;c;x\x07", "%_?*[", "\u202e\u0000", strings.Repeat("é", 2048),
	} {
		want := session(i + 1)
		want.State, want.Identity, want.Target, want.Command, want.Reason = store.Denied, text, text, text, text
		put(t, s, want)
		if got, err := s.Get(context.Background(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.20q came back as %+v, %v", text, got, err)
		}
		for _, f := range []store.Filter{{Identity: text}, {Target: text}} {
			if got := ids(list(t, s, f)); !reflect.DeepEqual(got, []string{want.ID}) {
				t.Errorf("%.20q is found as %v", text, got)
			}
		}
		if got := list(t, s, store.Filter{Verdict: text, State: store.State(text)}); len(got) != 0 {
			t.Errorf("%.20q as a verdict finds %v", text, ids(got))
		}
		if _, err := s.Get(context.Background(), text); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%.20q as an id: %v", text, err)
		}
	}
}

func invalid(t *testing.T, s store.Sessions) {
	for what, spoil := range map[string]func(*store.Session){
		"no id":         func(s *store.Session) { s.ID = "" },
		"long id":       func(s *store.Session) { s.ID = strings.Repeat("x", 65) },
		"no state":      func(s *store.Session) { s.State = "" },
		"unknown state": func(s *store.Session) { s.State = "alive" },
		"much text":     func(s *store.Session) { s.Command = strings.Repeat("x", 64<<10+1) },
		"far future":    func(s *store.Session) { s.Started = start.AddDate(400, 0, 0) },
	} {
		session := session(1)
		spoil(&session)
		if err := s.Put(context.Background(), session); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if all := list(t, s, store.Filter{}); len(all) != 0 {
		t.Errorf("stored: %v", ids(all))
	}
}

// concurrency has writers, which each see their own writes, readers and interrupts at once; a refused write among others
// harms none of them.
func concurrency(t *testing.T, s store.Sessions) {
	ended := session(9999)
	ended.State = store.Ended
	put(t, s, ended)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				want := session(w*25 + i)
				want.State = store.Ended
				put(t, s, want)
				if got, err := s.Get(context.Background(), want.ID); err != nil || got.State != store.Ended {
					t.Errorf("own write: %+v, %v", got, err)
				}
			}
		})
		wg.Go(func() {
			for range 25 {
				if err := s.Put(context.Background(), session(9999)); !errors.Is(err, store.ErrFinal) {
					t.Errorf("the refused write: %v", err)
				}
				if _, err := s.List(context.Background(), store.Filter{}); err != nil {
					t.Error(err)
				}
				if _, err := s.Interrupt(context.Background(), start); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if all := list(t, s, store.Filter{Limit: store.MaxLimit}); len(all) != 8*25+1 {
		t.Errorf("%d sessions", len(all))
	}
}

func cancelled(t *testing.T, s store.Sessions) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.List(ctx, store.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v", err)
	}
	for range 20 { // a write that nobody waits for may happen or not; the next one must
		_ = s.Put(ctx, session(1))
	}
	put(t, s, session(2))
}

func reopen(t *testing.T, open OpenSessions) {
	dir := t.TempDir()
	t.Run("write", func(t *testing.T) { put(t, open(t, dir), session(1)) })
	t.Run("read", func(t *testing.T) {
		if got, err := open(t, dir).Get(context.Background(), session(1).ID); err != nil || !got.Started.Equal(session(1).Started) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// childDir, in the environment, makes RunSessions the child of the kill test.
const childDir = "STORETEST_CHILD_DIR"

// runChild puts sessions from several goroutines and prints each id once its Put returned, until it is killed.
func runChild(t *testing.T, open OpenSessions) bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	s := open(t, dir)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; !t.Failed(); i++ {
				session := session(i)
				session.ID = fmt.Sprintf("ses_%010d%08d%08d", os.Getpid(), w, i)
				put(t, s, session)
				fmt.Println(session.ID)
			}
		})
	}
	wg.Wait()
	return true
}

// killed kills a writing process at a moment of its own choosing, and looks for every session whose Put had returned.
func killed(t *testing.T, open OpenSessions) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 3 {
		acknowledged = append(acknowledged, killOne(t, dir, 40+60*round)...)
	}
	s := open(t, dir)
	for _, id := range acknowledged {
		if _, err := s.Get(context.Background(), id); err != nil {
			t.Errorf("lost: %v", err)
		}
	}
	if _, err := s.Interrupt(context.Background(), start); err != nil {
		t.Error(err)
	}
}

// killOne starts a writer, kills it after n acknowledged writes, and returns all that it acknowledged.
func killOne(t *testing.T, dir string, n int) []string {
	t.Helper()
	top, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run=^"+top+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "ses_") || len(lines.Text()) != len(session(0).ID) {
			continue // the test's own output, or a line torn by the kill
		}
		if acknowledged = append(acknowledged, lines.Text()); len(acknowledged) == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if len(acknowledged) < n {
		t.Fatalf("the child stopped after %d writes", len(acknowledged))
	}
	return acknowledged
}

// fullDisk fills a small file system under the store: writes fail with ENOSPC and nothing else, reads go on, and when there
// is room again, so do writes.
func fullDisk(t *testing.T, open OpenSessions) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount a tmpfs (this test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	t.Run("fill", func(t *testing.T) {
		s := open(t, dir)
		put(t, s, session(0))
		ballast := filepath.Join(dir, "ballast")
		if err := fill(ballast); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := putUntilError(s); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("on a full disk: %v", err)
		}
		if _, err := s.Get(context.Background(), session(0).ID); err != nil {
			t.Errorf("reading on a full disk: %v", err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		put(t, s, session(1_000_000))
	})
	t.Run("reopen", func(t *testing.T) {
		if _, err := open(t, dir).Get(context.Background(), session(1_000_000).ID); err != nil {
			t.Error(err)
		}
	})
}

func putUntilError(s store.Sessions) error {
	deadline := time.Now().Add(20 * time.Second)
	for i := 1; time.Now().Before(deadline); i++ {
		session := session(i)
		session.Command = strings.Repeat("x", 4<<10)
		if err := s.Put(context.Background(), session); err != nil {
			return err
		}
	}
	return errors.New("no error in 20 s")
}

// fill writes until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	return errors.Join(err, f.Close())
}
