package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The descriptors that a warden inherits.
const (
	wardenControl = 3 // to the supervisor
	wardenStreams = 4 // the command's standard input, output and error
	wardenGroup   = 7 // the folder of the command's cgroup, if there is one
)

// How long a shim may take to become its program, and how long the end of a tree may take.
const (
	execTimeout = 8 * time.Second
	hangUpTime  = 200 * time.Millisecond // for programs on a terminal to save what they have
	endTimeout  = 3 * time.Second
)

// maxWord bounds what the two say to each other after the order.
const maxWord = 8 << 10

// warden is the process above one command. Everything below it comes to it in the end, whoever its parent was: a daemon that
// has left its session and its group too. One goroutine reaps and kills, so a number is never signalled after it was given
// back.
type warden struct {
	control   *net.UnixConn
	words     chan message   // from the supervisor; closed when that is gone
	signals   chan os.Signal // a child has ended
	pty       bool
	leader    int  // the command itself, and its process group
	reaped    bool // the leader is
	childless bool
}

// runWarden starts one command, and returns when everything of it has ended, or all that can be done about it is done.
func runWarden() error {
	runtime.LockOSThread() // the command is told to end with the thread that started it
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep files from the command: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("close /proc/self: %w", err)
	}
	// Whoever ends the service tells the supervisor, which tells its wardens.
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	control, err := connect(os.NewFile(wardenControl, "supervisor"))
	if err != nil {
		return err
	}
	w := &warden{control: control, words: make(chan message), signals: make(chan os.Signal, 1)}
	signal.Notify(w.signals, unix.SIGCHLD)
	m, files, err := receive(control, make([]byte, maxPacket))
	closeAll(files)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	if err := w.start(m); err != nil {
		w.end()
		return send(control, message{Op: "failed", Error: cutWord(err.Error())})
	}
	if err := send(control, message{Op: "started"}); err != nil {
		w.end()
		return err
	}
	go w.read()
	return w.guard()
}

// cutWord keeps a reason within a packet.
func cutWord(s string) string { return s[:min(len(s), maxWord/8)] }

// read passes on what the supervisor says, until it is gone.
func (w *warden) read() {
	defer close(w.words)
	buf := make([]byte, maxWord)
	for {
		m, files, err := receive(w.control, buf)
		closeAll(files)
		if err != nil {
			return
		}
		w.words <- m
	}
}

// guard lives with the command. Without a supervisor it ends everything.
func (w *warden) guard() error {
	w.reap()
	for {
		select {
		case <-w.signals:
			w.reap()
		case m, ok := <-w.words:
			switch {
			case !ok:
				w.end()
				return nil
			case m.Op == "end":
				return send(w.control, message{Op: "ended", Left: w.end()})
			case m.Op == "signal" && m.Signal == "STOP": // a pause: of what has left the group, too
				stop(time.Now().Add(stopTime))
			case m.Op == "signal" && m.Signal == "CONT":
				goOn()
			case m.Op == "signal" && !w.reaped:
				_ = syscall.Kill(-w.leader, signals[m.Signal]) // an exiting group is fine
			}
		}
	}
}

// reap takes every child that has ended, and says how the command did.
func (w *warden) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD):
			w.childless = true
			return
		case err != nil || pid <= 0:
			return
		case pid == w.leader:
			w.reaped = true
			_ = send(w.control, exited(status)) // nobody may be left to hear it
		}
	}
}

func exited(status syscall.WaitStatus) message {
	if status.Signaled() {
		return message{Op: "exited", Signal: signalName(status.Signal()), Core: status.CoreDump()}
	}
	return message{Op: "exited", Status: status.ExitStatus()}
}

// start runs a shim with the command's streams and waits until it is the program.
func (w *warden) start(m message) error {
	var o order
	if err := json.Unmarshal(m.Permit, &o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	o.Warden, w.pty = os.Getpid(), o.PTY
	ours, theirs, err := Socketpair()
	if err != nil {
		return err
	}
	defer ours.Close()
	attr := &syscall.ProcAttr{Dir: "/", Env: helperEnv(), Files: []uintptr{wardenStreams, wardenStreams + 1, wardenStreams + 2, theirs.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: o.PTY, UseCgroupFD: o.Group, CgroupFD: wardenGroup}}
	w.leader, err = syscall.ForkExec("/proc/self/exe", []string{shimName}, attr)
	_ = theirs.Close()
	for fd := wardenStreams; fd < wardenGroup; fd++ { // the command alone holds its streams
		_ = unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return awaitExec(ours, o)
}

// awaitExec gives the shim its order. The socket closes without a word when the program is executed.
func awaitExec(shim *os.File, o order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	fd := int(shim.Fd())
	limit := unix.NsecToTimeval(execTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	if _, err := unix.Write(fd, text); err != nil {
		return fmt.Errorf("give order: %w", err)
	}
	buf := make([]byte, maxWord)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("start %q: %w", o.Argv[0], err)
		case n > 0:
			return fmt.Errorf("start %q: %s", o.Argv[0], buf[:n])
		default:
			return nil
		}
	}
}
