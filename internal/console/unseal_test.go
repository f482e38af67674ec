package console

import (
	"errors"
	"slices"
	"testing"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/seal"
)

// What was sealed comes in the order in which it was sent, and what is missing or moved is said, never skipped.
func TestSealedInputIsOpenedInOrder(t *testing.T) {
	d := newDesk(t)
	d.rights = []string{"view", "unmask"}
	id := id.New(id.Session, d.now)
	must(t, d.store.Put(t.Context(), store.Session{ID: id, Identity: "agent:bot", Target: "web-1", Login: "deploy", State: store.Ended, Started: d.now}))
	rec, err := d.recorder.Open(t.Context(), recorder.Header{Session: id, PTY: true})
	must(t, err)
	for _, step := range []struct {
		code recorder.Code
		text string
	}{{recorder.Input, "l"}, {recorder.Output, "l"}, {recorder.Input, "s\r"}, {recorder.Output, "s\r\nx\r\n"}, {recorder.Input, "hunter2\r"}, {recorder.Output, "\r\n"}} {
		must(t, rec.Write(step.code, []byte(step.text)))
	}
	_, err = rec.Close(t.Context(), recorder.End{State: "ended"})
	must(t, err)
	open, err := d.Unmasked("to see it")
	must(t, err)
	p, err := open.Play(t.Context(), ann, id)
	must(t, err)
	defer p.Close()
	var events []recorder.Event
	var got string
	for e, err := range p.Events {
		must(t, err)
		if e.Code == recorder.Input {
			got += string(e.Data)
		}
	}
	if got != "ls\rhunter2\r" {
		t.Errorf("opened %q", got)
	}
	again, err := d.recorder.Read(id)
	must(t, err)
	defer again.Close()
	for e, err := range again.Events() {
		must(t, err)
		events = append(events, recorder.Event{At: e.At, Code: e.Code, Data: slices.Clone(e.Data)})
	}
	for what, broken := range map[string][]recorder.Event{
		"without its key": without(events, recorder.InputKey, 0), "the first missing": without(events, recorder.Sealed, 0), "one in the middle missing": without(events, recorder.Sealed, 1),
	} {
		var last error
		for _, err := range open.unsealed(t.Context(), ann, id, func(yield func(recorder.Event, error) bool) {
			for _, e := range broken {
				if !yield(e, nil) {
					return
				}
			}
		}) {
			last = err
		}
		if !errors.Is(last, seal.ErrSealed) {
			t.Errorf("%s: %v", what, last)
		}
	}
}

// without leaves out the n-th event of a code.
func without(events []recorder.Event, code recorder.Code, n int) []recorder.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e recorder.Event) bool {
		if e.Code != code {
			return false
		}
		n--
		return n == -1
	})
}
