package pool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// supervisorName is what a process is started as that has a pool and is killed.
const supervisorName = "gatehouse-doomed"

// playSupervisor has a pool, with a process that is taken and one that is not, and says their numbers.
func playSupervisor() {
	door, supervisor, err := Socketpair()
	exitOn(err)
	s, err := NewServer(supervisor, Config{program: attackerName, UID: ownUsers(), Idle: 1, Log: hclog.NewNullLogger()})
	exitOn(err)
	go func() { _ = s.Serve(context.Background()) }()
	c, err := NewClient(door)
	exitOn(err)
	_, err = c.Take(context.Background(), "ses_1")
	exitOn(err)
	s.mu.Lock()
	taken := s.taken[1].cmd.Process.Pid
	for len(s.idle) == 0 { // it is being started
		s.mu.Unlock()
		s.refill()
		s.mu.Lock()
	}
	fmt.Println(taken, s.idle[0].cmd.Process.Pid)
	s.mu.Unlock()
	select {}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestEndsWithTheSupervisor: when the supervisor is killed, no process is left, whatever it does: the kernel ends it.
func TestEndsWithTheSupervisor(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{supervisorName}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	pids := make([]int, 2)
	_, err = fmt.Fscan(out, &pids[0], &pids[1])
	must(t, err)
	var ends []unix.PollFd
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		must(t, err)
		defer unix.Close(fd)
		ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	for i := range ends {
		n, err := unix.Poll(ends[i:i+1], 60_000)
		for err == unix.EINTR {
			n, err = unix.Poll(ends[i:i+1], 60_000)
		}
		if err != nil || n != 1 {
			t.Errorf("process %d goes on: %v", pids[i], err)
			_ = unix.PidfdSendSignal(int(ends[i].Fd), unix.SIGKILL, nil, 0)
		}
	}
}
