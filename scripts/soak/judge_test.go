package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// life makes samples of one life whose door grows by so much from one to the next.
func life(n int, grows float64) []sample {
	var out []sample
	for i := range n {
		out = append(out, sample{at: time.Unix(int64(i), 0), pids: "1 2 3 ", values: map[string]float64{"door rss MiB": 50 + grows*float64(i), "door descriptors": 40, "data MiB": float64(i * 100)}})
	}
	return out
}

// TestFlat: what stays and what jumps is flat, what grows is named, what was measured before the last start does not count, and too little is no
// verdict.
func TestFlat(t *testing.T) {
	old := sample{at: time.Unix(0, 0), pids: "7 8 9 ", values: map[string]float64{"door rss MiB": 1}}
	jump := life(100, 0)
	jump[90].values["door rss MiB"] = 5000
	for name, c := range map[string]struct {
		samples []sample
		want    string
	}{
		"flat": {life(100, 0.1), ""}, "a jump": {jump, ""}, "another life": {append([]sample{old}, life(100, 0)...), ""},
		"grows": {life(100, 2), "door rss MiB grows"}, "too few": {life(10, 0), "too few"}, "none": {nil, "nothing was measured"},
	} {
		s := &soak{samples: c.samples, begun: time.Unix(0, 0)}
		got := strings.Join(s.flat(), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestJudgeIndex: a session without an end, and one that is there twice.
func TestJudgeIndex(t *testing.T) {
	good := []row{{ID: "a", Command: "emit tk1 1 1", State: "ended"}, {ID: "b", Command: "/bin/false", State: "ended"}, {ID: "c", Command: "/bin/false", State: "failed"}}
	if got := judgeIndex(good); len(got) != 0 {
		t.Errorf("good ones: %q", got)
	}
	bad := append(good, row{ID: "d", Command: "emit tk1 1 1", State: "ended"}, row{ID: "e", Command: "x", State: "live"})
	if got := judgeIndex(bad); len(got) != 2 {
		t.Errorf("bad ones: %q", got)
	}
}

// TestRounds: a status that is not the wanted one is wrong, but where a fault was; an output that was not sent, and a status
// that no fault explains, are wrong always.
func TestRounds(t *testing.T) {
	now := time.Now()
	over := window{kind: "x", from: now.Add(-time.Hour), to: now.Add(-time.Hour)}
	lasting := window{kind: "x", from: now.Add(-time.Minute)}
	for name, c := range map[string]struct {
		out     outcome
		windows []window
		want    tally
	}{
		"right": {outcome{want: 3, got: 3}, []window{over}, tally{Right: 1}}, "cut off": {outcome{want: 3, got: 255}, []window{lasting}, tally{Excused: 1}},
		"cut off by nothing": {outcome{want: 3, got: 255}, []window{over}, tally{Wrong: 1}}, "another status": {outcome{want: 3, got: 4}, []window{lasting}, tally{Wrong: 1}},
		"another output": {outcome{want: 3, got: 3, wrong: "x"}, []window{lasting}, tally{Wrong: 1}},
	} {
		s := &soak{windows: c.windows}
		s.do(t.Context(), kind{name: "k", round: func(_ context.Context, _ *job) outcome { return c.out }}, &job{token: "tk"})
		st := &state{Rounds: map[string]*tally{}, Faults: map[string]int{}}
		st.add(s, nil)
		if got := *st.Rounds["k"]; got != c.want || (c.want.Wrong == 1) != (len(s.problems) == 1) {
			t.Errorf("%s: %+v with %q, want %+v", name, got, s.problems, c.want)
		}
	}
	for _, c := range []struct {
		out       outcome
		got, want string
		wrong     bool
	}{
		{outcome{}, "abc", "abc", false}, {outcome{}, "ab", "abc", true}, {outcome{got: 255}, "ab", "abc", false}, {outcome{got: 255}, "x", "abc", true},
		{outcome{got: 75}, "agatehouse: UNAVAILABLE", "abc", false}, {outcome{}, "", "", false},
	} {
		if got := whole(c.out, c.got, c.want); (got.wrong != "") != c.wrong {
			t.Errorf("%q of %q: %q", c.got, c.want, got.wrong)
		}
	}
}

// TestState: a run goes on where it was, and with another seed not at all.
func TestState(t *testing.T) {
	o := options{dir: t.TempDir(), seed: 5}
	st, err := loadState(o)
	if err != nil {
		t.Fatal(err)
	}
	st.Elapsed, st.Legs, st.Rounds["exec"], st.Violations = time.Minute, 2, &tally{Right: 3}, []string{"x"}
	if err := st.save(o.dir); err != nil {
		t.Fatal(err)
	}
	again, err := loadState(o)
	if err != nil || again.Elapsed != time.Minute || again.Legs != 2 || *again.Rounds["exec"] != (tally{Right: 3}) {
		t.Errorf("%+v, %v", again, err)
	}
	if err := again.verdict(o.dir, true); err == nil || !strings.Contains(fmt.Sprint(err), "-seed 5") {
		t.Errorf("the verdict on a violation: %v", err)
	}
	o.seed = 6
	if _, err := loadState(o); err == nil {
		t.Error("another seed goes on")
	}
}
