package bastion

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	shells "gatehouse/bastion/shell/pool"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/packet"
	"gatehouse/policy"
)

// liarShells is a pool whose processes are the test's own: the supervisor hands out sockets whose other ends come on the channel.
func liarShells(t *testing.T) (*shells.Client, <-chan net.Conn) {
	t.Helper()
	door, supervisor, err := shells.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := packet.Use(supervisor)
	if err != nil {
		t.Fatal(err)
	}
	client, err := shells.NewClient(door)
	if err != nil {
		t.Fatal(err)
	}
	processes, done := make(chan net.Conn, 16), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 8<<10)
		for {
			var m struct {
				Op  string `json:"op"`
				ID  uint64 `json:"id"`
				How string `json:"how,omitempty"`
			}
			files, err := packet.Receive(conn, buf, &m)
			if err != nil {
				return
			}
			packet.CloseAll(files)
			switch m.Op {
			case "take":
				fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					return
				}
				its, own := os.NewFile(uintptr(fds[0]), "door"), os.NewFile(uintptr(fds[1]), "liar")
				m.Op = "given"
				err = packet.Send(conn, 8<<10, m, its)
				_ = its.Close()
				process, ferr := net.FileConn(own)
				_ = own.Close()
				if err != nil || ferr != nil {
					return
				}
				processes <- process
			case "kill":
				m.Op, m.How = "ended", "signal: killed"
				_ = packet.Send(conn, 8<<10, m)
			}
		}
	}()
	t.Cleanup(func() {
		_ = client.Close()
		_ = conn.Close()
		<-done
	})
	return client, processes
}

// takenOver is a governed shell whose process somebody has taken over, before the real door, decider and target.
type takenOver struct {
	*whole
	mux     *yamux.Session
	control net.Conn
	session *ssh.Session
}

// takeOver begins a session, of a line or (empty) of a script, and speaks for its process.
func (w *whole) takeOver(c *ssh.Client, processes <-chan net.Conn, line string) *takenOver {
	w.t.Helper()
	s, err := c.NewSession()
	w.must(err)
	l := &takenOver{whole: w, session: s}
	s.Stdout, s.Stderr = io.Discard, io.Discard
	if line == "" {
		w.must(s.Shell())
	} else {
		w.must(s.Start(line))
	}
	config := yamux.DefaultConfig()
	config.EnableKeepAlive, config.LogOutput = false, io.Discard
	config.ConnectionWriteTimeout, config.StreamOpenTimeout = time.Minute, 0
	l.mux, err = yamux.Client(<-processes, config)
	w.must(err)
	w.t.Cleanup(func() {
		_ = l.mux.Close()
		_ = s.Close()
	})
	l.control = l.ask(wire.Ask{Op: wire.OpBegin})
	var a wire.Answer
	w.must(wire.ReadJSON(l.control, wire.FrameAnswer, &a))
	w.must(wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Line: 1, Text: "true"})) // of which its commands are
	return l
}

func (l *takenOver) ask(a wire.Ask) net.Conn {
	l.t.Helper()
	b, err := json.Marshal(a)
	l.must(err)
	return l.raw(b)
}

// raw asks with what need be no ask.
func (l *takenOver) raw(b []byte) net.Conn {
	l.t.Helper()
	s, err := l.mux.OpenStream()
	l.must(err)
	_ = s.SetDeadline(time.Now().Add(30 * time.Second))
	_ = wire.Write(s, wire.FrameAsk, b) // a door that has ended it says so where it is read
	return s
}

// command is an exec that is right, for change to make it wrong.
func (l *takenOver) command(change func(e *wire.Exec), argv ...string) net.Conn {
	e := wire.Exec{Argv: argv, Dir: "/home/deploy", Stdin: wire.InNull, Stdout: wire.ToPipe, Stderr: wire.ToNull, Line: 1}
	if change != nil {
		change(&e)
	}
	return l.ask(wire.Ask{Op: wire.OpExec, Exec: &e})
}

// result reads a command's stream to its end: what it printed, its exit or its error.
func (l *takenOver) result(s net.Conn) (out string, exit *wire.Exit, fail *wire.Error) {
	l.t.Helper()
	defer s.Close()
	for {
		f, b, err := wire.Read(s, nil)
		l.must(err)
		switch f {
		case wire.FrameOut:
			out += string(b)
		case wire.FrameExit:
			l.must(json.Unmarshal(b, &exit))
			return out, exit, nil
		case wire.FrameFail:
			l.must(json.Unmarshal(b, &fail))
			return out, nil, fail
		case wire.FrameAnswer:
			var a wire.Answer
			l.must(json.Unmarshal(b, &a))
			return string(b), nil, a.Error
		}
	}
}

