package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
)

// ReloadCmd reads policy and targets again, and what of gatehouse.yaml can change while the service runs.
type ReloadCmd struct{ ConfigFlag }

// Run says what is in force; what is on disk and not valid is exit 1.
func (c *ReloadCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var r protocol.Reloaded
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpReload, protocol.Empty{}, &r)
	})
	if err != nil {
		return err
	}
	fmt.Printf("in force: %s\n", r.PolicyHash)
	if pid, err := supervisorPID(settings); err == nil { // else there is no service to tell
		if err := unix.Kill(pid, unix.SIGHUP); err != nil {
			return fmt.Errorf("tell the service to read gatehouse.yaml again: %w", err)
		}
	}
	if r.Problem != "" {
		return &exitError{exitNo, fmt.Errorf("the files on disk are NOT in force: %s", r.Problem)}
	}
	return nil
}

// errNoService is returned where no service runs here.
var errNoService = errors.New("no service runs here")

// supervisorPID is the service's process: the one that made the socket of the local administrators, as the kernel has it. No
// other process' word is taken.
func supervisorPID(settings config.Config) (int, error) {
	conn, err := net.Dial("unix", supervisor.AdminSocket(settings.Data))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoService, err)
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if asked != nil {
		return 0, fmt.Errorf("whose socket it is: %w", asked)
	}
	return int(cred.Pid), nil
}
