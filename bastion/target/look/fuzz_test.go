package look

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
)

// FuzzAnswers: answers of any kind and content neither panic nor outlast the context, and whatever they become are facts of the right
// form.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{sftp.PacketAttrs, 30, sftp.PacketStatus, 8, sftp.PacketName, 40, sftp.PacketHandle, 5, sftp.PacketData, 9}, []byte("\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x41\xed"))
	f.Add([]byte{sftp.PacketAttrs}, file(0, sftp.ModeLink|0o777, 0, 1)[9:])
	f.Add([]byte{sftp.PacketName}, names(0, "a", "/b", "..")[9:])
	f.Add([]byte{sftp.PacketStatus}, status(0, 1)[9:])
	f.Fuzz(func(t *testing.T, kinds, body []byte) {
		n := 0
		l, err := New(t.Context(), serve(t, func(kind byte, id uint32, in []byte) []byte {
			n++
			if len(kinds) == 0 || n > 200 || n%3 == 0 && kinds[0]%2 == 0 {
				return honest(kind, id, in)
			}
			cut := min(len(body), int(kinds[n%len(kinds)])*4)
			return made(kinds[n%len(kinds)], id, bytes.Clone(body[:cut]))
		}), Config{SearchPath: []string{"/usr/bin"}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var f policy.Facts
		if err := l.Answer(ctx, everything, &f); err != nil {
			if ctx.Err() != nil {
				t.Fatalf("it hung: %v", err)
			}
			return
		}
		for _, p := range f.Paths {
			if p.Real != "" && !strings.HasPrefix(p.Real, "/") || strings.Contains(p.Real+"/", "/../") {
				t.Fatalf("%+v", p)
			}
		}
		for _, name := range f.Globs["/usr/*"] {
			if strings.Count(name, "/") != 2 || strings.HasPrefix(name, "/usr/.") {
				t.Fatalf("%q", name)
			}
		}
	})
}

// FuzzPattern: no pattern makes the reader panic; one without magic matches its own text and nothing longer.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"*", "a?[b-d]*", "[[:alpha:]!]", "[^]]", `\[`, "[", "[[:", "[a-", "[[.a.]]", `[\`, `\`, "[]-a]", "[[:alpha:]-z]"} {
		f.Add(p, "abc")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		p.match(name)
		if !p.magic && text != "" && (!p.match(p.literal) || p.match(p.literal+"x")) {
			t.Fatalf("%q is %q", text, p.literal)
		}
	})
}
