package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// checkExec: standard output and standard error come apart.
func checkExec(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 0, "out\n", "exec", "say out err")
	if err == nil && r.stderr != "err\n" {
		err = fmt.Errorf("standard error is %q", tail(r.stderr))
	}
	return err
}

// checkStatus: the command's status is the client's.
func checkStatus(ctx context.Context, s *seat) error {
	for _, n := range []int{0, 1, 77, 124, 254, 255} {
		if _, err := s.want(ctx, call{}, n, "", "exec", fmt.Sprint("leave ", n)); err != nil {
			return err
		}
	}
	return nil
}

// checkDenied: 126, both lines of the denial on standard error, nothing on standard output.
func checkDenied(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 126, "", "exec", "rm -rf /")
	if err != nil {
		return err
	}
	if r.stdout != "" {
		return fmt.Errorf("a denial printed %q on standard output", tail(r.stdout))
	}
	return r.says("gatehouse: DENIED by policy", `GATEHOUSE-DENIAL {"v":1`)
}

// checkFallen: a command that a signal ended does not look like one that went well.
func checkFallen(ctx context.Context, s *seat) error {
	r, err := s.do(ctx, call{}, "exec", "fall TERM")
	switch {
	case err != nil:
		return err
	case r.na != "":
		return &naError{r.na}
	case r.status == 0 || r.stdout != "falling\n":
		return fmt.Errorf("a command that SIGTERM ended looks well, or never began: %w", &refusalError{r.stdout + r.stderr})
	}
	return nil
}

// checkOutput: every byte of 32 MiB.
func checkOutput(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 0, "", "exec", "emit")
	if err == nil {
		err = same(r.stdout, s.bigSum)
	}
	return err
}

func same(text, sum string) error {
	got := sha256.Sum256([]byte(text))
	if hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("%d bytes came with another hash", len(text))
	}
	return nil
}

// checkInput: every byte of 8 MiB, and its end.
func checkInput(ctx context.Context, s *seat) error {
	input, err := os.ReadFile(s.input)
	if err != nil {
		return err
	}
	_, err = s.want(ctx, call{stdin: bytes.NewReader(input)}, 0, s.inputSum+"  -\n", "exec", "digest")
	return err
}

// checkHalfClose: the client's input ends, and the output that comes after it arrives.
func checkHalfClose(ctx context.Context, s *seat) error {
	_, err := s.want(ctx, call{stdin: strings.NewReader("12345")}, 9, "got 5\nafter\n", "exec", "reply")
	return err
}

// checkEnv: a variable that a role lists arrives; one that none lists does not, and does not stop the command.
func checkEnv(ctx context.Context, s *seat) error {
	r, err := s.want(ctx, call{}, 0, "", "env", "show-env", "APP_MODE=blue", "LD_PRELOAD=/x.so")
	if err != nil {
		return err
	}
	lines := strings.Split(r.stdout, "\n")
	if !contains(lines, "APP_MODE=blue") || strings.Contains(r.stdout, "LD_PRELOAD") {
		return fmt.Errorf("the command's environment: %s", tail(r.stdout))
	}
	return nil
}

func contains(lines []string, want string) bool {
	for _, l := range lines {
		if strings.TrimSpace(l) == want {
			return true
		}
	}
	return false
}

func splitLines(text string) []string { return strings.Split(text, "\n") }
