// Command opa answers, by Open Policy Agent, the questions that bench puts to Gatehouse's policy: the same rules, the same
// requests. It is a module of its own, so that Gatehouse's stays small. bench builds it, and talks to it by lines of JSON on
// its standard input and output: first load, then any number of turns.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// load is the first line: the rules, and the requests, each of one or more commands.
type load struct {
	Rules    []rule      `json:"rules"`
	Requests [][]command `json:"requests"`
}

// turn asks for so many timed answers to one request by one rule set.
type turn struct {
	Set     string `json:"set"`
	Request int    `json:"request"`
	Times   int    `json:"times"`
}

// taken are the nanoseconds of each answer, all of which were Allowed.
type taken struct {
	Allowed bool    `json:"allowed"`
	Nanos   []int64 `json:"nanos"`
}

func main() {
	if err := serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "opa:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	var l load
	if err := lines.Decode(&l); err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	sets, err := prepare(ctx, l.Rules)
	if err != nil {
		return err
	}
	requests, err := parse(l.Requests)
	if err != nil {
		return err
	}
	if err := answers.Encode(struct{}{}); err != nil {
		return err
	}
	for {
		var t turn
		switch err := lines.Decode(&t); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read a turn: %w", err)
		}
		set, known := sets[t.Set]
		if !known || t.Request < 0 || t.Request >= len(requests) {
			return fmt.Errorf("no set %q or request %d", t.Set, t.Request)
		}
		answer, err := take(ctx, set, requests[t.Request], t.Times)
		if err != nil {
			return err
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

// parse makes each command what a query takes, so that this is not in the times.
func parse(requests [][]command) ([][]ast.Value, error) {
	parsed := make([][]ast.Value, len(requests))
	for i, commands := range requests {
		for _, c := range commands {
			value, err := ast.InterfaceToValue(c)
			if err != nil {
				return nil, fmt.Errorf("request %d: %w", i, err)
			}
			parsed[i] = append(parsed[i], value)
		}
	}
	return parsed, nil
}

// take times answers to one request: it is allowed if each of its commands is.
func take(ctx context.Context, set query, commands []ast.Value, times int) (taken, error) {
	t := taken{Nanos: make([]int64, times)}
	for i := range times {
		begun := time.Now()
		t.Allowed = true
		for _, c := range commands {
			allowed, err := set.allows(ctx, c)
			if err != nil {
				return t, err
			}
			t.Allowed = t.Allowed && allowed
		}
		t.Nanos[i] = time.Since(begun).Nanoseconds()
	}
	return t, nil
}
