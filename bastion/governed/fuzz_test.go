package governed_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell/localhost"
)

// FuzzServe: whatever comes from a process, on the connection as it is or on streams that are opened as they should be, the door ends with
// it, runs nothing that it was not asked for well, and neither panics nor hangs.
func FuzzServe(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), true)
	f.Add([]byte{0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 'q', 0, 0, 0, 2}, true)
	f.Add(pieces(frame('q', wire.Ask{Op: wire.OpBegin}), frame('q', wire.Ask{Op: wire.OpExec, Exec: &wire.Exec{Argv: []string{"true"}, Dir: "/", Stdin: wire.InPipe, Stdout: wire.ToPipe, Stderr: wire.ToPair}})), false)
	f.Add(pieces(frame('q', wire.Ask{Op: wire.OpBegin}), append(frame('q', wire.Ask{Op: wire.OpOutput}), "o\x00\x00\x00\x01x"...)), false)
	f.Add(pieces(append(frame('q', wire.Ask{Op: wire.OpBegin}), frame('r', wire.Report{Line: 1, Text: "x"})...), frame('q', wire.Ask{Op: wire.OpInput, Input: &wire.Input{Used: 3, From: 2, Want: 9}})), false)
	f.Add(pieces(frame('q', wire.Ask{Op: wire.OpBegin}), frame('q', wire.Ask{Op: wire.OpOpen, Open: &wire.Open{Path: "/dev/null", Mode: "read"}}), frame('q', wire.Ask{Op: wire.OpList, Path: &wire.Path{Path: "/"}})), false)
	f.Fuzz(func(t *testing.T, said []byte, raw bool) {
		// Nothing of this machine is asked for: what is neither true nor there is denied.
		host := localhost.New(localhost.Config{Home: "/", Env: []string{"PATH=/usr/bin:/bin"}, Stdin: strings.NewReader("input"), Stdout: io.Discard, Stderr: io.Discard,
			Decide: func(e wire.Exec) error {
				if len(e.Argv) == 1 && e.Argv[0] == "true" && len(e.Redirs)+len(e.Env) == 0 {
					return nil
				}
				return &wire.Error{Kind: wire.KindDenied}
			}})
		door, process := net.Pipe()
		shell, err := governed.New(door, wire.Begin{Line: "true"}, nothing{host})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = shell.Serve(ctx) // how it ends is the other tests' business
			shell.Wait()
		}()
		if raw {
			go func() { _, _ = io.Copy(io.Discard, process) }()
			_ = process.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = process.Write(said)
		} else {
			say(process, said)
		}
		_ = process.Close()
		<-ended
		if ctx.Err() != nil {
			t.Error("it hangs")
		}
	})
}

// nothing is a host whose files are not touched.
type nothing struct{ *localhost.Host }

func (nothing) Open(context.Context, wire.Open) (governed.File, error) {
	return nil, &wire.Error{Kind: wire.KindDenied}
}

func frame(f byte, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a seed
	}
	return append(binary.BigEndian.AppendUint32([]byte{f}, uint32(len(b))), b...)
}

// pieces are what is said on one stream after the other, each with its length before it.
func pieces(said ...[]byte) (all []byte) {
	for _, b := range said {
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(b))), b...)
	}
	return all
}

// say opens a stream for each piece and says it there.
func say(process net.Conn, said []byte) {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive, c.LogOutput, c.StreamCloseTimeout = false, io.Discard, time.Second
	mux, err := yamux.Client(process, c)
	if err != nil {
		return
	}
	defer mux.Close()
	for n := 0; len(said) >= 2 && n < 200; n++ {
		size := min(int(binary.BigEndian.Uint16(said)), len(said)-2)
		s, err := mux.OpenStream()
		if err != nil {
			return
		}
		_ = s.SetDeadline(time.Now().Add(time.Second))
		_, _ = s.Write(said[2 : 2+size])
		said = said[2+size:]
		if n == 0 { // it is answered before anything else may be asked
			_, _ = s.Read(make([]byte, 1))
		}
	}
}
