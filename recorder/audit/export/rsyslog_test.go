package export

import (
	"path/filepath"
	"syscall"
	"testing"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
)

func rsyslogSink(r *testsink.Rsyslog) config.Sink {
	return config.Sink{Name: "siem", Format: "entry", Syslog: &config.SyslogSink{Address: r.Address(), Facility: "local4"}}
}

// TestRsyslog: Debian's rsyslog gets every entry, over TCP and over TLS, though it is stopped, and killed, in the middle, and though
// we begin anew in the middle.
func TestRsyslog(t *testing.T) {
	for name, tls := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			b, r := newBench(t), testsink.NewRsyslog(t, tls)
			r.Up()
			sink := rsyslogSink(r)
			if tls {
				sink.Syslog.TLS = &config.ClientTLS{CA: filepath.Join(r.Dir, "ca.pem")}
			}
			b.start(sink)
			for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
				have := r.Read().Len()
				b.add(10_000)
				b.until("some arrive", func() bool { return r.Read().Len() > have })
				r.Down(sig)
				b.add(1000)
				if i%2 == 1 {
					b.halt()
					b.start(sink)
				}
				r.Up()
			}
			b.until("all arrive", func() bool { return int64(r.Read().Len()) >= b.log.Size() })
			twice, err := r.Read().Complete(b.log.Size())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d came more than once", twice, b.log.Size())
		})
	}
}
