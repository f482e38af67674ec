package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/answer"
	"gatehouse/recorder/audit"
)

// cmdStatus: status N is the exit status of the last client.
func cmdStatus(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: status N")
	}
	want, err := strconv.Atoi(args[0])
	if err == nil && s.last.status != want {
		return fmt.Errorf("status %d, want %d: %s", s.last.status, want, s.last.stderr)
	}
	return err
}

// lines checks an answer's form: its exit status, nothing on standard output, one line for people and one for programs on
// standard error. A terminal gets both on its screen.
func (s *scene) lines(status int, human, machine string, into any) error {
	text := s.last.stderr
	if s.last.screen {
		text = strings.ReplaceAll(s.last.stdout, "\r\n", "\n")
	} else if s.last.stdout != "" {
		return fmt.Errorf("standard output is not empty: %q", s.last.stdout)
	}
	if s.last.status != status {
		return fmt.Errorf("status %d, want %d: %s", s.last.status, status, text)
	}
	text = withoutWaiting(text)
	first, rest, _ := strings.Cut(text, "\n")
	second, rest, ended := strings.Cut(rest, "\n")
	if s.last.screen { // ssh's own last line
		rest = regexp.MustCompile(`^Connection to \S+ closed\.\s*$`).ReplaceAllString(rest, "")
	}
	body, ok := strings.CutPrefix(second, machine+" ")
	if !strings.HasPrefix(first, human) || !ok || !ended || rest != "" {
		return fmt.Errorf("want a line %q and a line %q, got %q", human, machine, text)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return fmt.Errorf("%s: %w", second, err)
	}
	if answer.Visible(first) != first {
		return fmt.Errorf("the human line has what a terminal may act upon: %q", first)
	}
	return conforms(machine, body)
}

// headings begin the human lines of denials that are none of policy's noes.
var headings = map[string]string{
	"needs_approval": "gatehouse: NEEDS APPROVAL (nothing ran): ",
	"dry_run":        "gatehouse: DRY RUN (nothing ran): ",

	"approval_pending":  "gatehouse: STILL WAITING for approval (nothing ran): ",
	"approval_declined": "gatehouse: DECLINED by a person (nothing ran): ",
	"approval_expired":  "gatehouse: NOT APPROVED IN TIME (nothing ran): ",
	"locked":            "gatehouse: LOCKED (nothing ran): ",
	"paused":            "gatehouse: PAUSED (nothing ran): ",
}

// cmdDenied: denied CODE [TEXT]: the last client got the denial contract, the reason holds TEXT, and the audit log has the
// denial.
func cmdDenied(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: denied CODE [TEXT]")
	}
	var d answer.Denial
	heading := headings[args[0]]
	if heading == "" {
		heading = "gatehouse: DENIED by policy (not a system fault): "
	}
	if err := s.lines(answer.ExitDenied, heading, "GATEHOUSE-DENIAL", &d); err != nil {
		return err
	}
	if d.V != answer.Version || d.Decision != "deny" || d.Code != args[0] || d.Why == "" || d.DenialID == "" || d.Advice == "" || d.Retryable != answer.Retryable(args[0]) {
		return fmt.Errorf("want code %s in a whole denial, got %+v", args[0], d)
	}
	if len(args) == 2 && !strings.Contains(d.Why, args[1]) {
		return fmt.Errorf("want %q in the reason %q", args[1], d.Why)
	}
	outcome := "deny"
	if args[0] == "needs_approval" {
		outcome = "ask"
	}
	return s.noted(func(e audit.Entry) bool {
		return e.Type == audit.Decision && e.Outcome == outcome && e.Session == d.Session && e.Session != "" && e.Reason == d.Why && strings.Contains(string(e.Data), `"`+args[0]+`"`)
	})
}

// cmdFault: fault CODE: the last client was told that something is unavailable, in one line, and the service's log has the
// cause under the same id.
func cmdFault(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: fault CODE")
	}
	var f answer.Fault
	if err := s.lines(answer.ExitUnavailable, "gatehouse: UNAVAILABLE: ", "GATEHOUSE-ERROR", &f); err != nil {
		return err
	}
	if f.V != answer.Version || f.Code != args[0] || f.Why == "" || f.ErrorID == "" {
		return fmt.Errorf("want code %s in a whole answer, got %+v", args[0], f)
	}
	return s.eventually(func() error {
		log := append(s.gate.Log()[s.logged:], "")
		for i, line := range log { // a cause of several lines begins on the next one
			if strings.Contains(line, "[ERROR]") && strings.Contains(line, f.ErrorID) && strings.Contains(line+log[min(i+1, len(log)-1)], "error=") {
				return nil
			}
		}
		return fmt.Errorf("the service's log does not explain %s", f.ErrorID)
	})
}

// cmdKilled: killed TEXT: the last client was told that its session was ended, with TEXT in the reason.
func cmdKilled(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: killed TEXT")
	}
	text := s.last.stderr + s.last.stdout
	if s.last.status != answer.ExitKilled || !strings.Contains(text, "gatehouse: KILLED: ") || !strings.Contains(text, "GATEHOUSE-KILLED {") || !strings.Contains(text, args[0]) {
		return fmt.Errorf("want status %d and a kill because of %q, got %d and %q", answer.ExitKilled, args[0], s.last.status, text)
	}
	_, line, _ := strings.Cut(text, "GATEHOUSE-KILLED ")
	line, _, _ = strings.Cut(line, "\n")
	return conforms("GATEHOUSE-KILLED", strings.TrimSuffix(line, "\r"))
}

// cmdBlocked: blocked CODE LINE: the line, sent over the open connection $CASE/mux, is denied with the code, and nothing arrived.
func cmdBlocked(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: blocked CODE LINE")
	}
	if err := cmdSSH(s, ts, []string{"bot", "-S", filepath.Join(s.work, "mux"), "mux", args[1]}); err != nil {
		return err
	}
	if err := cmdDenied(s, ts, args[:1]); err != nil {
		return err
	}
	return cmdNothingArrived(s, ts, nil)
}

// cmdRefused: refused [REGEXP]: the last client did not get past the door, for a reason that matches; it heard why, the audit
// log has it, and nothing arrived. Where there is no certificate at all, there is nothing to note: refused -unnoted.
func cmdRefused(s *scene, ts *testscript.TestScript, args []string) error {
	unnoted := len(args) > 0 && args[0] == "-unnoted"
	if unnoted {
		args = args[1:]
	}
	reason, err := regexp.Compile(strings.Join(args, " "))
	if err != nil {
		return err
	}
	if s.last.status != 255 || s.last.stdout != "" || !strings.Contains(s.last.stderr, "gatehouse: ") {
		return fmt.Errorf("want a refusal with a reason, got status %d, %q, %q", s.last.status, s.last.stdout, s.last.stderr)
	}
	if unnoted {
		if !reason.MatchString(s.last.stderr) {
			return fmt.Errorf("want a refusal because of %q, got %q", reason, s.last.stderr)
		}
		return cmdNothingArrived(s, ts, nil)
	}
	noted := s.noted(func(e audit.Entry) bool {
		return (e.Type == audit.ConnRefused || e.Type == audit.Decision) && e.Outcome == "deny" && reason.MatchString(e.Reason)
	})
	if noted != nil {
		return fmt.Errorf("%w; the client heard %q", noted, s.last.stderr)
	}
	return cmdNothingArrived(s, ts, nil)
}
