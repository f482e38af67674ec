package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/internal/testhost"
)

// kind is one kind of work. Its function does one round: some sessions, and what it found. To add a kind, write a file
// work_NAME.go with such a function and put it on the list.
type kind struct {
	name   string
	weight int // how often, beside the others
	round  func(ctx context.Context, j *job) outcome
}

var kinds = []kind{
	{"exec", 6, execRound}, {"pty", 3, ptyRound}, {"jump", 2, jumpRound}, {"mux", 2, muxRound}, {"denied", 3, deniedRound}, {"upload", 2, uploadRound},
	{"kill", 2, killRound}, {"local", 3, localRound}, {"console", 2, consoleRound}, {"reload", 1, reloadRound}, {"crypto", 3, cryptoRound},
	{"files", 3, filesRound}, {"forward", 2, forwardRound},
}

// job is one round on its way.
type job struct {
	*world
	random *rand.Rand
	token  string // occurs in every command of the round, and nowhere else
}

// outcome is what a round found. Outside of faults a status must be the wanted one; a wrong is wrong at any time.
type outcome struct {
	want, got int
	detail    string // what a client said, for whoever reads about it
	wrong     string // what no fault excuses: an output that is not what was sent, something denied that ran
}

// Statuses with which a session may end when something goes wrong around it: unavailable, killed, a lost connection, a client
// that was given up.
var excused = []int{75, 137, 255, -1}

// round is one that is over.
type round struct {
	work       string
	begun, end time.Time
	excused    bool
	wrong      string
}

// soak is one leg.
type soak struct {
	*world
	options      options
	seed         uint64
	begun, until time.Time

	mu       sync.Mutex
	rounds   []round
	windows  []window
	samples  []sample
	sessions int
	problems []string // of the soak's own doing
}

// work works until the context ends, and returns when everything has been let go of.
func (s *soak) work(ctx context.Context) {
	var all sync.WaitGroup
	for i := range s.options.workers {
		all.Go(func() { s.worker(ctx, i) })
	}
	for i := range s.options.idle {
		all.Go(func() { s.idler(ctx, i) })
	}
	all.Go(func() { s.renew(ctx) })
	all.Go(func() { s.sample(ctx) })
	if s.options.faults {
		all.Go(func() { s.disturb(ctx) })
	}
	all.Wait()
}

func (s *soak) worker(ctx context.Context, number int) {
	random := rand.New(rand.NewPCG(s.seed, uint64(number)))
	for i := 0; ctx.Err() == nil; i++ {
		k := pick(random)
		s.do(ctx, k, &job{world: s.world, random: random, token: fmt.Sprintf("tk%dx%dx%d", s.seed, number, i)})
		pause(ctx, time.Duration(random.IntN(200))*time.Millisecond)
	}
}

func pick(random *rand.Rand) kind {
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := random.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			return k
		}
	}
	return kinds[0]
}

// do does one round and notes what came of it. One that the end of the leg has cut off is none.
func (s *soak) do(ctx context.Context, k kind, j *job) {
	begun := time.Now()
	out := k.round(ctx, j)
	r := round{work: k.name, begun: begun, end: time.Now(), wrong: out.wrong}
	if ctx.Err() != nil && r.wrong == "" {
		return
	}
	r.excused = out.got != out.want
	if r.wrong == "" && r.excused && !slices.Contains(excused, out.got) {
		r.wrong = fmt.Sprintf("status %d, want %d", out.got, out.want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.excused && r.wrong == "" && !s.disturbed(begun, r.end) {
		r.wrong = fmt.Sprintf("status %d, want %d, and nothing was wrong around it", out.got, out.want)
	}
	if r.wrong != "" {
		s.problems = append(s.problems, fmt.Sprintf("%s %s at %s after %s: %s: %s", k.name, j.token, begun.Format("15:04:05.000"), r.end.Sub(begun).Round(time.Millisecond), r.wrong, cut(out.detail)))
	}
	s.rounds = append(s.rounds, r)
}

func cut(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 400)]
}

// problem notes what is wrong at any time.
func (s *soak) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, cut(fmt.Sprintf(format, args...)))
}

// renew gives the clients new certificates in time.
func (s *soak) renew(ctx context.Context) {
	next := renewEvery
	for pause(ctx, next); ctx.Err() == nil; pause(ctx, next) {
		next = renewEvery
		begun := time.Now()
		if err := s.enrol(ctx); err != nil && ctx.Err() == nil {
			next = 10 * time.Second
			s.mu.Lock()
			excused := s.disturbed(begun, time.Now())
			s.mu.Unlock()
			if !excused {
				s.problem("new certificates: %v", err)
			}
		}
	}
}

// clientTime is how long a client may take before it is given up.
const clientTime = 45 * time.Second

// ssh runs the stock client behind the bad network. A client that hangs is given up with -1.
func (j *job) ssh(ctx context.Context, who string, stdin io.Reader, args ...string) testhost.Result {
	return j.client(ctx, "ssh", who, stdin, args...)
}

// client is ssh or sftp.
func (j *job) client(ctx context.Context, program, who string, stdin io.Reader, args ...string) testhost.Result {
	args = append([]string{"-F", j.far(who), "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4"}, args...)
	ctx, cancel := context.WithTimeout(ctx, clientTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=", "SSH_ASKPASS=")
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours alone
	err := cmd.Run()
	r := testhost.Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: -1}
	if cmd.ProcessState != nil {
		r.Status = cmd.ProcessState.ExitCode()
	}
	if err != nil && r.Status == -1 {
		r.Stderr += " " + err.Error()
	}
	return r
}

// remote is a random target, as a client names it.
func (j *job) remote() string { return "deploy@" + j.target() + "@gatehouse" }

func (j *job) target() string { return targetNames[j.random.IntN(len(targetNames))] }

// lines is what emit prints.
func lines(token string, n int, end string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s %d%s", token, i, end)
	}
	return b.String()
}

// whole judges the output of a command that says that it went well: all of it, or the status is a lie. One that was cut off
// has the beginning of it, and on a terminal what Gatehouse says of it behind that.
func whole(out outcome, got, want string) outcome {
	if out.got != out.want {
		got, _, _ = strings.Cut(got, "gatehouse: ")
	}
	switch {
	case out.got == out.want && got != want:
		out.wrong = fmt.Sprintf("status %d with %d bytes of output, want %d", out.got, len(got), len(want))
	case !strings.HasPrefix(want, got):
		out.wrong = fmt.Sprintf("%d bytes of output that were not sent", len(got))
	}
	return out
}
