package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

// TestTimelineOfAGovernedShell reads events as the door writes them: what each moment says, in one line.
func TestTimelineOfAGovernedShell(t *testing.T) {
	governed := `d{"verdict":"allow","rules":["web/shell"],"plan":{"op":"governed","text":"x"}}`
	for name, c := range map[string]struct{ events, want string }{
		"the only line is the session's command": {
			`c{"line":"x=1; ls $x"}` + "\n" + governed + "\n" + `l{"line":1,"text":"x=1; ls $x"}` + "\n" + `a{"step":1,"line":1,"argv":["ls","1"],"chain":null}` + "\n" +
				`d{"verdict":"allow","rules":["web/allow[0]"],"step":1}` + "\n" + `a{"step":1,"status":2}` + "\n" + `l{"line":1,"status":2}`,
			"1 command governed x=1; ls $x =exit status 2; 2 command allow ls 1 =exit status 2",
		},
		"lines of a prompt, and one that is refused": {
			`c{"line":""}` + "\n" + governed + "\n" + `l{"line":1,"text":"cat <(ls)"}` + "\n" + `l{"line":1,"refused":{"construct":"process substitution","column":5,"reason":"no"}}` + "\n" + `l{"line":1,"status":2}`,
			"1 command governed; line cat <(ls) =exit status 2; refused process substitution at column 5: no",
		},
		"commands that end and are decided out of order, one through texts": {
			`a{"step":1,"line":1,"argv":["seq","9"],"chain":["bash -c","eval"]}` + "\n" + `a{"step":2,"line":1,"argv":["id"]}` + "\n" + `d{"verdict":"deny","step":2}` + "\n" +
				`d{"verdict":"allow","step":1}` + "\n" + `a{"step":1,"status":141,"signal":"PIPE"}`,
			"1 command allow seq 9 (bash -c, then eval) =ended by signal PIPE; 2 command deny id",
		},
		"people said yes: what ran is decided anew, under the same words": {
			`a{"step":1,"line":1,"argv":["touch","f"],"chain":["sh -c"]}` + "\n" + `d{"verdict":"ask","step":1}` + "\n" + `n{"note":"approved"}` + "\n" + `d{"verdict":"allow","step":1}` + "\n" + `a{"step":1,"status":0}`,
			"1 command ask touch f (sh -c); note approved; decision allow touch f (sh -c) =exit status 0",
		},
		"so does a command that is none of a shell": {
			`c{"line":"reboot"}` + "\n" + `d{"verdict":"ask"}` + "\n" + `n{"note":"approved"}` + "\n" + `d{"verdict":"allow"}` + "\n" + `x{"status":0}`,
			"1 command ask reboot; note approved; decision allow reboot; exit exit status 0",
		},
		"a long line in pieces, and a command that was cut short": {
			`l{"line":1,"text":"echo a"}` + "\n" + `l{"line":1,"text":"b c","part":2}` + "\n" + `a{"step":1,"line":1,"argv":["sleep","9"]}` + "\n" + `d{"verdict":"allow","step":1}` + "\n" + `a{"step":1,"cut":true}`,
			"line echo ab c; 1 command allow sleep 9 =cut short",
		},
		"what a lying process says of lines that are not there": {
			`l{"line":9,"status":1}` + "\n" + `a{"step":9,"status":1}` + "\n" + `d{"verdict":"allow","step":9}` + "\n" + `l{"line":1,"text":"a"}` + "\n" + `l{"line":1,"text":"b"}` + "\n" + `l{"line":1,"status":0}`,
			"1 command allow; line a; line b =exit status 0",
		},
	} {
		var tl Timeline
		for i, line := range strings.Split(c.events, "\n") {
			tl.add(time.Now(), recorder.Event{At: time.Duration(i) * time.Millisecond, Code: recorder.Code(line[0]), Data: []byte(line[1:])})
		}
		var got []string
		for _, m := range tl.Moments {
			got = append(got, told(m))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s:\n  %s\n  want %s", name, text, c.want)
		}
	}
}

func told(m Moment) string {
	var words []string
	if m.Number > 0 {
		words = append(words, fmt.Sprint(m.Number))
	}
	words = append(words, m.Kind)
	if m.Governed {
		words = append(words, "governed")
	} else if m.Decision != nil {
		words = append(words, string(m.Decision.Verdict))
	}
	if m.Text != "" {
		words = append(words, m.Text)
	}
	if len(m.Chain) > 0 {
		words = append(words, "("+ChainText(m)+")")
	}
	if m.Ended != "" {
		words = append(words, "="+m.Ended)
	}
	return strings.Join(words, " ")
}

// TestTimelineOfALongShellIsBounded: what is left out is counted, and the places that are kept are no more than the moments.
func TestTimelineOfALongShellIsBounded(t *testing.T) {
	var tl Timeline
	for i := range 5 * maxMoments {
		tl.add(time.Now(), recorder.Event{Code: recorder.Step, Data: fmt.Appendf(nil, `{"step":%d,"line":%d,"argv":["ls"]}`, i+1, i+1)})
		tl.add(time.Now(), recorder.Event{Code: recorder.Decision, Data: fmt.Appendf(nil, `{"verdict":"allow","step":%d}`, i+1)})
	}
	if len(tl.Moments) != maxMoments || len(tl.shell.steps) > maxMoments || tl.Omitted < 4*maxMoments {
		t.Errorf("%d moments, %d places, %d omitted", len(tl.Moments), len(tl.shell.steps), tl.Omitted)
	}
}
