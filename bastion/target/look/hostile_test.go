package look

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/target/sftp"

	"gatehouse/policy"
)

// reply is what a made-up server sends for a request: whole packets, or whatever it likes.
type reply func(kind byte, id uint32, body []byte) []byte

// serve speaks as the reply says, after a proper beginning. A nil answer is silence.
func serve(t *testing.T, answer reply) io.ReadWriteCloser {
	t.Helper()
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		if _, err := sftp.ReadPacket(theirs); err != nil {
			return
		}
		if _, err := theirs.Write(made(sftp.PacketVersion, 3, nil)); err != nil {
			return
		}
		for {
			p, err := sftp.ReadPacket(theirs)
			if err != nil {
				return
			}
			if _, err := theirs.Write(answer(p.Kind, p.ID(), p.Body())); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = ours.Close(); <-ended })
	return ours
}

// made is a packet.
func made(kind byte, id uint32, body []byte) []byte {
	return sftp.Seal(append(sftp.Request(kind, id), body...))
}

func status(id, code uint32) []byte {
	return made(sftp.PacketStatus, id, sftp.AppendText(sftp.AppendText(binary.BigEndian.AppendUint32(nil, code), "why"), ""))
}

func file(id, mode, uid uint32, size uint64) []byte {
	b := binary.BigEndian.AppendUint32(nil, sftp.AttrSize|sftp.AttrOwner|sftp.AttrMode)
	b = binary.BigEndian.AppendUint64(b, size)
	for _, n := range []uint32{uid, 0, mode} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return made(sftp.PacketAttrs, id, b)
}

func names(id uint32, names ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(names)))
	for _, n := range names {
		b = append(sftp.AppendText(sftp.AppendText(b, n), "long"), 0, 0, 0, 0)
	}
	return made(sftp.PacketName, id, b)
}

// honest is a target with the folders /, /usr, /usr/bin and the program ls in it, whose folders hold one name.
func honest(kind byte, id uint32, body []byte) []byte {
	r := sftp.Reader{B: body}
	name := r.Text()
	switch kind {
	case sftp.PacketLstat, sftp.PacketStat:
		switch name {
		case "/", "/usr", "/usr/bin", "/usr/x":
			return file(id, sftp.ModeDir|0o755, 0, 4096)
		case "/usr/bin/ls":
			return file(id, sftp.ModeFile|0o755, 0, 100_000)
		}
		return status(id, sftp.StatusNoFile)
	case sftp.PacketRealpath:
		return names(id, "/home/x")
	case sftp.PacketOpen, sftp.PacketOpendir:
		return made(sftp.PacketHandle, id, sftp.AppendText(nil, "h"))
	case sftp.PacketReaddir, sftp.PacketRead:
		return status(id, sftp.StatusEOF)
	case sftp.PacketClose:
		return status(id, 0)
	}
	return status(id, 8)
}

// but is honest, except for one kind of request.
func but(kind byte, answer func(id uint32, body []byte) []byte) reply {
	return func(k byte, id uint32, body []byte) []byte {
		if k == kind {
			return answer(id, body)
		}
		return honest(k, id, body)
	}
}

var everything = []policy.Probe{{Kind: policy.ProbeHome}, {Kind: policy.ProbeProgram, Name: "ls", Hash: true}, {Kind: policy.ProbePath, Name: "/usr/bin/ls"},
	{Kind: policy.ProbePath, Name: "/usr/link/x"}, {Kind: policy.ProbeGlob, Name: "/usr/*"}}

