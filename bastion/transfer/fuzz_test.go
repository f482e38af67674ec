package transfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// free is a decider that allows what begins with /in, and remembers what was asked.
type free struct{}

func (free) File(_ context.Context, in protocol.File) (protocol.FileAnswer, error) {
	a := protocol.FileAnswer{ID: "dec_x", Allowed: in.Why == "" && bytes.HasPrefix(in.Path, []byte("/in"))}
	a.Shown = make([]bool, len(in.Names))
	return a, nil
}

func (free) FileEnd(context.Context, protocol.FileEnd) error { return nil }

// made is a target that answers each request with the next of its answers, whatever it was.
func made(t testing.TB, answers []byte) io.ReadWriteCloser {
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		if _, err := sftp.ReadPacket(theirs); err != nil {
			return
		}
		_, _ = theirs.Write(sftp.Seal(sftp.Request(sftp.PacketVersion, 3)))
		for {
			p, err := sftp.ReadPacket(theirs)
			if err != nil {
				return
			}
			if _, err := theirs.Write(answerOf(p, &answers)); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = ours.Close(); <-ended })
	return ours
}

// answerOf is an honest answer, or the next of those that were made up.
func answerOf(p sftp.Packet, answers *[]byte) []byte {
	if len(*answers) > 2 && (*answers)[0]%2 == 1 {
		kind, n := (*answers)[0], min(int((*answers)[1]), len(*answers)-2)
		body := (*answers)[2 : 2+n]
		*answers = (*answers)[2+n:]
		return sftp.Seal(append(sftp.Request(kind, p.ID()), body...))
	}
	if len(*answers) > 0 {
		*answers = (*answers)[1:]
	}
	r := sftp.Reader{B: p.Body()}
	name := r.Text()
	status := func(code uint32) []byte {
		return sftp.Seal(sftp.AppendText(sftp.AppendText(binary.BigEndian.AppendUint32(sftp.Request(sftp.PacketStatus, p.ID()), code), ""), ""))
	}
	switch p.Kind {
	case sftp.PacketRealpath:
		return sftp.Seal(oneName(p.ID(), "/in"))
	case sftp.PacketOpendir, sftp.PacketOpen:
		return sftp.Seal(sftp.AppendText(sftp.Request(sftp.PacketHandle, p.ID()), "hhhh"))
	case sftp.PacketReadlink:
		if name == "/proc/self/fd/0" {
			return sftp.Seal(oneName(p.ID(), "/in"))
		}
	case sftp.PacketReaddir:
		if len(*answers)%3 == 0 {
			return sftp.Seal(namesOf(p.ID(), []sftp.Entry{{Name: "0"}, {Name: "x"}}))
		}
		return status(sftp.StatusEOF)
	case sftp.PacketLstat, sftp.PacketFstat:
		return sftp.Seal(sftp.Attrs{Known: 7, Mode: sftp.ModeDir}.Append(sftp.Request(sftp.PacketAttrs, p.ID())))
	case sftp.PacketClose:
		return status(sftp.StatusOK)
	}
	return status(sftp.StatusNoFile)
}

// FuzzServe: whatever a client and a target say, a session ends, keeps its bounds, and neither panics nor hangs.
func FuzzServe(f *testing.F) {
	open := sftp.Seal(append(sftp.AppendText(sftp.Request(sftp.PacketOpen, 1), "/in/a"), 0, 0, 0, 1, 0, 0, 0, 0))
	f.Add(append(sftp.Seal(sftp.Request(sftp.PacketInit, 3)), open...), []byte{}, false)
	f.Add(append(sftp.Seal(sftp.Request(sftp.PacketInit, 3)), sftp.Seal(sftp.AppendText(sftp.Request(sftp.PacketOpendir, 1), "/in"))...), []byte{105, 4, 0, 0, 0, 0}, false)
	f.Add([]byte("C0644 5 a\nhello\x00E\n"), []byte{}, true)
	f.Add([]byte("T1 0 1 0\nD0755 0 d\nC0644 0 a\n\x00E\n"), []byte{101, 3, 0}, true)
	f.Fuzz(func(t *testing.T, said, answers []byte, scp bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		s, err := New(ctx, made(t, answers), Config{Session: "ses", Gate: free{}, Record: func([]byte) error { return nil }, Sent: func(int) bool { return true },
			Received: func(int) bool { return true }, Inspect: func(*policy.Hold, []byte) string { return "" }})
		if err != nil {
			return
		}
		if scp {
			_, _ = s.ServeSCP(ctx, SCP{Sink: len(said)%2 == 0, Recursive: true, Times: true, Paths: []string{"/in"}, globs: []bool{false}}, bytes.NewReader(said), io.Discard)
		} else {
			_ = s.ServeSFTP(ctx, bytes.NewReader(said), io.Discard)
		}
		if len(s.handles) > maxHandles || len(s.pins) > maxPins {
			t.Errorf("%d handles, %d folders", len(s.handles), len(s.pins))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if ctx.Err() != nil {
			t.Error("it hangs")
		}
	})
}

// TestParseSCP: what is an scp's far end, and what is not served as one.
func TestParseSCP(t *testing.T) {
	for line, want := range map[string]string{
		"scp -t /a": "", "scp -v -r -p -d -t -- /a": "", "scp -f '/a b' /c": "", "/usr/bin/scp -f ~/x": "", "scp -rpf /a": "",
		"scp /a b:": ErrNotSCP.Error(), "scp -r /a /b": ErrNotSCP.Error(), "ls -t": ErrNotSCP.Error(), "scp -t /a; id": ErrNotSCP.Error(), "scp -t $X": ErrNotSCP.Error(), "scp -t /a >b": ErrNotSCP.Error(),
		"X=1 scp -t /a": ErrNotSCP.Error(), "nice scp -t /a": ErrNotSCP.Error(), "./scp -t /a": ErrNotSCP.Error(),
		"scp -S /bin/sh -t /a": ErrNotSCP.Error(), "scp -S -t /a": `scp's far end does not take "-S" through Gatehouse`, "scp -f -t /a": "scp is either -f or -t, not both", "scp -t /a /b": "scp's far end is asked for 2 paths",
		"scp -f": "scp's far end is asked for 0 paths", "scp -t /a*": "a pattern is no place to copy to",
	} {
		_, err := ParseSCP("deploy", line)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	if c, err := ParseSCP("deploy", `scp -f ~/x '~' \*`); err != nil || len(c.Paths) != 3 || c.Paths[0] != "./x" || c.Paths[1] != "~" || c.globs[2] {
		t.Errorf("%+v, %v", c, err)
	}
}
