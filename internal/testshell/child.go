package testshell

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

	"gatehouse/bastion/shell/process"
)

// childMark is the name under which a program starts itself as a shell's process.
const childMark = "testshell-process"

// IsChild runs the shell's process and ends, where the program was started by Apart. Call it first in main.
func IsChild() {
	if os.Args[0] != childMark {
		return
	}
	f := os.NewFile(3, "door")
	conn, err := net.FileConn(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(75)
	}
	_ = f.Close()
	process.Run(context.Background(), conn, nil)
	os.Exit(0)
}

// Apart runs the shell's process as a child of its own, so that its panic ends no more than the case.
func Apart(ctx context.Context, conn net.Conn) (func(), error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	own, its := os.NewFile(uintptr(fds[0]), "own"), os.NewFile(uintptr(fds[1]), "its")
	socket, err := net.FileConn(own)
	_ = own.Close()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{childMark}
	cmd.Env = []string{"GOMEMLIMIT=512MiB"}
	cmd.ExtraFiles = []*os.File{its}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = its.Close()
	done := make(chan struct{})
	go func() { _, _ = io.Copy(socket, conn); _ = socket.Close() }()
	go func() { defer close(done); _, _ = io.Copy(conn, socket); _ = conn.Close() }()
	return func() { _ = socket.Close(); _ = cmd.Wait(); <-done }, nil
}
