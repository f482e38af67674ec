package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"filippo.io/age"
)

// faultKinds are what befalls a child, in turn.
var faultKinds = []string{"kill", "full disk", "short write", "EIO", "ENOSPC", "EROFS", "cut"}

// durable are the calls by which something becomes durable, or is made and removed on the way, and how many of them a thread
// of the child makes about.
var durable = []struct {
	names string
	most  int
}{{"write", 8}, {"pwrite64", 6}, {"fsync", 6}, {"fdatasync", 4}, {"openat", 12}, {"renameat,rename,renameat2", 5}, {"unlinkat,unlink", 2}, {"mkdirat,mkdir", 1}, {"ftruncate", 1}}

// changing are the calls that a read-only file system refuses.
const changing = "write,pwrite64,renameat,rename,renameat2,unlinkat,unlink,mkdirat,mkdir,ftruncate"

// matrix runs the recorder and the log, without the service around them, into one fault a run.
//
// EIO, ENOSPC and EROFS are put into single system calls by strace; a full disk is a tmpfs that is full; short writes are the
// kernel's own at a limit of file size. EROFS is met by every call from one on, as after a remount that is forced upon open
// files.
type matrix struct {
	dir  string
	self string
	seed uint64
	id   *age.X25519Identity
}

// faultRun is one run.
type faultRun struct {
	*matrix
	n        int
	kind     string
	detail   string
	trace    string // what strace wrote; empty without it
	met      int    // faults that calls met
	dir      string // of the evidence
	random   *rand.Rand
	order    order
	heard    []heard
	ended    time.Time
	problems []string
	lost     time.Duration
	sessions int
}

// heard is a line of the child's report and when it came.
type heard struct {
	said
	at time.Time
}

// runMatrix does n runs and prints each.
func runMatrix(ctx context.Context, seed uint64, from, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-faults-")
	if err != nil {
		return err
	}
	m := &matrix{dir: dir, self: self, seed: seed}
	if m.id, err = age.GenerateX25519Identity(); err != nil {
		return err
	}
	fmt.Printf("faults: seed %d, runs %d to %d\n", seed, from, from+n-1)
	var bad, sessions, met int
	var lost time.Duration
	for i := from; i < from+n && ctx.Err() == nil; i++ {
		r := m.prepare(i)
		if err := r.run(ctx); err != nil {
			return fmt.Errorf("run %d, %s %s: %w; everything is kept in %s", i, r.kind, r.detail, err, dir)
		}
		fmt.Println(r)
		sessions, lost = sessions+r.sessions, max(lost, r.lost)
		if r.met > 0 {
			met++
		}
		if len(r.problems) > 0 {
			bad++
		} else if err := os.RemoveAll(r.dir); err != nil {
			return err
		}
	}
	fmt.Printf("%d runs, an injected fault met in %d: %d sessions, at most %d ms of one missing before its fault, %d violations\n", n, met, sessions, lost.Milliseconds(), bad)
	if bad > 0 {
		return fmt.Errorf("%d violations; repeat with -seed %d -from N; everything is kept in %s", bad, seed, dir)
	}
	return errors.Join(context.Cause(ctx), os.RemoveAll(dir))
}

func (m *matrix) prepare(n int) *faultRun {
	random := rand.New(rand.NewPCG(m.seed, uint64(n)))
	r := &faultRun{matrix: m, n: n, kind: faultKinds[n%len(faultKinds)], random: random, dir: filepath.Join(m.dir, fmt.Sprintf("run-%d", n))}
	if r.kind == "cut" {
		defer func() { r.order.For = 5 * time.Second }() // the kill comes first
	}
	r.order = order{Dir: r.dir, Say: filepath.Join(m.dir, "say"), For: time.Duration(300+random.IntN(1300)) * time.Millisecond, Seed: random.Uint64()}
	if random.IntN(2) == 0 {
		r.order.Recipient = m.id.Recipient().String()
	}
	return r
}

