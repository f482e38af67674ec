package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// patience is how long a word of the language waits for what must come. On a quiet machine all of it comes within one second.
const patience = 20 * time.Second

// firstUID is the user number of a target's first login that is not root.
const firstUID = 2001

type sceneKey struct{}

// scene is one running case.
type scene struct {
	binary, work string
	t            testscript.T
	gate         *testgate.Gate
	tmpfs        string // where the data folder's own file system is mounted, or ""

	negated    bool               // the word stands after "!": what is not there now is not waited for
	last       result             // of the last client
	background map[string]*client // by name
	terminal   *terminal
	muted      []func() error       // closes what listen-mute opened
	entries    int64                // size of the audit log when the last client began
	logged     int                  // lines of the service's log at that moment
	witnesses  map[string]*exec.Cmd // by folder
	beyond     *testgate.Gate       // another Gatehouse
	calls      map[string]int       // calls on each target at that moment
}

// close ends everything that the case began.
func (s *scene) close() error {
	var errs []error
	for _, c := range s.background {
		c.cancel()
		_ = c.wait() // it was told to end
	}
	if s.terminal != nil {
		s.terminal.close()
	}
	if s.gate != nil {
		errs = append(errs, s.gate.Close())
	}
	if s.beyond != nil {
		errs = append(errs, s.beyond.Close())
	}
	for dir := range s.witnesses {
		errs = append(errs, s.stopWitness(dir))
	}
	for _, c := range s.muted {
		errs = append(errs, c())
	}
	if s.tmpfs != "" {
		errs = append(errs, unix.Unmount(s.tmpfs, 0))
	}
	return errors.Join(errs...)
}

// cmdGate: gate [TARGET=LOGIN,…]… [records=NAME,…] [stock=TARGET,…] [forwards=TARGET,…] [min_free=SIZE] [data=PATH] [tmpfs=SIZE]. policy.yaml, targets.yaml (further
// entries of the inventory), settings.yaml (more of gatehouse.yaml) and program/NAME (scripts on every target) come from the case's files.
func cmdGate(s *scene, ts *testscript.TestScript, args []string) error {
	if s.gate != nil {
		return errors.New("there is a gate already")
	}
	cfg := testgate.Config{Dir: filepath.Join(s.work, "gate"), Binary: s.binary, Policy: ts.ReadFile("policy.yaml")}
	if extra, err := os.ReadFile(filepath.Join(s.work, "targets.yaml")); err == nil {
		cfg.Extra = os.Expand(string(extra), ts.Getenv)
	}
	if more, err := os.ReadFile(filepath.Join(s.work, "settings.yaml")); err == nil {
		cfg.More = os.Expand(string(more), ts.Getenv)
	}
	programs, err := readPrograms(filepath.Join(s.work, "program"))
	if err != nil {
		return err
	}
	var records, stock, forwards []string
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "records":
			records = strings.Split(value, ",")
		case "stock":
			stock = strings.Split(value, ",")
		case "forwards":
			forwards = strings.Split(value, ",")
		case "min_free":
			cfg.MinFree = value
		case "data":
			cfg.Data = filepath.Join(s.work, value)
		case "tmpfs":
			if cfg.Data, err = s.mountData(value); err != nil {
				return err
			}
		default:
			cfg.Hosts = append(cfg.Hosts, testhost.Config{Name: name, Accounts: accounts(value), Programs: programs})
		}
	}
	for i := range cfg.Hosts {
		cfg.Hosts[i].Recorders = records
		cfg.Hosts[i].Stock = slices.Contains(stock, cfg.Hosts[i].Name)
		if slices.Contains(forwards, cfg.Hosts[i].Name) {
			cfg.Hosts[i].Options = []string{"DisableForwarding no", "AllowTcpForwarding local", "AllowStreamLocalForwarding local", "PermitTTY yes"}
		}
	}
	if err := os.Mkdir(cfg.Dir, 0o755); err != nil {
		return err
	}
	if s.gate, err = testgate.Start(context.Background(), cfg); err != nil {
		return err
	}
	s.describe(ts, cfg)
	return nil
}

