package prompt

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"gatehouse/bastion/shell/wire"
)

// typing is a source that was sent text, and then its end.
func typing(text string) *source {
	s := newSource(func(context.Context, wire.Input) (wire.Answer, error) { return wire.Answer{}, io.EOF })
	s.add(wire.Answer{Data: []byte(text)})
	s.finish(io.EOF)
	return s
}

// edited reads one line that is typed, and what the terminal was sent for it.
func edited(t *testing.T, keys string, before ...string) (string, string, error) {
	t.Helper()
	var out strings.Builder
	e := &editor{keys: decoder{src: typing(keys)}, write: func(s string) { out.WriteString(s) }, history: &history{},
		complete: func(_ context.Context, text []rune, pos int) completion {
			w := wordAt(text, pos)
			return completion{from: w.from, words: []string{quoted("it's"), quoted("it is")}, names: []string{"it's", "it\x1b[2J is"}}
		}}
	for _, line := range before {
		e.history.add(line)
	}
	text, err := e.read(t.Context(), "$ ", nil)
	return text, out.String(), err
}

// TestKeysEdit: a line is what its keys make of it.
func TestKeysEdit(t *testing.T) {
	for _, test := range []struct{ keys, want string }{
		{"abc\r", "abc"}, {"ac\x1b[Db\r", "abc"}, {"bc\x01a\r", "abc"}, {"abx\x7fc\r", "abc"}, {"abc def\x17\x17abc\r", "abc"}, {"xyz\x15abc\r", "abc"},
		{"abcxx\x1b[D\x1b[D\x0b\r", "abc"}, {"abc\x15\x19\r", "abc"}, {"é漢\x7fa\r", "éa"}, {"\x1b[200~one\rtwo\x1b[201~\r", "one\ntwo"}, {"\x1b[A\r", "last"}, {"\x1b[A\x1b[A\r", "first"},
		{"\x12fir\r", "first"}, {"\x1b[A\x1b[Bnew\r", "new"}, {"a\xffb\r", "a\xffb"},
	} {
		if got, _, err := edited(t, test.keys, "first", "last"); err != nil || !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: %q, %v, want %q", test.keys, got, err, test.want)
		}
	}
	if _, _, err := edited(t, "abc\x03"); !errors.Is(err, errInterrupted) {
		t.Error(err)
	}
	if _, _, err := edited(t, "\x04"); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestNamesDoNothingToATerminal: names of files that are listed, lines of the history, and what is typed reach the terminal spelt out.
func TestNamesDoNothingToATerminal(t *testing.T) {
	text, out, err := edited(t, "cat i\t\t\t\t\r", "evil\x1b]0;title\x07")
	if err != nil || !strings.HasPrefix(text, "cat it") || strings.Contains(out, "\x1b[2J") {
		t.Errorf("%q, %q, %v", text, out, err)
	}
	h := history{}
	h.add("evil\x1b]0;title\x07")
	if _, out, _ := edited(t, "\x1b[A\r", h.lines...); strings.Contains(out, "\x1b]0") || strings.Contains(h.list(9), "\x1b") {
		t.Errorf("%q, %q", out, h.list(9))
	}
}

// TestSecretsAreNotShown: what is typed for read -s is neither shown nor given to a line afterwards.
func TestSecretsAreNotShown(t *testing.T) {
	var out strings.Builder
	src := typing("geheim\rhal")
	d := &discipline{keys: decoder{src: src}, write: func(s string) { out.WriteString(s) }}
	d.echo.Store(true)
	b, err := d.read(t.Context(), true)
	if err != nil || string(b) != "geheim\n" || strings.Contains(out.String(), "geheim") {
		t.Errorf("%q, %q, %v", b, out.String(), err)
	}
	if b, err = d.read(t.Context(), true); err != nil || string(b) != "hal" {
		t.Errorf("%q, %v", b, err)
	}
	d.typed, d.secret = []rune("half"), true
	if got := d.take(); got != nil {
		t.Errorf("%q", string(got))
	}
}

// TestWordsAreCompletedAsTheyAreTyped: the word before the cursor is found as a shell would, and what comes in its place is one word.
func TestWordsAreCompletedAsTheyAreTyped(t *testing.T) {
	for _, test := range []struct {
		text  string
		value string
		from  int
		first bool
	}{{"ca", "ca", 0, true}, {"cat a\\ b", "a b", 4, false}, {"a | b", "b", 4, true}, {"a; ", "", 3, true}, {"x > fi", "fi", 4, false}, {"(ec", "ec", 1, true}, {"a &&\tb c", "c", 7, false}} {
		if w := wordAt([]rune(test.text), len([]rune(test.text))); w.value != test.value || w.from != test.from || w.first != test.first {
			t.Errorf("%q: %+v", test.text, w)
		}
	}
	for name, want := range map[string]string{"it's": `it\'s`, "a b": `a\ b`, "$(x)": `\$\(x\)`, "plain.txt": "plain.txt", "~a": `\~a`} {
		if got := quoted(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if typable("a\x1b[0m") || typable("a\xff") || !typable("ä b") {
		t.Error("what can be typed")
	}
}

// TestSignalsKeys: while something runs Ctrl-C is a signal and takes what was typed before it along; what comes behind is kept.
func TestSignalsKeys(t *testing.T) {
	s := newSource(nil)
	var got []byte
	s.listen(func(b byte) { got = append(got, b) })
	s.add(wire.Answer{Data: []byte("typed\x03ahead")})
	if string(got) != "\x03" || string(s.kept) != "ahead" || s.used() != 6 {
		t.Errorf("%q, %q, %d", got, s.kept, s.used())
	}
	s.lend() // to a command with a terminal of its own
	s.add(wire.Answer{Data: []byte("\x03"), At: 11})
	if string(got) != "\x03" {
		t.Errorf("%q", got)
	}
	s.giveBack(11)
	if s.used() != 12 || string(got) != "\x03\x03" { // what it left is the prompt's again
		t.Errorf("%d, %q", s.used(), got)
	}
}

// TestAPromptOfOnesOwn: PS1 is text, of which nothing is run and nothing reaches the terminal but what is seen.
func TestAPromptOfOnesOwn(t *testing.T) {
	own := ownPrompt{login: "deploy", target: "web-1", dir: "/home/deploy/a\x1bb", home: "/home/deploy", uid: 1000}
	for ps, want := range map[string]string{
		"": `deploy@web-1:~/a\u{1b}b$ `, `[PEXPECT]\$ `: "[PEXPECT]$ ", `[PEXP\[\]ECT>`: "[PEXPECT>", `$(id)\W`: `$(id)a\u{1b}b`, "\x1b]0;x\x07\n\x9b": `\u{1b}]0;x\u{7}\n`, strings.Repeat("x", 999): strings.Repeat("x", maxPrompt),
	} {
		if got := own.expand(ps, `\u@\h:\w\$ `); got != want {
			t.Errorf("%q: %q, want %q", ps, got, want)
		}
	}
}
