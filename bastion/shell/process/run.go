package process

import (
	"context"
	"net"
)

// Prompt is what runs where a shell begins with neither a line nor a script: package prompt's. It returns the shell's status.
type Prompt func(ctx context.Context, s *Shell) int

// Run speaks over conn until the shell has ended, and returns its status. prompt may be nil: then a prompt is refused.
func Run(ctx context.Context, conn net.Conn, prompt Prompt) int {
	return run(ctx, conn, prompt)
}
