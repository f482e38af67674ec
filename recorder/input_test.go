package recorder

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/age"

	"gatehouse/recorder/seal"
)

// sealing returns a recorder that seals input, and who can open it.
func sealing(t testing.TB, dir string) (*Recorder, *age.X25519Identity) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	r, err := New(Config{Dir: dir, Commit: l.commit, SealInput: id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// typed opens the sealed input of a recording and returns it with what was recorded in the clear.
func typed(t testing.TB, r *Recorder, id age.Identity) (input, clear string) {
	t.Helper()
	rd, err := r.Read(testSession)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	var opener *seal.Opener
	for e, err := range rd.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Code {
		case InputKey:
			key, err := seal.Unwrap(id, e.Data, testSession)
			if err != nil {
				t.Fatal(err)
			}
			if opener, err = key.Open(); err != nil {
				t.Fatal(err)
			}
		case Sealed:
			plain, err := opener.Event(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			input += string(plain)
		case Input:
			clear += string(e.Data)
		}
	}
	return input, clear
}

// What is typed without echo is nowhere in the file; the file has it sealed, and what is echoed in the clear as well.
func TestInputIsSealed(t *testing.T) {
	type step struct{ in, out string }
	for name, c := range map[string]struct {
		steps []step
		clear string
	}{
		"a password at its prompt":        {[]step{{"", "Password: "}, {"hunter2\r", ""}, {"", "\r\nhello\r\n"}}, ""},
		"key by key without echo":         {[]step{{"h", ""}, {"u", ""}, {"n\r", ""}, {"", "\r\n"}}, ""},
		"a line, echoed at once":          {[]step{{"ls -l\r", "ls -l\r\ntotal 0\r\n"}}, "ls -l\r"},
		"a line, echoed key by key":       {[]step{{"l", "l"}, {"s", "s"}, {"\r", "\r\n"}}, "ls\r"},
		"an echo in pieces":               {[]step{{"ls -l\r", "ls"}, {"", " -l"}, {"", "\r\n"}}, "ls -l\r"},
		"an echo with colours":            {[]step{{"ls\r", "\x1b[32ml\x1b[0m\x1b]0;t\x07s\r\n"}}, "ls\r"},
		"colours cut in the middle":       {[]step{{"ls\r", "l\x1b[3"}, {"", "1ms\r\n"}}, "ls\r"},
		"typed ahead, the second hidden":  {[]step{{"su\rhunter2\r", "su\r\nPassword: "}, {"", "\r\n# "}}, "su\r"},
		"output that begins like it":      {[]step{{"hunter2\r", "hundred\r\n"}}, ""},
		"output between, then an echo":    {[]step{{"hunter2\r", "tick\r\n"}, {"ls\r", "ls\r\n"}}, "ls\r"},
		"a control string never finished": {[]step{{"\x1b]0;", "\x1b]0;"}, {"ls\r", "ls\r\n"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r, id := sealing(t, dir)
			rec, err := r.Open(t.Context(), Header{Session: testSession, PTY: true})
			if err != nil {
				t.Fatal(err)
			}
			var want string
			for _, s := range c.steps {
				if s.in != "" {
					mustWrite(t, rec, Input, s.in)
				}
				if s.out != "" {
					mustWrite(t, rec, Output, s.out)
				}
				want += s.in
			}
			sum := mustClose(t, rec)
			input, clear := typed(t, r, id)
			if input != want || clear != c.clear {
				t.Errorf("sealed %q, in the clear %q; want %q, %q", input, clear, want, c.clear)
			}
			if sum.BytesIn != int64(len(want)) {
				t.Errorf("%d bytes of input, want %d", sum.BytesIn, len(want))
			}
			path, _ := Path(dir, testSession)
			raw := decompressed(t, r, path)
			if strings.Contains(raw, "hunter2") {
				t.Error("the file holds the password")
			}
		})
	}
}

// decompressed is everything that the file of a recording holds.
func decompressed(t testing.TB, r *Recorder, path string) string {
	t.Helper()
	rd, err := openReader(path, r.dec, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	var out strings.Builder
	for e, err := range rd.Events() {
		if err != nil {
			t.Fatal(err)
		}
		out.Write(e.Data)
	}
	return out.String()
}

// Without a terminal nothing is echoed: standard input is sealed whole, whatever the command prints.
func TestStandardInputIsSealed(t *testing.T) {
	r, id := sealing(t, t.TempDir())
	rec := openTest(t, r, testSession)
	big := strings.Repeat("0123456789", 20_000)
	mustWrite(t, rec, Input, big)
	mustWrite(t, rec, Output, big)
	sum := mustClose(t, rec)
	if input, clear := typed(t, r, id); input != big || clear != "" {
		t.Errorf("%d bytes sealed, %d in the clear", len(input), len(clear))
	}
	if sum.BytesIn != int64(len(big)) {
		t.Errorf("%d bytes of input, want %d", sum.BytesIn, len(big))
	}
}

// What is in the clear is in the output: no input, however it mixes with output, shows more than the terminal did.
func TestNothingIsInTheClearThatWasNotShown(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 9))
	text := func() []byte {
		b := make([]byte, 1+rnd.IntN(6))
		for i := range b {
			b[i] = "ab\r\n\x1b["[rnd.IntN(6)]
		}
		return b
	}
	for range 20_000 {
		var e echo
		var typed, output []byte
		for range 1 + rnd.IntN(12) {
			if rnd.IntN(2) == 0 {
				p := text()
				typed = append(typed, p...)
				e.typed(p)
				continue
			}
			p := text()
			output = append(output, p...)
			if len(e.waiting) == 0 {
				continue
			}
			shown := e.shown(p)
			if !bytes.Contains(typed, shown) {
				t.Fatalf("%q was never typed (%q)", shown, typed)
			}
			if !subsequence(bytes.ReplaceAll(shown, []byte("\n"), nil), output) {
				t.Fatalf("%q was never shown (%q)", shown, output)
			}
		}
	}
}

func subsequence(sub, of []byte) bool {
	for _, c := range of {
		if len(sub) > 0 && sub[0] == c {
			sub = sub[1:]
		}
	}
	return len(sub) == 0
}

// A recording whose process died counts what it recovers as the living one did.
func TestRecoveredInputIsCounted(t *testing.T) {
	dir := t.TempDir()
	r, id := sealing(t, dir)
	rec, err := r.Open(t.Context(), Header{Session: testSession, PTY: true})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, rec, Input, "ls\r")
	mustWrite(t, rec, Output, "ls\r\n")
	mustWrite(t, rec, Input, "hunter2\r")
	mustClose(t, rec)
	again, err := New(Config{Dir: dir, Commit: (&ledger{}).commit, SealInput: id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	all, err := again.Recover(t.Context())
	if err != nil || len(all) != 1 || all[0].BytesIn != int64(len("ls\rhunter2\r")) {
		t.Errorf("recovered %+v, %v", all, err)
	}
}

func BenchmarkSealedUpload(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sealed=%v", sealed), func(b *testing.B) {
			r, _ := sealing(b, b.TempDir())
			if !sealed {
				r.cfg.SealInput = nil
			}
			rec := openTest(b, r, testSession)
			piece := make([]byte, 32<<10)
			rnd := rand.New(rand.NewPCG(1, 1))
			for i := range piece {
				piece[i] = byte(rnd.Uint32())
			}
			b.SetBytes(int64(len(piece)))
			for b.Loop() {
				mustWrite(b, rec, Input, string(piece))
			}
			mustClose(b, rec)
		})
	}
}