// TestHostile: whatever the target answers, the probes end with an error that says what is wrong, and add nothing.
func TestHostile(t *testing.T) {
	link := func(readlink func(id uint32) []byte) reply {
		return func(kind byte, id uint32, body []byte) []byte {
			switch r := (sftp.Reader{B: body}); {
			case kind == sftp.PacketReadlink:
				return readlink(id)
			case kind == sftp.PacketLstat && strings.Contains(r.Text(), "link"):
				return file(id, sftp.ModeLink|0o777, 0, 1)
			}
			return honest(kind, id, body)
		}
	}
	endless := make([]byte, chunk)
	many := make([]string, 1000)
	for i := range many {
		many[i] = strings.Repeat("n", 100)
	}
	for name, c := range map[string]struct {
		answer reply
		err    error
	}{
		"honest":                    {honest, nil},
		"another's number":          {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return status(id+1000, 0) }), sftp.ErrProtocol},
		"two answers":               {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return append(status(id, 2), status(id, 2)...) }), nil},
		"a short packet":            {but(sftp.PacketLstat, func(uint32, []byte) []byte { return []byte{0, 0, 0, 4, 1, 1, 1, 1} }), sftp.ErrProtocol},
		"a packet of 4 GiB":         {but(sftp.PacketLstat, func(uint32, []byte) []byte { return []byte{255, 255, 255, 255, 105, 0, 0, 0, 0} }), sftp.ErrProtocol},
		"an answer of another kind": {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return names(id, "x") }), sftp.ErrProtocol},
		"attributes without owner": {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte {
			return made(sftp.PacketAttrs, id, []byte{0, 0, 0, 4, 0, 0, 0x41, 0xed})
		}), sftp.ErrProtocol},
		"attributes cut off": {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return made(sftp.PacketAttrs, id, []byte{0, 0, 0, 7, 0}) }), sftp.ErrProtocol},
		"extended without end": {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte {
			return made(sftp.PacketAttrs, id, []byte{128, 0, 0, 7, 255, 255, 255, 255})
		}), sftp.ErrProtocol},
		"an empty status":          {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return made(sftp.PacketStatus, id, nil) }), sftp.ErrProtocol},
		"everything refused":       {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return status(id, sftp.StatusDenied) }), sftp.StatusError(sftp.StatusDenied)},
		"/ is a file":              {but(sftp.PacketLstat, func(id uint32, _ []byte) []byte { return file(id, sftp.ModeFile, 0, 1) }), sftp.ErrProtocol},
		"a relative home":          {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return names(id, "home") }), sftp.ErrProtocol},
		"a home with ..":           {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return names(id, "/home/../etc") }), sftp.ErrProtocol},
		"a home that is not UTF-8": {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return names(id, "/home/\xff") }), sftp.ErrProtocol},
		"no home":                  {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return names(id, "/") }), ErrNoHome},
		"two homes":                {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return names(id, "/a", "/b") }), sftp.ErrProtocol},
		"4 billion homes":          {but(sftp.PacketRealpath, func(id uint32, _ []byte) []byte { return made(sftp.PacketName, id, []byte{255, 255, 255, 255}) }), sftp.ErrProtocol},
		"a name with a slash":      {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, "../../etc/shadow") }), sftp.ErrProtocol},
		"a name with NUL":          {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, "a\x00b") }), sftp.ErrProtocol},
		"an empty name":            {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, "") }), sftp.ErrProtocol},
		"a name of 256 bytes":      {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, strings.Repeat("n", 256)) }), sftp.ErrProtocol},
		"no names, for ever":       {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id) }), sftp.ErrProtocol},
		"names, for ever":          {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, many...) }), ErrTooMuch},
		". and .., for ever":       {but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte { return names(id, ".", "..", ".", "..") }), ErrTooMuch},
		"a handle of no bytes":     {but(sftp.PacketOpendir, func(id uint32, _ []byte) []byte { return made(sftp.PacketHandle, id, sftp.AppendText(nil, "")) }), sftp.ErrProtocol},
		"a handle of 300 bytes": {but(sftp.PacketOpen, func(id uint32, _ []byte) []byte {
			return made(sftp.PacketHandle, id, sftp.AppendText(nil, strings.Repeat("h", 300)))
		}), sftp.ErrProtocol},
		"content, for ever": {but(sftp.PacketRead, func(id uint32, _ []byte) []byte {
			return made(sftp.PacketData, id, sftp.AppendText(nil, string(endless)))
		}), ErrTooMuch},
		"more content than asked": {but(sftp.PacketRead, func(id uint32, _ []byte) []byte {
			return made(sftp.PacketData, id, sftp.AppendText(nil, string(endless)+"x"))
		}), sftp.ErrProtocol},
		"content byte by byte":       {but(sftp.PacketRead, func(id uint32, _ []byte) []byte { return made(sftp.PacketData, id, sftp.AppendText(nil, "x")) }), ErrTooMuch},
		"no content, for ever":       {but(sftp.PacketRead, func(id uint32, _ []byte) []byte { return made(sftp.PacketData, id, sftp.AppendText(nil, "")) }), sftp.ErrProtocol},
		"a close that fails":         {but(sftp.PacketClose, func(id uint32, _ []byte) []byte { return names(id, "x") }), sftp.ErrProtocol},
		"links, for ever":            {link(func(id uint32) []byte { return names(id, "/usr/link/"+strings.Repeat("x/", 60)) }), nil},
		"a link to two names":        {link(func(id uint32) []byte { return names(id, "a", "b") }), sftp.ErrProtocol},
		"a link to nothing":          {link(func(id uint32) []byte { return names(id, "") }), nil},
		"a link of another kind":     {link(func(id uint32) []byte { return file(id, sftp.ModeDir, 0, 0) }), sftp.ErrProtocol},
		"a link to a name with NUL":  {link(func(id uint32) []byte { return names(id, "/etc\x00") }), nil},
		"a link that is 200 kB long": {link(func(id uint32) []byte { return names(id, strings.Repeat("l", 200_000)) }), nil},
		"silence":                    {but(sftp.PacketLstat, func(uint32, []byte) []byte { return nil }), context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := New(t.Context(), serve(t, c.answer), Config{SearchPath: []string{"/usr/bin"}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if errors.Is(c.err, context.DeadlineExceeded) {
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
			}
			var f policy.Facts
			err = l.Answer(ctx, everything, &f)
			if name == "two answers" { // the second one is nobody's: it is found out at once, or at the next request
				if f.Home != "" && err == nil {
					t.Errorf("%+v", f)
				}
				return
			}
			if !errors.Is(err, c.err) || err != nil && (f.Home != "" || f.Paths != nil || (strings.Contains(err.Error(), "\x00") || strings.Contains(err.Error(), "\xff"))) {
				t.Errorf("%v, %+v; want %v", err, f, c.err)
			}
			if real := f.Paths["/usr/link/x"].Real; err == nil && name != "honest" && real != "" {
				t.Errorf("the link leads to %q", real)
			}
		})
	}
}

