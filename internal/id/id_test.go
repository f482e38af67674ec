package id

import (
	"testing"
	"time"
)

func TestNewIsValidAndTimed(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, int(3*time.Millisecond), time.UTC)
	s := New(Session, now)
	if !Valid(Session, s) || Valid(Connection, s) {
		t.Fatalf("Valid wrong for %q", s)
	}
	if at, ok := Time(s); !ok || !at.Equal(now) {
		t.Fatalf("Time(%q) = %v, %v; want %v", s, at, ok, now)
	}
}

func TestValidRefuses(t *testing.T) {
	for _, s := range []string{"", "ses_", "ses_short", "ses_01ARZ3NDEKTSV4RRFFQ69G5FA!", "ses01ARZ3NDEKTSV4RRFFQ69G5FAV", "../ses_01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		if Valid(Session, s) {
			t.Errorf("Valid(%q) = true", s)
		}
	}
}
