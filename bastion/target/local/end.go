package local

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// end ends everything below this process and returns how many could not be ended in time, as a process that waits for a dead
// disk. Everything is stopped before anything is killed: what is stopped forks no more, and keeps its place among the
// processes that its user may have, so that a fork bomb runs out of places instead of being given new ones.
func (w *warden) end() int {
	if w.reap(); w.childless {
		return 0
	}
	if w.pty {
		w.hangUp()
	}
	deadline := time.Now().Add(endTimeout)
	stop(deadline)
	for {
		for _, p := range descendants(os.Getpid()) {
			p.send(unix.SIGKILL)
		}
		if w.reap(); w.childless {
			return 0
		}
		if time.Now().After(deadline) {
			return w.left()
		}
		w.await(5 * time.Millisecond)
	}
}

// stop stops what is there until nothing new is found.
func stop(deadline time.Time) {
	type one struct {
		pid   int
		start uint64
	}
	stopped := map[one]bool{}
	for fresh := true; fresh && time.Now().Before(deadline); {
		fresh = false
		for _, p := range descendants(os.Getpid()) {
			if !p.ended() && !stopped[one{p.pid, p.start}] && p.send(unix.SIGSTOP) {
				stopped[one{p.pid, p.start}] = true
				fresh = true
			}
		}
	}
}

// stopTime bounds a pause's search for what is still to be stopped.
const stopTime = time.Second

// goOn lets everything below this process go on.
func goOn() {
	for _, p := range descendants(os.Getpid()) {
		p.send(unix.SIGCONT)
	}
}

// hangUp tells programs on the terminal that it is gone, and leaves them a moment.
func (w *warden) hangUp() {
	for _, p := range descendants(os.Getpid()) {
		p.send(unix.SIGHUP)
		p.send(unix.SIGCONT)
	}
	for deadline := time.Now().Add(hangUpTime); !w.childless && time.Now().Before(deadline); w.reap() {
		w.await(hangUpTime)
	}
}

// await waits for a child's end, for so long at most.
func (w *warden) await(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.signals:
	case <-timer.C:
	}
}

// left counts what still runs.
func (w *warden) left() int {
	n := 0
	for _, p := range descendants(os.Getpid()) {
		if !p.ended() {
			n++
		}
	}
	return n
}