// TestSilence: a target that does not read, does not begin or stops in the middle is given up with the context.
func TestSilence(t *testing.T) {
	begin := func(t *testing.T, server func(net.Conn)) error {
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		go func() { defer close(ended); server(theirs) }()
		defer func() { _ = theirs.Close(); <-ended }()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := New(ctx, ours, Config{})
		return err
	}
	for name, server := range map[string]func(net.Conn){
		"does not read":    func(net.Conn) {},
		"does not answer":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"half a beginning": func(c net.Conn) { _, _ = sftp.ReadPacket(c); _, _ = c.Write([]byte{0, 0, 0}) },
	} {
		if err := begin(t, server); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, said := range map[string]string{"a line of text": "This service allows sftp connections only.\n", "version 2": string(made(sftp.PacketVersion, 2, nil)), "another packet": string(made(sftp.PacketStatus, 3, nil)), "nothing": ""} {
		err := begin(t, func(c net.Conn) { _, _ = sftp.ReadPacket(c); _, _ = c.Write([]byte(said)); _ = c.Close() })
		if err == nil || said != "" && !errors.Is(err, sftp.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEnded: after an error of the stream nothing more is asked, and Close may come twice.
func TestEnded(t *testing.T) {
	asked := 0
	l, err := New(t.Context(), serve(t, func(byte, uint32, []byte) []byte { asked++; return []byte("garbage, garbage") }), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.Answer(t.Context(), everything[2:3], &policy.Facts{}); !errors.Is(err, sftp.ErrProtocol) {
			t.Errorf("%v", err)
		}
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if asked > 4 {
		t.Errorf("%d requests", asked)
	}
}

// TestProbes: what is no probe is refused before anything is asked, and what is asked twice is asked once.
func TestProbes(t *testing.T) {
	requests := map[string]int{}
	l, err := New(t.Context(), serve(t, func(kind byte, id uint32, body []byte) []byte {
		r := sftp.Reader{B: body}
		requests[string(rune('a'+kind))+r.Text()]++
		return honest(kind, id, body)
	}), Config{SearchPath: []string{"/usr/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, probes := range map[string][]policy.Probe{
		"no kind": {{}}, "another kind": {{Kind: "shell", Name: "ls"}}, "a home of somebody": {{Kind: policy.ProbeHome, Name: "root"}},
		"a relative path": {{Kind: policy.ProbePath, Name: "etc"}}, "a relative glob": {{Kind: policy.ProbeGlob, Name: "*"}}, "no path": {{Kind: policy.ProbePath}},
		"a path's hash": {{Kind: policy.ProbePath, Name: "/etc", Hash: true}}, "513": make([]policy.Probe, 513),
		"a backwards range": {{Kind: policy.ProbeGlob, Name: "/usr/[z-a]"}}, "no class": {{Kind: policy.ProbeGlob, Name: "/usr/[[:no:]]"}},
		"a glob that is not UTF-8": {{Kind: policy.ProbeGlob, Name: "/usr/\xff*"}}, "a deep glob": {{Kind: policy.ProbeGlob, Name: strings.Repeat("/*", 65)}},
	} {
		var f policy.Facts
		if err := l.Answer(t.Context(), probes, &f); err == nil || f.Paths != nil {
			t.Errorf("%s: %v, %+v", name, err, f)
		}
	}
	clear(requests)
	var all []policy.Probe
	for range 50 {
		all = append(all, policy.Probe{Kind: policy.ProbePath, Name: "/usr/bin/ls"}, policy.Probe{Kind: policy.ProbeProgram, Name: "ls"})
	}
	all[51].Hash = true
	f := facts(t, l, all...)
	if f.Programs["ls"].SHA256 == "" || f.Paths["/usr/bin/ls"].Kind != policy.PathFile {
		t.Errorf("%+v", f)
	}
	for what, n := range requests {
		if n != 1 && what != string(rune('a'+sftp.PacketRead))+"h" {
			t.Errorf("%q was asked %d times", what, n)
		}
	}
}

// TestManyGlobs: what one Answer's globs match together has a bound, because facts travel in one frame.
func TestManyGlobs(t *testing.T) {
	var some []string
	for i := range 100 {
		some = append(some, strings.Repeat("n", 200)+strings.Repeat("i", i%50))
	}
	listed := false
	l, err := New(t.Context(), serve(t, but(sftp.PacketReaddir, func(id uint32, _ []byte) []byte {
		if listed = !listed; listed {
			return names(id, some...)
		}
		return status(id, sftp.StatusEOF)
	})), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n, want := range map[int]error{20: nil, 100: ErrTooMuch} {
		v := &visit{ctx: t.Context(), client: l.client}
		var err error
		for range n {
			if _, err = v.glob("/usr/n*"); err != nil {
				break
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("%d globs: %v", n, err)
		}
	}
}

// TestMerge: facts that are there already stay, and those that are asked again are replaced.
func TestMerge(t *testing.T) {
	l, err := New(t.Context(), serve(t, honest), Config{SearchPath: []string{"/usr/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := policy.Facts{Home: "/kept", Programs: map[string]policy.ProgramFact{"id": {Path: "/usr/bin/id"}, "ls": {Why: "old"}}}
	if err := l.Answer(t.Context(), []policy.Probe{{Kind: policy.ProbeProgram, Name: "ls"}}, &f); err != nil {
		t.Fatal(err)
	}
	if f.Home != "/kept" || f.Programs["id"].Path != "/usr/bin/id" || f.Programs["ls"].Path != "/usr/bin/ls" {
		t.Errorf("%+v", f)
	}
}

// TestSearchPath: only plain absolute folders are searched.
func TestSearchPath(t *testing.T) {
	for _, bad := range [][]string{{"bin"}, {""}, {"/usr/../bin"}, {"/usr/bin/"}, {"/\xff"}, make([]string, 33)} {
		if err := (Config{SearchPath: bad}).Validate(); err == nil {
			t.Errorf("%q", bad)
		}
	}
}
