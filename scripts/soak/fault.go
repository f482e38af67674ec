package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/faultproxy"
)

// window is a time in which something was wrong.
type window struct {
	kind     string
	from, to time.Time // to is zero while it lasts
}

// aftermath is how long after a fault its victims may still be on their way.
const aftermath = 6 * time.Second

// disturbed says whether anything was wrong in a time; called with mu held.
func (s *soak) disturbed(from, to time.Time) bool {
	for _, w := range s.windows {
		if w.from.Before(to) && (w.to.IsZero() || w.to.Add(aftermath).After(from)) {
			return true
		}
	}
	return false
}

// fault is one that can be brought about. It returns when it is over.
type fault struct {
	name string
	make func(ctx context.Context, s *soak, random *rand.Rand, lasting time.Duration) error
}

// The faults that may come at any time, and those that are over when the lives begin whose growth is judged.
var (
	anytime = []fault{
		{"target stopped", stopTarget}, {"target killed", killTarget}, {"target cut off", cutTarget}, {"target slow", slowTarget}, {"target silent", silentTarget},
		{"clients cut off", cutClients}, {"clients slow", slowClients}, {"clients silent", silentClients}, {"clients refused", refuseClients}, {"disk full", fillDisk},
	}
	early = []fault{{"decider killed", killProcess("decider")}, {"door killed", killProcess("door")}, {"supervisor killed", killProcess("supervisor")}}
)

// disturb brings faults about, one after the other, with quiet times between them.
func (s *soak) disturb(ctx context.Context) {
	random := rand.New(rand.NewPCG(s.seed, 1<<32))
	whole := s.until.Sub(s.begun)
	gap := min(max(whole/40, 4*time.Second), 40*time.Second)
	kills := random.Perm(len(early))
	for i := 0; ; i++ {
		pause(ctx, gap/2+time.Duration(random.Int64N(int64(gap))))
		lasting := 2*time.Second + time.Duration(random.Int64N(int64(4*time.Second)))
		if ctx.Err() != nil || time.Until(s.until) < lasting+2*aftermath {
			return
		}
		f := anytime[random.IntN(len(anytime))]
		if time.Since(s.begun) < whole/5 && i%2 == 0 && len(kills) > 0 {
			f, kills = early[kills[0]], kills[1:]
		}
		s.during(ctx, f, random, lasting)
	}
}

// during notes the window of a fault. A fault that was begun is brought to its end.
func (s *soak) during(ctx context.Context, f fault, random *rand.Rand, lasting time.Duration) {
	s.mu.Lock()
	s.windows = append(s.windows, window{kind: f.name, from: time.Now()})
	n := len(s.windows) - 1
	s.mu.Unlock()
	err := f.make(context.WithoutCancel(ctx), s, random, lasting)
	s.mu.Lock()
	s.windows[n].to = time.Now()
	took := s.windows[n].to.Sub(s.windows[n].from)
	s.mu.Unlock()
	fmt.Printf("%6s  %s for %s\n", time.Since(s.begun).Round(time.Second), f.name, took.Round(time.Millisecond))
	if err != nil {
		s.problem("the soak cannot bring about %q: %v", f.name, err)
	}
}

// stopTarget stops every process of a target, as a machine that hangs.
func stopTarget(ctx context.Context, s *soak, random *rand.Rand, lasting time.Duration) error {
	h := s.host(targetNames[random.IntN(len(targetNames))])
	each := func(sig syscall.Signal) error {
		all, err := h.Processes("")
		for _, p := range all {
			_ = syscall.Kill(p.PID, sig) // ended meanwhile
		}
		return err
	}
	if err := each(syscall.SIGSTOP); err != nil {
		return err
	}
	pause(ctx, lasting)
	return each(syscall.SIGCONT)
}

// killTarget kills a target with all that runs on it, and starts it again.
func killTarget(ctx context.Context, s *soak, random *rand.Rand, _ time.Duration) error {
	return s.restartHost(ctx, random.IntN(len(targetNames)))
}

func (s *soak) somewhere(random *rand.Rand) *faultproxy.Proxy {
	return s.network[targetNames[random.IntN(len(targetNames))]]
}

func trouble(ctx context.Context, p *faultproxy.Proxy, t faultproxy.Trouble, lasting time.Duration) error {
	p.Set(t)
	pause(ctx, lasting)
	p.Set(faultproxy.Trouble{})
	return nil
}

var slow = faultproxy.Trouble{Delay: 40 * time.Millisecond, Chunk: 512}

func slowTarget(ctx context.Context, s *soak, random *rand.Rand, lasting time.Duration) error {
	return trouble(ctx, s.somewhere(random), slow, lasting)
}

func silentTarget(ctx context.Context, s *soak, random *rand.Rand, lasting time.Duration) error {
	return trouble(ctx, s.somewhere(random), faultproxy.Trouble{Silence: true}, lasting)
}

func cutTarget(ctx context.Context, s *soak, random *rand.Rand, lasting time.Duration) error {
	p := s.somewhere(random)
	p.Cut()
	return trouble(ctx, p, faultproxy.Trouble{Refuse: true}, lasting/2)
}

func slowClients(ctx context.Context, s *soak, _ *rand.Rand, lasting time.Duration) error {
	return trouble(ctx, s.front, slow, lasting)
}

func silentClients(ctx context.Context, s *soak, _ *rand.Rand, lasting time.Duration) error {
	return trouble(ctx, s.front, faultproxy.Trouble{Silence: true}, lasting)
}

func cutClients(_ context.Context, s *soak, _ *rand.Rand, _ time.Duration) error {
	s.front.Cut()
	return nil
}

func refuseClients(ctx context.Context, s *soak, _ *rand.Rand, lasting time.Duration) error {
	return trouble(ctx, s.front, faultproxy.Trouble{Refuse: true}, lasting/2)
}

// fillDisk leaves half of what must be free.
func fillDisk(ctx context.Context, s *soak, _ *rand.Rand, lasting time.Duration) error {
	data := filepath.Join(s.dir, "data")
	var fs unix.Statfs_t
	if err := unix.Statfs(data, &fs); err != nil {
		return err
	}
	path := filepath.Join(data, "filler")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(path)
	if size := int64(fs.Bavail)*fs.Bsize - minFree/2; size > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
	pause(ctx, lasting)
	return nil
}

// killProcess kills one of the three, waits for the others to end by themselves, and starts the service again.
func killProcess(name string) func(context.Context, *soak, *rand.Rand, time.Duration) error {
	return func(ctx context.Context, s *soak, _ *rand.Rand, _ time.Duration) error {
		if err := syscall.Kill(s.gate.PID(name), syscall.SIGKILL); err != nil {
			return err
		}
		if err := s.gate.Await(); err != nil {
			return err
		}
		err := s.gate.Serve()
		for try := 0; err != nil && try < 5; try++ { // as a service manager would; a reload may have the decider's folder
			fmt.Println("        the service did not start:", s.lastWord())
			pause(ctx, time.Second)
			err = s.gate.Serve()
		}
		return err
	}
}

// lastWord is what the service said last but one: the last is the supervisor's.
func (s *soak) lastWord() string {
	log := s.gate.Log()
	return cut(strings.Join(log[max(0, len(log)-2):], " "))
}
