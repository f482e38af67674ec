package testsink

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

	"gatehouse/internal/testhost"
)

// Rsyslog is Debian's rsyslogd, which writes every message as it came into a file.
type Rsyslog struct {
	t    testing.TB
	Dir  string // its folder; with TLS ca.pem is in it, readable by everybody
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

// NewRsyslog prepares one, that is stopped when the test ends.
func NewRsyslog(t testing.TB, tls bool) *Rsyslog {
	t.Helper()
	port, err := testhost.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &Rsyslog{t: t, Dir: t.TempDir(), port: port}
	r.out = filepath.Join(r.Dir, "out")
	more, global := "", ""
	if tls {
		more = `StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"`
		global = fmt.Sprintf(` defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="%[1]s/ca.pem" defaultNetstreamDriverCertFile="%[1]s/cert.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem"`, r.Dir)
		selfSigned(t, r.Dir)
	}
	conf := fmt.Sprintf(rsyslogConf, r.Dir, r.port, r.out, more, global)
	if err := os.WriteFile(filepath.Join(r.Dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Down(syscall.SIGKILL) })
	return r
}

// Up starts it and waits until it listens.
func (r *Rsyslog) Up() {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	r.cmd = exec.Command("/usr/sbin/rsyslogd", "-n", "-f", filepath.Join(r.Dir, "conf"), "-i", filepath.Join(r.Dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", r.Address()); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(filepath.Join(r.Dir, "log"))
			r.t.Fatalf("rsyslog does not listen: %s", text)
		}
	}
}

// Address is where it listens.
func (r *Rsyslog) Address() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

// Down ends it by a signal and waits.
func (r *Rsyslog) Down(sig syscall.Signal) {
	if r.cmd != nil {
		_ = r.cmd.Process.Signal(sig)
		_ = r.cmd.Wait() // how it ended does not matter
		_ = os.Remove(filepath.Join(r.Dir, "pid"))
		r.cmd = nil
	}
}

// Read reads the numbers of what was written so far.
func (r *Rsyslog) Read() *Seqs {
	r.t.Helper()
	got := &Seqs{}
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
		got.Add(n)
	}
	return got
}
