package recorder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Followers that start at any time, fast or slow, see every event once and in order; the recording does not wait for them.
func TestFollow(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	const events = 6000
	filler := strings.Repeat("x", 300)
	var wg sync.WaitGroup
	gate := make(chan struct{}) // held shut until the recording is over
	follow := func(slow bool) {
		defer wg.Done()
		n := 0
		for e, err := range r.Follow(t.Context(), testSession) {
			if err != nil {
				t.Errorf("follow: %v", err)
				return
			}
			if want := fmt.Sprintf("%d %s", n, filler); string(e.Data) != want {
				t.Errorf("event %d is %.12q", n, e.Data)
				return
			}
			if n++; slow && n == 10 {
				<-gate
			}
		}
		if n != events {
			t.Errorf("follower (slow %v) saw %d of %d events", slow, n, events)
		}
	}
	for i := range events {
		if i%1000 == 0 {
			wg.Add(2)
			go follow(false)
			go follow(true)
		}
		mustWrite(t, rec, Output, fmt.Sprintf("%d %s", i, filler))
	}
	mustClose(t, rec)
	close(gate)
	wg.Wait()
	wg.Add(1)
	follow(false)
}

// A follower sees an event before the disk does.
func TestFollowIsLive(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, "first")
	for e, err := range r.Follow(t.Context(), testSession) {
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Data) == "second" {
			break
		}
		mustWrite(t, rec, Output, "second")
	}
	mustClose(t, rec)
}

func TestFollowEnds(t *testing.T) {
	r, _ := newTestRecorder(t, t.TempDir())
	rec := openTest(t, r, testSession)
	mustWrite(t, rec, Output, "x")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	left := errors.New("the viewer left")
	var err error
	for _, err = range r.Follow(ctx, testSession) {
		cancel(left)
	}
	if !errors.Is(err, left) {
		t.Errorf("follow after cancel: %v", err)
	}
	broken := errors.New("disk")
	rec.fail(broken)
	for _, err = range r.Follow(t.Context(), testSession) {
	}
	if !errors.Is(err, broken) {
		t.Errorf("follow of a failed recording: %v", err)
	}
	if _, err := rec.Close(t.Context(), End{}); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
}
