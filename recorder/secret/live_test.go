package secret

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gatehouse/recorder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// step is an event that comes some time after the one before it.
type step struct {
	after time.Duration
	data  string
}

// coming yields events at their times, and then waits for its context.
func coming(steps []step) func(context.Context) iter.Seq2[recorder.Event, error] {
	return func(ctx context.Context) iter.Seq2[recorder.Event, error] {
		return func(yield func(recorder.Event, error) bool) {
			for _, s := range steps {
				time.Sleep(s.after)
				if !yield(recorder.Event{Code: recorder.Output, Data: []byte(s.data)}, nil) {
					return
				}
			}
			<-ctx.Done()
			yield(recorder.Event{}, context.Cause(ctx))
		}
	}
}

// watch returns what a viewer has seen after a time, each piece with when it came.
func watch(t *testing.T, steps []step, during time.Duration) (seen []string) {
	t.Helper()
	d := detector(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), during)
		defer cancel()
		for e, err := range d.Live(ctx, screen, coming(steps)) {
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				return
			}
			seen = append(seen, fmt.Sprintf("%v %s", time.Since(began), e.Data))
		}
		t.Error("the events ended without their error")
	})
	return seen
}

func TestLiveHoldsALineUntilItEnds(t *testing.T) {
	secret := "gh" + "p_" + draw(all62, 36)
	seen := watch(t, []step{{0, "see " + secret[:20]}, {100 * time.Millisecond, secret[20:]}, {100 * time.Millisecond, "\r\n"}, {time.Second, "next\r\n"}}, time.Minute)
	want := []string{"200ms see " + strings.Repeat("*", 20), "200ms " + strings.Repeat("*", 20), "200ms \r\n", "1.2s next\r\n"}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("%q", seen)
	}
}

func TestLiveHoldsNothingLongerThanItSays(t *testing.T) {
	seen := watch(t, []step{{0, "$ "}, {250 * time.Millisecond, "l"}, {100 * time.Millisecond, "s"}}, time.Minute)
	if want := []string{"300ms $ ", "550ms l", "650ms s"}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("%q", seen)
	}
}

// A secret that is typed is shown no further than what says that it is one.
func TestLiveHidesWhatBeginsASecret(t *testing.T) {
	opens := map[string]bool{}
	for _, r := range rules {
		opens[r.name] = opens[r.name] || r.open != nil
	}
	for _, s := range samples() {
		var typed []step
		for _, c := range strings.Split("x "+s.before+s.secret+s.after, "") {
			typed = append(typed, step{40 * time.Millisecond, c})
		}
		var shown strings.Builder
		for _, piece := range watch(t, append(typed, step{time.Second, "\r\n"}), time.Minute) {
			_, text, _ := strings.Cut(piece, " ")
			shown.WriteString(text)
		}
		got, ok := strings.CutPrefix(shown.String(), "x "+s.before)
		if !ok || strings.Contains(got, s.secret) {
			t.Errorf("%s: %q", s.rule, got)
		}
		if opens[s.rule] && strings.Count(got, "*") < len(s.secret)*3/4 {
			t.Errorf("%s: much of it was shown: %q", s.rule, got)
		}
	}
}

// A flood without any end of a line is looked at now and then, not with every event, and nothing is held too long.
func TestLiveKeepsUpWithAFlood(t *testing.T) {
	var flood []step
	for range 3000 {
		flood = append(flood, step{time.Millisecond, "x"})
	}
	for i, piece := range watch(t, flood, time.Minute) {
		at, err := time.ParseDuration(strings.Fields(piece)[0])
		came := time.Duration(i+1) * time.Millisecond
		if err != nil || at-came > liveHold || at-came < liveHold-liveBatch {
			t.Fatalf("event %d came after %v and was shown after %v", i, came, at)
		}
	}
}

func TestLiveEndsWhenItsReaderDoes(t *testing.T) {
	d := detector(t)
	synctest.Test(t, func(t *testing.T) {
		for range d.Live(t.Context(), screen, coming([]step{{0, "a\n"}, {time.Second, "b\n"}})) {
			break
		}
	}) // which fails if a goroutine is left
}
