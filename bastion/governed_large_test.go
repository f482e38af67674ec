package bastion

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// TestLargeWordsAreOneCommandsMatter: words, texts and input that are larger than an event of the recording may be, or than any command, are refused
// or denied as what they are, and the text goes on: none of them makes the evidence fail.
func TestLargeWordsAreOneCommandsMatter(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
	const double = `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do x=$x$x; done; `
	for name, test := range map[string]struct{ line, stdout string }{
		"a word of 80 kB, denied":     {`x=0123456789; ` + double + `whoami "$x"; echo s$?`, "s126\n"},
		"a word of 330 kB":            {`x=0123456789; ` + double + `printenv "$x$x$x$x"; echo s$?`, "s126\n"},
		"a word of 49 kB of brackets": {`x='<<<<<<'; ` + double + `printenv "$x"; echo s$?`, "s126\n"},
		"a word of 49 kB of controls": {`x=$'\x01\x02\x01\x02\x01\x02'; ` + double + `printenv "$x"; echo s$?`, "s126\n"},
		"a word of 4 kB of brackets":  {`x='<<<<'; for i in 1 2 3 4 5 6 7 8 9 10; do x=$x$x; done; printenv "$x"; echo s$?`, "s1\n"},
		"many words":                  {`printenv {1..5000}; echo s$?`, "s126\n"},
	} {
		stdout, stderr, status := exec(c, test.line)
		if stdout != test.stdout || status != 0 || strings.Contains(stderr, "GATEHOUSE-ERROR") {
			t.Errorf("%s: %d %q\n%.600s", name, status, stdout, stderr)
		}
	}
}

// TestLongLinesAreRecordedWhole: a script's line that is longer than an event of the recording may be is in it all the same, in pieces.
func TestLongLinesAreRecordedWhole(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	text := "x=1; : '" + strings.Repeat("<é>", 15_000) + "' $x; echo s$?\n"
	s, err := c.NewSession()
	w.must(err)
	defer s.Close()
	s.Stdin = strings.NewReader(text)
	var out strings.Builder
	s.Stdout, s.Stderr = &out, &out
	w.must(s.Shell())
	if err := s.Wait(); err != nil || out.String() != "s0\n" {
		t.Fatalf("%v %.600q", err, out.String())
	}
	row := w.session("shell", store.Ended)
	r, err := w.server.cfg.Recorder.Read(row.ID)
	w.must(err)
	defer r.Close()
	var got strings.Builder
	parts := 0
	for e, err := range r.Events() {
		w.must(err)
		var line struct {
			Text *string
			Part int
		}
		if e.Code != recorder.Line {
			continue
		}
		w.must(json.Unmarshal(e.Data, &line))
		if line.Text == nil {
			continue
		}
		if parts++; parts > 1 && line.Part != parts {
			t.Errorf("piece %d says that it is %d", parts, line.Part)
		}
		got.WriteString(*line.Text)
	}
	if strings.TrimSuffix(got.String(), "\n") != strings.TrimSuffix(text, "\n") || parts < 2 {
		t.Errorf("%d bytes in %d pieces, want %d", got.Len(), parts, len(text))
	}
}

// TestCommandsThatCannotBeAskedForLeaveNoMarks: after a command whose words no plan has, the decider still learns which commands have ended.
func TestCommandsThatCannotBeAskedForLeaveNoMarks(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
	stdout, stderr, status := exec(c, `i=0; while [ $i -lt 270 ]; do id -un > /dev/null || break; printenv {1..4100} 2> /dev/null; i=$((i+1)); done; echo $i`)
	if stdout != "270\n" || status != 0 {
		t.Errorf("%d %q\n%.600s", status, stdout, stderr)
	}
}
