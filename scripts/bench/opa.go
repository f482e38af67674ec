package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"gatehouse/policy"
)

// ruleSets are the forms in which Open Policy Agent has the rules: a rule each, and one rule over data.
var ruleSets = [...]string{"rules", "data"}

// opa is a running scripts/bench/opa.
type opa struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	turns   *json.Encoder
	answers *json.Decoder
}

// opaTurn asks for timed answers.
type opaTurn struct {
	Set     string `json:"set"`
	Request int    `json:"request"`
	Times   int    `json:"times"`
}

// opaTaken is what it says.
type opaTaken struct {
	Allowed bool    `json:"allowed"`
	Nanos   []int64 `json:"nanos"`
}

// opaCommand is one command of a request, with what is known of the target.
type opaCommand struct {
	Agent    string            `json:"agent"`
	Target   string            `json:"target"`
	Login    string            `json:"login"`
	Argv     []string          `json:"argv"`
	Programs map[string]string `json:"programs"`
	Paths    map[string]string `json:"paths"`
}

// buildOPA builds the program, which is a module of its own.
func buildOPA(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "opa")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	cmd.Dir = filepath.Join("scripts", "bench", "opa")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", cmd.Dir, err, out)
	}
	return binary, nil
}

// startOPA starts it with rules and requests, and waits until it has read them. It dies with this process.
func startOPA(ctx context.Context, binary string, book rulebook, cases []decisionCase) (*opa, error) {
	a := &opa{cmd: exec.CommandContext(ctx, binary)}
	a.cmd.Stderr = os.Stderr
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Open Policy Agent: %w", err)
	}
	a.turns, a.answers = json.NewEncoder(a.in), json.NewDecoder(out)
	requests := make([][]opaCommand, len(cases))
	for i, c := range cases {
		requests[i] = opaCommands(c.request)
	}
	if err := a.ask(map[string]any{"rules": book.rules, "requests": requests}, &struct{}{}); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func opaCommands(r policy.Request) []opaCommand {
	programs, paths := map[string]string{}, map[string]string{}
	for name, fact := range r.Facts.Programs {
		programs[name] = fact.Path
	}
	for name, fact := range r.Facts.Paths {
		paths[name] = fact.Real
	}
	var commands []opaCommand
	for _, argv := range r.Plan.Commands() {
		commands = append(commands, opaCommand{r.Identity.Name, r.Target, string(r.Login), argv, programs, paths})
	}
	return commands
}

func (a *opa) ask(question, answer any) error {
	if err := a.turns.Encode(question); err != nil {
		return fmt.Errorf("ask Open Policy Agent: %w", err)
	}
	if err := a.answers.Decode(answer); err != nil {
		return fmt.Errorf("answer of Open Policy Agent: %w", err)
	}
	return nil
}

// take has it answer one request so many times by one rule set.
func (a *opa) take(set string, request, times int) (opaTaken, error) {
	var t opaTaken
	return t, a.ask(opaTurn{set, request, times}, &t)
}

func (t opaTaken) micros() []float64 {
	list := make([]float64, len(t.Nanos))
	for i, n := range t.Nanos {
		list[i] = float64(n) / 1000
	}
	return list
}

// close ends it: at the end of its input it stops.
func (a *opa) close() error {
	return errors.Join(a.in.Close(), a.cmd.Wait())
}
