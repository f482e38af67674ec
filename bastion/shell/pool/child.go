package pool

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"
)

// name is what a shell's process is called.
const name = "gatehouse-shell"

// ownUser is the word that tells a process that no other has its user.
const ownUser = "own-user"

// maxWords bounds what a process that dies has said last.
const maxWords = 4096

// child is one process.
type child struct {
	cmd    *exec.Cmd
	socket *os.File // the door's end, until it is handed over
	words  io.ReadCloser

	// Guarded by the server's mu.
	id    uint64 // 0: idle
	given bool
	asked bool // it was killed
	ended bool
	how   string
}

// start starts this program as a shell's process: with an empty environment, one socket, and a user of its own. apart puts it into empty
// namespaces besides: where systemd or the machine allows none, what it may ask of the kernel is what holds it alone.
func start(program string, uid uint32, apart bool) (*child, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a shell's socket: %w", err)
	}
	own, its := os.NewFile(uintptr(fds[0]), "shell"), os.NewFile(uintptr(fds[1]), "door")
	defer its.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{program}
	cmd.Env = environment()
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{its}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if uid != 0 {
		cmd.Args = append(cmd.Args, ownUser)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{}}
		if apart {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
		}
	}
	words, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = own.Close()
		return nil, fmt.Errorf("start a shell's process: %w", err)
	}
	return &child{cmd: cmd, socket: own, words: words}, nil
}

// environment is that of the process: its runtime's settings. A shell sees nothing of it.
func environment() []string {
	env := []string{"GOMAXPROCS=2", "GOTRACEBACK=none", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"} // it keeps no files open for them
	for _, keep := range []string{"GORACE", "GOCOVERDIR"} {                                             // a test's own
		if v := os.Getenv(keep); v != "" {
			env = append(env, keep+"="+v)
		}
	}
	return env
}

// wait returns how the process has ended, with what it said first.
func (c *child) wait() string {
	said, _ := io.ReadAll(io.LimitReader(c.words, maxWords)) // what it says is its own, and only shown
	_ = c.words.Close()                                      // one that goes on talking ends by it
	_ = c.cmd.Wait()                                         // the state says how it ended
	how := strings.TrimSpace(c.cmd.ProcessState.String())
	first, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if first = strings.Map(shown, first); first != "" {
		how += ": " + first
	}
	return how
}

func shown(r rune) rune {
	if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// kill ends the process. The server's mu is held.
func (c *child) kill() {
	c.asked = true
	_ = c.cmd.Process.Kill() // ended already is fine
}

// died reports whether it has ended as no shell does by itself: by a signal that nobody sent, or with last words.
func (c *child) died() bool {
	return !c.asked && (strings.HasPrefix(c.how, "signal: ") || strings.Contains(c.how, ": "))
}
