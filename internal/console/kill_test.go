package console

import (
	"errors"
	"strings"
	"testing"
)

func TestKillSaysWhatIsNotKnown(t *testing.T) {
	d := newDesk(t)
	live, _, _ := d.some()
	out, errs, code := d.run("kill", live.ID[:16], "--reason", "  leaks customer data ")
	if code != 0 || !strings.Contains(out, "UNCONFIRMED") || !strings.Contains(out, live.ID) {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
	want := KillOrder{Session: live.ID, Reason: "leaks customer data"}
	if o := d.orders[0]; o.Session != want.Session || o.Reason != want.Reason || o.By.Principal != "person:ann" {
		t.Errorf("the door was told %+v", o)
	}
}

func TestKillNeedsAReasonInOneLine(t *testing.T) {
	d := newDesk(t)
	live, _, _ := d.some()
	for _, reason := range []string{"", "   ", "two\nlines", "esc\x1b[2J", "bidi\u202e", strings.Repeat("x", 501)} {
		_, err := d.Console.Kill(t.Context(), ann, KillChoice{Session: live.ID}, reason)
		if !errors.Is(err, ErrReason) {
			t.Errorf("%.20q: %v", reason, err)
		}
	}
	if len(d.orders) != 0 || len(d.took()) != 0 {
		t.Error("a kill without a reason went on")
	}
}