// alive wants that the shell still runs what policy allows.
func (l *takenOver) alive(after string) {
	l.t.Helper()
	if out, exit, fail := l.result(l.command(nil, "id", "-un")); exit == nil || exit.Status != 0 || out != "deploy\n" {
		l.t.Fatalf("after %s: %q %+v %v", after, out, exit, fail)
	}
}

// TestALyingProcessGetsNothing: what a taken-over process asks of the real door and decider is decided by what it is, whatever it is called: no
// command runs and no file is opened that policy has not allowed, none of the door's is reached, and the shell goes on.
func TestALyingProcessGetsNothing(t *testing.T) {
	client, processes := liarShells(t)
	w := newWholeWith(t, func(c *Config) { c.Shells = client })
	w.write("policy.yaml", strings.ReplaceAll(governedPolicy, "/tmp", "/srv")) // where the test and its door are is nowhere then
	_, err := w.decider.Reload(t.Context())
	w.must(err)
	secret := w.dir + "/decider/secret"
	w.must(os.WriteFile(secret, []byte("the-decider's\n"), 0o644))
	home, err := w.host.Path("/home/deploy")
	w.must(err)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
	other := w.takeOver(c, processes, "x=2; sleep $x")
	l := w.takeOver(c, processes, "x=1; sleep $x")
	exec := func(change func(e *wire.Exec), argv ...string) func() net.Conn {
		return func() net.Conn { return l.command(change, argv...) }
	}
	redir := func(r policy.Redir, argv ...string) func() net.Conn {
		return exec(func(e *wire.Exec) { e.Redirs = []policy.Redir{r} }, argv...)
	}
	env := func(name, value string) func() net.Conn {
		return exec(func(e *wire.Exec) { e.Env = []policy.EnvVar{{Name: name, Value: value}} }, "id", "-un")
	}
	file := func(mode, path string) func() net.Conn {
		return func() net.Conn {
			return l.ask(wire.Ask{Op: wire.OpOpen, Open: &wire.Open{Path: path, Mode: mode, Perm: 0o644}})
		}
	}
	look := func(op wire.Op, path string) func() net.Conn {
		return func() net.Conn { return l.ask(wire.Ask{Op: op, Path: &wire.Path{Path: path, Want: "r"}}) }
	}
	raw := func(b string) func() net.Conn { return func() net.Conn { return l.raw([]byte(b)) } }
	many := make([]string, 100_000)
	for name, lie := range map[string]func() net.Conn{
		"no words":                           exec(nil),
		"an empty program":                   exec(nil, ""),
		"a hundred thousand empty words":     exec(nil, append([]string{"id"}, many...)...),
		"a program with NUL":                 exec(nil, "id\x00", "-un"),
		"a word with NUL":                    exec(nil, "id", "-un\x00; touch PWN"),
		"words of no UTF-8":                  raw("{\"op\":\"exec\",\"exec\":{\"argv\":[\"id\",\"-un\xff\"],\"dir\":\"/home/deploy\",\"stdin\":\"null\",\"stdout\":\"pipe\",\"stderr\":\"null\",\"line\":1}}"),
		"half a surrogate":                   raw(`{"op":"exec","exec":{"argv":["\ud800id"],"dir":"/home/deploy","stdin":"null","stdout":"pipe","stderr":"null","line":1}}`),
		"one word that holds two":            exec(nil, "id -un"),
		"a word that ends its line":          exec(nil, "id", "-un\ntouch PWN"),
		"words that a shell would read":      exec(nil, "printenv", "$(touch PWN)", "`touch PWN`"),
		"an option in the place of a number": exec(nil, "sleep", "--help"),
		"a line for a shell":                 exec(nil, "sh", "-c", "touch PWN"),
		"a folder that goes up":              exec(func(e *wire.Exec) { e.Dir = "/srv/../root" }, "id", "-un"),
		"a folder of the door's":             exec(func(e *wire.Exec) { e.Dir = w.dir + "/decider" }, "id", "-un"),
		"a folder that is an option":         exec(func(e *wire.Exec) { e.Dir = "-P" }, "id", "-un"),
		"a folder with a line's end":         exec(func(e *wire.Exec) { e.Dir = "/srv\ntouch PWN" }, "id", "-un"),
		"a mask that is a command":           exec(func(e *wire.Exec) { e.Umask = "0;touch PWN" }, "id", "-un"),
		"a mask of no digits":                exec(func(e *wire.Exec) { e.Umask = "999" }, "id", "-un"),
		"output to the door's":               redir(policy.Redir{FD: 1, Op: policy.RedirOut, Path: secret}, "id", "-un"),
		"output up":                          redir(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "/srv/../etc/PWN"}, "id", "-un"),
		"output to a path that goes up":      redir(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "../../etc/PWN"}, "id", "-un"),
		"output to a process's descriptor":   redir(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "/proc/self/fd/1"}, "id", "-un"),
		"input of the door's":                redir(policy.Redir{FD: 0, Op: policy.RedirIn, Path: secret}, "cat"),
		"a redirection of no kind":           redir(policy.Redir{FD: 1, Op: "; touch PWN", Path: "/srv/x"}, "id", "-un"),
		"a redirection of no descriptor":     redir(policy.Redir{FD: -1, Op: policy.RedirOut, Path: "/srv/x"}, "id", "-un"),
		"a redirection of the ninth":         redir(policy.Redir{FD: 9, Op: policy.RedirOut, Path: "/srv/x"}, "id", "-un"),
		"a redirection with a line's end":    redir(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "/srv/x\n/etc/PWN"}, "id", "-un"),
		"a thousand redirections":            exec(func(e *wire.Exec) { e.Redirs = make([]policy.Redir, 1000) }, "id", "-un"),
		"a variable that loads":              env("LD_PRELOAD", "/srv/x.so"),
		"a variable of no name":              env("", "x"),
		"a variable with =":                  env("LANG=x", "y"),
		"a variable with ;":                  env("LANG;touch PWN;A", "y"),
		"a variable with NUL":                env("LANG", "C\x00"),
		"a variable of 200 kB":               env("LANG", strings.Repeat("x", 200<<10)),
		"a thousand variables":               exec(func(e *wire.Exec) { e.Env = make([]policy.EnvVar, 1000) }, "id", "-un"),
		"a chain of 10,000":                  exec(func(e *wire.Exec) { e.Chain = make([]wire.Link, 10_000) }, "id", "-un"),
		"a chain with NUL":                   exec(func(e *wire.Exec) { e.Chain = []wire.Link{{By: "eval\x00"}} }, "id", "-un"),
		"a line before the first":            exec(func(e *wire.Exec) { e.Line = -1 << 63 }, "id", "-un"),
		"input that it does not inherit":     exec(func(e *wire.Exec) { e.Stdin, e.Inherit = wire.InPipe, false }, "id", "-un"),
		"a file of the door's, to read":      file("read", secret),
		"a file of the door's, to write":     file("write", secret),
		"a file of the door's, to extend":    file("append", secret),
		"a file beside the door's":           file("new", w.dir+"/decider/PWN"),
		"a file up":                          file("new", "/srv/../PWN"),
		"a file by /proc":                    file("read", "/proc/self/root/etc/passwd"),
		"a file's environment":               file("read", "/proc/self/environ"),
		"a file that is not allowed":         file("read", "/etc/passwd"),
		"a file in no mode":                  file("rw", "/srv/x"),
		"a look at the door's":               look(wire.OpStat, secret),
		"a list of the door's":               look(wire.OpList, w.dir+"/decider"),
		"access to the door's":               look(wire.OpAccess, secret),
		"a look up":                          look(wire.OpStat, "/srv/../../etc/passwd"),
		"a list of what is not allowed":      look(wire.OpList, "/etc"),
		"a home of somebody":                 func() net.Conn { return l.ask(wire.Ask{Op: wire.OpHome, User: "root"}) },
	} {
		out, exit, fail := l.result(lie())
		if fail == nil || exit != nil || strings.Contains(out, "the-decider's") {
			t.Errorf("%s: it is not refused: %.300q %+v", name, out, exit)
		}
		l.alive(name)
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "the-decider's\n" {
		t.Errorf("the decider's file: %q, %v", b, err)
	}
	w.noPWN(home)
	// What names another session is its own shell's all the same, and a kill of the other's group reaches nothing.
	running := other.command(func(e *wire.Exec) { e.Group = 5 }, "sleep", "3631")
	awaitHost(t, "sleep 3631", true)
	if out, exit, _ := l.result(l.raw([]byte(`{"op":"exec","session":"` + "ses_other" + `","exec":{"session":"ses_other","argv":["id","-un"],"dir":"/home/deploy","stdin":"null","stdout":"pipe","stderr":"null","line":1}}`))); exit == nil || out != "deploy\n" {
		t.Errorf("%q, %+v", out, exit)
	}
	w.must(wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Kill: &wire.Kill{Group: 5, Signal: "KILL"}}))
	l.alive("the kill of another's")
	if !runsOnHost("sleep 3631") {
		t.Error("a shell killed another's command")
	}
	w.must(wire.Write(running, wire.FrameSignal, []byte("KILL")))
	if _, exit, fail := other.result(running); exit == nil || exit.Signal != "KILL" {
		t.Errorf("%+v %v", exit, fail)
	}
}

// noPWN wants no file of that name below the target's folders.
func (w *whole) noPWN(home string) {
	w.t.Helper()
	for _, path := range []string{home + "/PWN", home + "/../../PWN", home + "/../../tmp/PWN", home + "/../../etc/PWN", "/PWN", "/etc/PWN", w.dir + "/decider/PWN"} {
		if _, err := os.Lstat(path); err == nil {
			w.t.Errorf("there is %s", path)
			_ = os.Remove(path)
		}
	}
}

// heapNow is what this process holds.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