func (r *faultRun) String() string {
	s := fmt.Sprintf("%3d  %-11s %-40s %3d sessions, at most %4d ms missing", r.n, r.kind, r.detail, r.sessions, r.lost.Milliseconds())
	if r.trace != "" {
		s += fmt.Sprintf(", met %d times", r.met)
	}
	if r.order.Recipient != "" {
		s += ", encrypted"
	}
	if len(r.problems) == 0 {
		return s + "  ok"
	}
	return s + "  VIOLATED\n     " + strings.Join(r.problems, "\n     ")
}

// run lets a child work into its fault, and looks at what it left: before anything is repaired, and after.
func (r *faultRun) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	if r.kind == "full disk" {
		if err := r.mount(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, syscall.Unmount(r.dir, 0)) }()
	}
	if err := r.work(ctx); err != nil {
		return err
	}
	if r.kind == "full disk" {
		if err := os.Remove(filepath.Join(r.dir, "ballast")); err != nil {
			return err
		}
	}
	return r.judge(ctx)
}

// mount gives the evidence a disk of its own that will be full soon.
func (r *faultRun) mount() error {
	size := 600<<10 + r.random.IntN(900<<10)
	r.detail = fmt.Sprintf("of %d KiB", size>>10)
	if err := syscall.Mount("tmpfs", r.dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("mount a tmpfs (needs root): %w", err)
	}
	return os.WriteFile(filepath.Join(r.dir, "ballast"), make([]byte, 300<<10), 0o600)
}

// work runs the child and hears it.
func (r *faultRun) work(ctx context.Context) error {
	if err := os.Remove(r.order.Say); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.order.Say, Net: "unixgram"})
	if err != nil {
		return err
	}
	var hearing sync.WaitGroup
	hearing.Go(func() { r.hear(conn) })
	err = r.child(ctx, r.order)
	r.ended = time.Now()
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // what is under way still arrives
	hearing.Wait()
	return errors.Join(err, conn.Close())
}

func (r *faultRun) hear(conn *net.UnixConn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		h := heard{at: time.Now()}
		if json.Unmarshal(buf[:n], &h.said) == nil {
			r.heard = append(r.heard, h)
		}
	}
}

// inject is strace with one fault, at a call of a thread that is drawn.
func (r *faultRun) inject() []string {
	c := durable[r.random.IntN(len(durable))]
	call, when := c.names, fmt.Sprint(1+r.random.IntN(c.most))
	r.detail = call + ", call " + when
	if r.kind == "EROFS" {
		call, when = changing, when+"+"
		r.detail = "all that changes, from call " + when
	}
	r.trace = r.dir + ".strace"
	return []string{"strace", "-f", "-qq", "-o", r.trace, "-e", "trace=" + call, "-e", "inject=" + call + ":error=" + r.kind + ":when=" + when}
}

// countMet counts the calls that met the fault.
func (r *faultRun) countMet() error {
	if r.trace == "" {
		return nil
	}
	text, err := os.ReadFile(r.trace)
	r.met = strings.Count(string(text), "(INJECTED)")
	return errors.Join(err, os.Remove(r.trace))
}

// child runs a process to its end, however that comes.
func (r *faultRun) child(ctx context.Context, o order) error {
	args := []string{r.self}
	switch r.kind {
	case "short write":
		o.FileSize = uint64(2000 + r.random.IntN(400_000))
		r.detail = fmt.Sprintf("files of at most %d bytes", o.FileSize)
	case "EIO", "ENOSPC", "EROFS":
		args = append(r.inject(), args...)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), orderEnv+"="+string(text), "GOMAXPROCS=1") // few threads, as strace counts calls by thread
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	if r.kind == "kill" || r.kind == "cut" {
		after := time.Duration(100+r.random.IntN(1500)) * time.Millisecond
		if r.kind == "cut" {
			after += time.Second
		}
		r.detail = fmt.Sprintf("after %d ms", after.Milliseconds())
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	_ = cmd.Wait() // however it ended is a case
	return errors.Join(context.Cause(ctx), r.countMet())
}