// describe puts what a case refers to into its environment.
func (s *scene) describe(ts *testscript.TestScript, cfg testgate.Config) {
	ts.Setenv("GATE", cfg.Dir)
	ts.Setenv("CONFIG", s.gate.Path)
	ts.Setenv("DATA", s.gate.Data)
	ts.Setenv("CA", decider.CADir(supervisor.DeciderDir(s.gate.Data)))
	host, port, _ := strings.Cut(s.gate.SSHAddr, ":")
	ts.Setenv("DOOR", host)
	ts.Setenv("PORT", port)
	ts.Setenv("WEB", s.gate.WebURL)
	ts.Setenv("METRICS", s.gate.Metrics)
	for i, h := range cfg.Hosts {
		n, host := strconv.Itoa(i+1), s.gate.Hosts[h.Name]
		ts.Setenv("ADDR"+n, host.Addr())
		ts.Setenv("KEY"+n, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.HostKey()))))
	}
	s.mark()
}

func accounts(list string) []testhost.Account {
	var out []testhost.Account
	for i, name := range strings.Split(list, ",") {
		a := testhost.Account{Name: name, UID: firstUID + i}
		if name == "root" {
			a.UID = 0
		}
		out = append(out, a)
	}
	return out
}

func readPrograms(dir string) (map[string]string, error) {
	out := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out[f.Name()] = string(text)
	}
	return out, nil
}

// mountData makes a small file system for the data folder.
func (s *scene) mountData(size string) (string, error) {
	dir := filepath.Join(s.work, "small")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+size); err != nil {
		return "", fmt.Errorf("mount data folder: %w", err)
	}
	s.tmpfs = dir
	return filepath.Join(dir, "data"), nil
}

// cmdSmallRecordings: small-recordings SIZE. Recordings get a file system of their own, which fill can fill.
func cmdSmallRecordings(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 || s.tmpfs != "" {
		return errors.New("usage: small-recordings SIZE, once")
	}
	dir := filepath.Join(supervisor.DoorDir(s.gate.Data), "recordings")
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%s,uid=%d,gid=%d", args[0], owner.Uid, owner.Gid)); err != nil {
		return fmt.Errorf("mount recordings: %w", err)
	}
	s.tmpfs = dir
	live := filepath.Join(dir, "live")
	return errors.Join(os.Mkdir(live, 0o700), os.Chown(live, int(owner.Uid), int(owner.Gid)))
}

// mark remembers where the evidence stands, so that what is asked of it next is about what comes now.
func (s *scene) mark() {
	if info, err := os.Stat(s.entriesPath()); err == nil {
		s.entries = info.Size()
	}
	s.logged = len(s.gate.Log())
	s.calls = map[string]int{}
	for name, h := range s.gate.Hosts {
		if calls, err := h.Calls(); err == nil {
			s.calls[name] = len(calls)
		}
	}
}

func (s *scene) entriesPath() string {
	return filepath.Join(decider.LogDir(supervisor.DeciderDir(s.gate.Data)), "entries")
}

func (s *scene) host(name string) (*testhost.Host, error) {
	h, ok := s.gate.Hosts[name]
	if !ok {
		return nil, fmt.Errorf("no target %q", name)
	}
	return h, nil
}

// eventually asks until the answer is nil, and returns the last one.
func (s *scene) eventually(ask func() error) error {
	if s.negated {
		return ask()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil || time.Now().After(end) {
			return err
		}
		<-tick.C
	}
}

// cmdBytes: bytes FILE N writes N bytes in which every value occurs, the same ones each time.
func cmdBytes(_ *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: bytes FILE N")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return os.WriteFile(ts.MkAbs(args[0]), b, 0o644)
}

// cmdFill: fill leaves no free byte on the data folder's file system; fill -undo gives the space back.
func cmdFill(s *scene, _ *testscript.TestScript, args []string) error {
	path := filepath.Join(s.tmpfs, "filler")
	switch {
	case s.tmpfs == "":
		return errors.New("fill needs gate tmpfs=SIZE")
	case slices.Equal(args, []string{"-undo"}):
		return os.Remove(path)
	case len(args) > 0:
		return errors.New("usage: fill [-undo]")
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, unix.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
