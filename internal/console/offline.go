package console

import (
	"context"
	"io"
	"time"

	"gatehouse/recorder"
)

// Offline reads a recording that lies on this machine: nobody is asked, because whoever has the file and its key has it all.
// What is shown cannot drive the terminal.
type Offline struct {
	Recording *recorder.Reader
	Std       Streams
}

// Play shows the recording at the speed it happened, speed times faster, with pauses cut to skipIdle (0: kept).
func (o Offline) Play(ctx context.Context, speed float64, skipIdle time.Duration) error {
	if !(speed >= 0.1 && speed <= 1000) {
		return usagef("--speed takes a number from 0.1 to 1000")
	}
	if skipIdle < 0 {
		return usagef("--skip-idle takes a time above zero")
	}
	in := o.invocation(ctx)
	return in.screen(ctx, &Playback{Recording: o.Recording, Events: o.Recording.Events()}, &pacer{speed: speed, idle: skipIdle})
}

// Show writes who the session was, and its timeline.
func (o Offline) Show(ctx context.Context, json bool) error {
	in, h, t := o.invocation(ctx), o.Recording.Header(), timelineOf(o.Recording, o.Recording.Events())
	if json {
		return in.printJSON(struct {
			Header   recorder.Header `json:"header"`
			End      *recorder.End   `json:"end,omitempty"`
			Timeline Timeline        `json:"timeline"`
		}{h, o.Recording.End(), t})
	}
	in.printf("%s\n\n", Visible(h.Session))
	facts := []Fact{{"identity", h.Identity}, {"owner", h.Owner}, {"task", h.Task}, {"target", h.Login + "@" + h.Target}, {"started", Stamp(h.Started)}, {"encrypted", h.Recipients}}
	if end := o.Recording.End(); end != nil {
		facts = append(facts, Fact{"state", end.State}, Fact{"exit", exitText(end.Exit, end.Signal)}, Fact{"reason", end.Reason})
	}
	for _, f := range facts {
		if f.Value != "" {
			in.printf("  %-11s %s\n", f.Name, Visible(f.Value))
		}
	}
	in.println()
	printTimeline(in, t)
	return nil
}

// Export writes the recording in a format; Raw is none that it can be exported to once more.
func (o Offline) Export(w io.Writer, format Format) error {
	if _, ok := formats[format]; !ok || format == Raw {
		return usagef("format %q: want asciicast-v2, asciicast-v3, text or json", string(format))
	}
	p := &Playback{Session: Session{ID: o.Recording.Header().Session}, Recording: o.Recording, Events: o.Recording.Events()}
	return p.write(w, format)
}

func (o Offline) invocation(ctx context.Context) *invocation {
	return &invocation{ctx: ctx, std: o.Std, out: o.Std.Out, errs: o.Std.Err}
}
