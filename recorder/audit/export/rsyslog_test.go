package export

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/config"
)

// rsyslog is the real one, as an ordinary process with a folder of its own.
type rsyslog struct {
	t    *testing.T
	dir  string
	port int
	out  string
	cmd  *exec.Cmd
}

const rsyslogConf = `global(workDirectory="%[1]s" maxMessageSize="128k"%[5]s)
module(load="imtcp" %[4]s)
template(name="raw" type="string" string="%%rawmsg%%\n")
input(type="imtcp" address="127.0.0.1" port="%[2]d")
action(type="omfile" file="%[3]s" template="raw")
`

func newRsyslog(t *testing.T, tls bool) *rsyslog {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rsyslog{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	r.out = filepath.Join(r.dir, "out")
	more, global := "", ""
	if tls {
		more = `StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"`
		global = fmt.Sprintf(` defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="%[1]s/ca.pem" defaultNetstreamDriverCertFile="%[1]s/cert.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem"`, r.dir)
		selfSigned(t, r.dir)
	}
	conf := fmt.Sprintf(rsyslogConf, r.dir, r.port, r.out, more, global)
	if err := os.WriteFile(filepath.Join(r.dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.down(syscall.SIGKILL) })
	return r
}

func (r *rsyslog) up() {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	r.cmd = exec.Command("/usr/sbin/rsyslogd", "-n", "-f", filepath.Join(r.dir, "conf"), "-i", filepath.Join(r.dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", r.address()); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(filepath.Join(r.dir, "log"))
			r.t.Fatalf("rsyslog does not listen: %s", text)
		}
	}
}

func (r *rsyslog) address() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

func (r *rsyslog) down(sig syscall.Signal) {
	if r.cmd != nil {
		_ = r.cmd.Process.Signal(sig)
		_ = r.cmd.Wait() // how it ended does not matter
		_ = os.Remove(filepath.Join(r.dir, "pid"))
		r.cmd = nil
	}
}

// read reads what was written so far.
func (r *rsyslog) read() *seqs {
	r.t.Helper()
	got := &seqs{}
	f, err := os.Open(r.out)
	if err != nil {
		return got // nothing yet
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		_, rest, ok := strings.Cut(in.Text(), ` seq="`)
		text, _, _ := strings.Cut(rest, `"`)
		n, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			continue // rsyslog's own messages; a line torn by a kill
		}
		got.add(n)
	}
	return got
}

func (r *rsyslog) sink() config.Sink {
	return config.Sink{Name: "siem", Format: "entry", Syslog: &config.SyslogSink{Address: r.address(), Facility: "local4"}}
}

// TestRsyslog: Debian's rsyslog gets every entry, over TCP and over TLS, though it is stopped, and killed, in the middle, and though
// we begin anew in the middle.
func TestRsyslog(t *testing.T) {
	for name, tls := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			b, r := newBench(t), newRsyslog(t, tls)
			r.up()
			sink := r.sink()
			if tls {
				sink.Syslog.TLS = &config.ClientTLS{CA: filepath.Join(r.dir, "ca.pem")}
			}
			b.start(sink)
			for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
				b.add(10_000)
				have := r.read().count()
				b.until("some arrive", func() bool { return r.read().count() > have })
				r.down(sig)
				b.add(1000)
				if i%2 == 1 {
					b.halt()
					b.start(sink)
				}
				r.up()
			}
			b.until("all arrive", func() bool { return int64(r.read().count()) >= b.log.Size() })
			t.Logf("%d of %d came more than once", r.read().complete(t, b.log.Size()), b.log.Size())
		})
	}
}
