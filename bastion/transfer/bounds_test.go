package transfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
)

// ruled is a decider that allows everything as it is told, and remembers how files ended.
type ruled struct {
	rule func(in protocol.File) protocol.FileAnswer
	ends []protocol.FileEnd
}

func (r *ruled) File(_ context.Context, in protocol.File) (protocol.FileAnswer, error) {
	a := r.rule(in)
	a.ID, a.Allowed = "dec_x", in.Why == ""
	return a, nil
}

func (r *ruled) FileEnd(_ context.Context, in protocol.FileEnd) error {
	r.ends = append(r.ends, in)
	return nil
}

// process is a real server as a stream.
type process struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

func (p process) Close() error {
	_ = p.WriteCloser.Close()
	return p.cmd.Wait()
}

// serving begins a session with the real server.
func serving(t *testing.T, rule func(protocol.File) protocol.FileAnswer) (*Session, *ruled) {
	t.Helper()
	argv := readonly.LocalTransfer(true)
	cmd := exec.Command(argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	out, oerr := cmd.StdoutPipe()
	if err != nil || oerr != nil || cmd.Start() != nil {
		t.Fatal(err, oerr)
	}
	return over(t, process{out, in, cmd}, rule)
}

func over(t *testing.T, stream io.ReadWriteCloser, rule func(protocol.File) protocol.FileAnswer) (*Session, *ruled) {
	t.Helper()
	r := &ruled{rule: rule}
	s, err := New(t.Context(), stream, Config{Session: "ses", Gate: r, Record: func([]byte) error { return nil }, Sent: func(int) bool { return true },
		Received: func(int) bool { return true }, Inspect: func(*policy.Hold, []byte) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, r
}

// request is a packet: texts with their lengths, numbers as they are.
func request(kind byte, fields ...any) []byte {
	b := sftp.Request(kind, 1)
	for _, f := range fields {
		switch f := f.(type) {
		case string:
			b = sftp.AppendText(b, f)
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		}
	}
	return sftp.Seal(b)
}

// first is the handle that a session gives out first.
const first = "\x00\x00\x00\x01"

// says sends requests and returns the texts of the statuses that are no success.
func says(t *testing.T, s *Session, requests ...[]byte) (refused []string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = s.ServeSFTP(t.Context(), bytes.NewReader(slices.Concat(append([][]byte{request(sftp.PacketInit)[:5], {0, 0, 0, 3}}, requests...)...)), &out)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	for {
		p, rerr := sftp.ReadPacket(&out)
		if rerr != nil {
			return refused, err
		}
		r := sftp.Reader{B: p.Body()}
		if p.Kind == sftp.PacketStatus && r.Uint32() != sftp.StatusOK {
			refused = append(refused, r.Text())
		}
	}
}

// TestMaxFileHolds: no way of writing makes a file larger than the policy's bound: at its end, by an attribute of its name or its handle.
func TestMaxFileHolds(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	rule := func(protocol.File) protocol.FileAnswer { return protocol.FileAnswer{MaxFile: 100} }
	part := strings.Repeat("x", 60)
	s, _ := serving(t, rule)
	refused, err := says(t, s, request(sftp.PacketOpen, name, sftp.OpenWrite|sftp.OpenCreate|sftp.OpenAppend, 0),
		request(sftp.PacketWrite, first, uint64(0), part), request(sftp.PacketWrite, first, uint64(0), part), request(sftp.PacketFsetstat, first, sftp.AttrSize, uint64(500)),
		request(sftp.PacketSetstat, name, sftp.AttrSize, uint64(500)), request(sftp.PacketClose, first))
	// Three requests, and the close, which says that not all of it is there.
	if info, serr := os.Stat(name); err != nil || len(refused) != 4 || serr != nil || info.Size() != 60 {
		t.Errorf("%v, %q, %v, %v", err, refused, info, serr)
	}
}

// TestHeldIsWhole: where content is looked at, nothing else changes it, and what was looked at is not written to.
func TestHeldIsWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, r := serving(t, func(in protocol.File) protocol.FileAnswer {
		if in.Op == policy.OpWrite {
			return protocol.FileAnswer{}
		}
		return protocol.FileAnswer{Hold: &policy.Hold{Secrets: true}}
	})
	refused, err := says(t, s, request(sftp.PacketSetstat, name, sftp.AttrSize, uint64(3)), request(sftp.PacketOpen, name, sftp.OpenRead|sftp.OpenWrite, 0),
		request(sftp.PacketWrite, first, uint64(0), "other"), request(sftp.PacketFsetstat, first, sftp.AttrTimes, 1, 1), request(sftp.PacketClose, first))
	if b, rerr := os.ReadFile(name); err != nil || len(refused) != 5 || rerr != nil || string(b) != "content" || slices.ContainsFunc(r.ends, func(e protocol.FileEnd) bool { return e.Result != "none" }) {
		t.Errorf("%v, %q, %q, %+v", err, refused, b, r.ends)
	}
}

// TestHeldIsBounded: what is held back of all files at once has a bound, and room is there again when they are closed.
func TestHeldIsBounded(t *testing.T) {
	dir := t.TempDir()
	s, _ := serving(t, func(protocol.File) protocol.FileAnswer {
		return protocol.FileAnswer{Hold: &policy.Hold{Secrets: true, Max: maxHeld}}
	})
	var requests [][]byte
	handle := func(i int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(i))) }
	for i := 1; i <= 5; i++ {
		requests = append(requests, request(sftp.PacketOpen, filepath.Join(dir, string(rune('a'+i))), sftp.OpenWrite|sftp.OpenCreate|sftp.OpenTrunc, 0))
		requests = append(requests, request(sftp.PacketWrite, handle(i), uint64(maxHeld-1), "x"))
	}
	requests = append(requests, request(sftp.PacketClose, handle(1)), request(sftp.PacketOpen, filepath.Join(dir, "z"), sftp.OpenWrite|sftp.OpenCreate|sftp.OpenTrunc, 0),
		request(sftp.PacketWrite, handle(6), uint64(maxHeld-1), "x"))
	refused, err := says(t, s, requests...)
	if err != nil || len(refused) != 2 || !strings.Contains(refused[0], "held back") || !strings.Contains(refused[1], "written whole") {
		t.Errorf("%v, %q", err, refused)
	}
}

