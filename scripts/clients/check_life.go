package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// patience is how long something that must come is waited for.
const patience = 30 * time.Second

// newest is the id of this client's latest session, "" if it has had none.
func (s *seat) newest(ctx context.Context) (string, error) {
	r, err := s.gate.SSH(ctx, "ann", nil, "gatehouse", "sessions list --json --agent "+s.name)
	if err != nil || r.Status != 0 {
		return "", errors.Join(fmt.Errorf("list sessions: %s", tail(r.Stderr)), err)
	}
	var list struct{ Sessions []struct{ ID string } }
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
		return "", fmt.Errorf("list sessions: %w", err)
	}
	if len(list.Sessions) == 0 {
		return "", nil
	}
	return list.Sessions[0].ID, nil
}

// await waits until a driver that is at work has printed a text.
func (r *running) await(text string) error {
	deadline := time.Now().Add(patience)
	for !strings.Contains(r.stdout.String(), text) {
		if time.Now().After(deadline) || exists(r.verdict) || r.cmd.ProcessState != nil {
			return fmt.Errorf("%q did not print %q: %s %s", r.words, text, tail(r.stdout.String()), tail(r.stderr.String()))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// checkKilled: a person ends the session; the client hears why, and 137.
func checkKilled(ctx context.Context, s *seat) error {
	r, err := s.start(ctx, call{}, "exec", "hold")
	if err != nil {
		return err
	}
	err = r.await("ready")
	if err == nil {
		err = s.kill(ctx)
	}
	out, finished := r.finish()
	switch {
	case out.na != "":
		return &naError{out.na}
	case err != nil || finished != nil:
		return errors.Join(err, finished)
	case out.status != 137:
		return fmt.Errorf("status %d, want 137: %w", out.status, &refusalError{out.stdout + out.stderr})
	}
	return out.says("ended by person:ann: matrix", "GATEHOUSE-KILLED ")
}

// kill ends what this client has running.
func (s *seat) kill(ctx context.Context) error {
	r, err := s.gate.SSH(ctx, "ann", nil, "gatehouse", "kill --agent "+s.name+" --reason matrix")
	if err == nil && r.Status != 0 {
		err = fmt.Errorf("kill: %s%s", r.Stdout, r.Stderr)
	}
	return err
}

// checkSignal: the client sends TERM by the protocol, and the command catches it.
func checkSignal(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 6, "", "signal", "TERM", "trapper")
	if err != nil {
		return err
	}
	return r.says("ready", "caught")
}

// checkPTY: the terminal has the size that the client says, and another after a resize.
func checkPTY(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 5, "", "pty", "size", "101", "37", "91", "29")
	if err != nil {
		return err
	}
	return r.says("37 101", "29 91")
}

// checkMany: 200 commands one after the other on one connection, each with its own status.
func checkMany(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 0, "", "many", "200")
	if err != nil {
		return err
	}
	got := strings.Fields(r.stdout)
	if len(got) != 200 {
		return fmt.Errorf("%d statuses came back: %s", len(got), tail(r.stdout+r.stderr))
	}
	for i, text := range got {
		if text != strconv.Itoa(i) {
			return fmt.Errorf("command %d ended with %s", i, text)
		}
	}
	return nil
}

// checkChannels: eight commands run on one connection at the same time; each gets its own input and gives its own output.
func checkChannels(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 0, "", "channels", "8")
	if err != nil {
		return err
	}
	want := ""
	for i := range 8 {
		want += fmt.Sprintf("ready\nchannel %d\n", i)
	}
	if r.stdout != want {
		return fmt.Errorf("came back: %s", tail(r.stdout+r.stderr))
	}
	return nil
}

var rekeys = regexp.MustCompile(`(?m)^rekeys (\d+)\r?$`)

// checkRekey: new keys at least three times while 8 MiB go up and 32 MiB come down, and every byte arrives.
func checkRekey(ctx context.Context, s *seat) error {
	input, err := os.ReadFile(s.input)
	if err != nil {
		return err
	}
	r, err := s.want(ctx, call{stdin: bytes.NewReader(input)}, 0, "", "rekey", "swap")
	if err != nil {
		return err
	}
	m := rekeys.FindStringSubmatch(r.stderr)
	if m == nil {
		return fmt.Errorf("no number of rekeys: %s", tail(r.stderr))
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 3 {
		return fmt.Errorf("%s rekeys, want 3 or more", m[1])
	}
	return same(r.stdout, s.bigSum)
}
