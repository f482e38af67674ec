package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/prompt"
	"gatehouse/internal/confine"
)

// socketFD is the process's one descriptor, beside standard error, which the supervisor reads.
const socketFD = 3

// What a process may take. The stack is what the parser and functions that call themselves may use.
const (
	maxStack = 64 << 20
	maxHeap  = 128 << 20 // where the collector works harder; confine.Shell has the bound
)

// Helper runs what this process was started as, if that is a shell's. Programs that have a Server call it before anything else and exit
// with the code; so do the tests.
func Helper(args []string) (code int, is bool) {
	alone, is := startedAs(args, name)
	if !is {
		return 0, false
	}
	conn, err := Enter(alone)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return process.Run(context.Background(), conn, prompt.Run), true
}

// startedAs reports whether start has started a process as a program, and whether its user is its alone.
func startedAs(args []string, program string) (alone, is bool) {
	switch {
	case len(args) == 1:
		return false, args[0] == program
	case len(args) == 2 && args[1] == ownUser:
		return true, args[0] == program
	}
	return false, false
}

// Enter takes away what a shell's process does not need, for ever, and returns its connection to the door. alone says that no other process
// has its user.
func Enter(alone bool) (net.Conn, error) {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(maxHeap)
	socket := os.NewFile(socketFD, "door")
	conn, err := net.FileConn(socket)
	_ = socket.Close()
	if err != nil {
		return nil, fmt.Errorf("use the shell's socket: %w", err)
	}
	os.Clearenv()
	if err := yieldToOthers(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := confine.Shell(alone); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// behind is how far a shell's process stands behind the door for the processor: in setpriority's numbers.
const behind = 10

// yieldToOthers makes a shell's process the one that waits where the processor is short, and the one that the kernel ends where memory is.
func yieldToOthers() error {
	if err := unix.Setpriority(unix.PRIO_PGRP, 0, behind); err != nil {
		return fmt.Errorf("lower a shell's priority: %w", err)
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make a shell the first to go: %w", err) // where it is not its own to say, all are alike
	}
	return nil
}
