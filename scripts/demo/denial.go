package main

import (
	"context"
	"encoding/json"
	"strings"
)

// denied is a step that tries a line and expects the denial contract: exit status 126, nothing on standard output, one
// line for people and one for programs with this code.
func denied(line, code string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		r, err := w.ssh(ctx, "demo-bot", web1, line)
		if err != nil {
			return err
		}
		w.screen.check("exit status 126 and no output", r.Status == 126 && r.Stdout == "", describe(r))
		person, program, ok := splitDenial(r.Stderr)
		w.screen.check("one line says so to people", strings.HasPrefix(person, "gatehouse: DENIED by policy"), r.Stderr)
		w.screen.check("one line says so to programs: "+code, ok && program.Code == code && program.Decision == "deny", r.Stderr)
		return nil
	}
}

type denial struct {
	Decision string `json:"decision"`
	Code     string `json:"code"`
}

// splitDenial takes the two lines of a denial apart; anything more or less is not ok.
func splitDenial(stderr string) (person string, program denial, ok bool) {
	person, rest, _ := strings.Cut(stderr, "\n")
	body, found := strings.CutPrefix(rest, "GATEHOUSE-DENIAL ")
	if !found || strings.Count(rest, "\n") != 1 {
		return person, denial{}, false
	}
	return person, program, json.Unmarshal([]byte(body), &program) == nil
}
