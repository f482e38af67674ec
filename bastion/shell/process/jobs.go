package process

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// maxJobs is how many commands run behind at a time.
const maxJobs = 32

// firstID is above every process of Linux (PID_MAX_LIMIT): $$ and $! are numbers that name nothing on a target.
const firstID = 1<<22 + 1

// jobs are the numbers of a shell: its own, those of shells in it, and of what runs behind.
type jobs struct {
	mu    sync.Mutex
	next  int64
	all   map[int64]*job
	alive int
}

// job runs behind. Its number is its group's for the door, too.
type job struct {
	id     int64
	done   chan struct{}
	status int
	killed atomic.Int32 // the signal that ends it

	mu     sync.Mutex
	signal func(name string) // of the command that it runs, while it runs one
}

// runs says how the command of the job that runs now is signalled. A signal that came before is not lost.
func (j *job) runs(signal func(name string)) {
	if j == nil {
		return
	}
	j.mu.Lock()
	j.signal = signal
	j.mu.Unlock()
	if n := j.killed.Load(); n != 0 && signal != nil {
		signal(signalName(int(n)))
	}
}

// kill signals it, and ends it, unless the signal does not end processes.
func (j *job) kill(n int) {
	switch n {
	case 17, 18, 19, 20, 23, 28: // CHLD CONT STOP TSTP URG WINCH
	default:
		j.killed.Store(int32(n))
	}
	j.mu.Lock()
	signal := j.signal
	j.mu.Unlock()
	if signal != nil {
		signal(signalName(n))
	}
}

func newJobs() *jobs {
	return &jobs{next: firstID + rand.Int64N(5_000_000), all: map[int64]*job{}}
}

// number is a new number: of a shell, or of one command's group.
func (j *jobs) number() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	return j.next
}

// begin is a new job, or nil at the bound.
func (j *jobs) begin() *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.alive >= maxJobs {
		return nil
	}
	j.alive++
	j.next++
	b := &job{id: j.next, done: make(chan struct{})}
	j.all[b.id] = b
	return b
}

func (j *jobs) find(id int64) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all[id]
}

// end is a job's end.
func (j *jobs) end(id int64, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b := j.all[id]; b != nil {
		select {
		case <-b.done:
		default:
			j.alive--
			b.status = status
			close(b.done)
		}
	}
}

// running are the jobs that have not ended.
func (j *jobs) running() []*job {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*job
	for _, b := range j.all {
		select {
		case <-b.done:
		default:
			all = append(all, b)
		}
	}
	return all
}

// endAll is the end of all jobs, whose line was ended.
func (j *jobs) endAll() {
	for _, b := range j.running() {
		j.end(b.id, 130)
	}
}