// TestLateIsBounded: what comes out of order has one bound for all files.
func TestLateIsBounded(t *testing.T) {
	var all room
	flows := make([]flow, 10)
	for i := range flows {
		flows[i].all = &all
		for at := range 15 {
			flows[i].add(int64(1+at*chunk), make([]byte, chunk))
		}
	}
	if used := all.used.Load(); used > maxLateAll || flows[0].broken || !flows[9].broken {
		t.Errorf("%d bytes are kept", used)
	}
	for i := range flows {
		flows[i].drop()
	}
	if used := all.used.Load(); used != 0 {
		t.Errorf("%d bytes are left", used)
	}
}

// broken is the real server until a file is closed: then it is gone.
type broken struct{ process }

func (b broken) Write(p []byte) (int, error) {
	if len(p) > 4 && p[4] == sftp.PacketClose && bytes.Contains(p, []byte{0, 0, 0, 4}) && *armed {
		_ = b.WriteCloser.Close()
		return len(p), nil
	}
	return b.process.Write(p)
}

var armed = new(bool)

// TestEndOfAClosedFile: a target that breaks off while a file is closed leaves the file's end in the log all the same.
func TestEndOfAClosedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	argv := readonly.LocalTransfer(true)
	cmd := exec.Command(argv[0], argv[1:]...)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { *armed = false })
	s, r := over(t, broken{process{out, in, cmd}}, func(in protocol.File) protocol.FileAnswer { *armed = true; return protocol.FileAnswer{} })
	_, err := says(t, s, request(sftp.PacketOpen, name, sftp.OpenWrite|sftp.OpenCreate, 0), request(sftp.PacketWrite, first, uint64(0), "hello"), request(sftp.PacketClose, first))
	if err == nil || len(r.ends) != 1 || r.ends[0].Result != "partial" || r.ends[0].Size != 5 {
		t.Errorf("%v, %+v", err, r.ends)
	}
}

// TestHeldIsWhatWasRead: a file that has less in it than its size says, as those of /sys, is carried as what was read of it.
func TestHeldIsWhatWasRead(t *testing.T) {
	name := "/sys/devices/virtual/net/lo/mtu"
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serving(t, func(protocol.File) protocol.FileAnswer { return protocol.FileAnswer{Hold: &policy.Hold{Secrets: true}} })
	var out bytes.Buffer
	status, err := s.ServeSCP(t.Context(), SCP{Paths: []string{name}, globs: []bool{false}}, bytes.NewReader(make([]byte, 4)), &out)
	if err != nil || status != 0 || !strings.HasSuffix(out.String(), " mtu\n"+string(content)+"\x00") {
		t.Errorf("%v, %d, %q", err, status, out.String())
	}
}
