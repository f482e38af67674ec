package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// The numbers of the descriptors that the processes inherit. -1: not given.
const (
	DeciderSocketFD = 3 // to the door
	DeciderReadyFD  = 4
	DeciderAdminFD  = 5 // listening unix socket, root only

	DeciderSecretsFD = 6 // a pipe that holds what unlocks the CA keys, and ends
	DeciderControlFD = 7 // orders of the supervisor

	DoorSocketFD = 3 // to the decider
	DoorLocalFD  = 4 // to the supervisor
	DoorSSHFD    = 5 // bound, not listening
	DoorWebFD    = 6 // bound, not listening; closed without web.listen

	DoorMetricsFD = 7 // bound, not listening; closed without metrics.listen
	DoorControlFD = 8 // orders of the supervisor
	DoorShellsFD  = 9 // to the supervisor's pool of governed shells
)

// child is one of the two processes.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func startDecider(cfg Config, root bool, s *sockets, p *pairs) (*child, error) {
	secrets, err := filledPipe(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	defer secrets.Close()
	return start(cfg, root, "decider", cfg.Settings.Users.Decider, []*os.File{p.deciderEnd, p.readyWrite, s.admin, secrets, p.deciderControlEnd})
}

func startDoor(cfg Config, root bool, s *sockets, p *pairs) (*child, error) {
	// A listener that is off is nil here, and a closed descriptor there.
	return start(cfg, root, "door", cfg.Settings.Users.Door, []*os.File{p.doorEnd, p.localDoor, s.ssh, s.web, s.metrics, p.doorControlEnd, p.shellsDoor})
}

// start runs this same program as one of the two processes: with an empty environment, its own user, and no way to gain
// privileges. It leads its own process group, so that a Ctrl-C at the terminal reaches the supervisor alone. The kernel tells
// the door to end should the supervisor be killed; the decider ends with the door.
func start(cfg Config, root bool, name string, uid uint32, files []*os.File) (*child, error) {
	cmd := exec.Command("/proc/self/exe", "process", name, "--config", cfg.ConfigPath)
	cmd.Args[0] = "gatehouse-" + name
	cmd.Env = []string{"PATH=/usr/bin:/bin", "GOTRACEBACK=single"}
	for _, keep := range []string{"GORACE", "GOCOVERDIR"} { // a test's own
		if v := os.Getenv(keep); v != "" {
			cmd.Env = append(cmd.Env, keep+"="+v)
		}
	}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if name == "door" {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
	if root {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // state says how it ended
		close(c.done)
	}()
	cfg.Log.Info("started", "process", name, "pid", cmd.Process.Pid)
	return c, nil
}

// state says how an ended child ended.
func (c *child) state() string {
	select {
	case <-c.done:
		return strings.TrimSpace(c.cmd.ProcessState.String())
	default:
		return "running"
	}
}

// stop ends children one after the other: asked first, killed after stopTimeout.
func stop(log hclog.Logger, children ...*child) {
	for _, c := range children {
		c.ask()
		timer := time.NewTimer(stopTimeout)
		select {
		case <-c.done:
		case <-timer.C:
			c.kill(log)
		}
		timer.Stop()
	}
}

// ask tells a child to end in order.
func (c *child) ask() { _ = c.cmd.Process.Signal(syscall.SIGTERM) } // ended already is fine

// kill ends a child that does not end itself.
func (c *child) kill(log hclog.Logger) {
	log.Error("killing a process that does not end", "process", c.name)
	_ = c.cmd.Process.Kill()
	<-c.done
}
