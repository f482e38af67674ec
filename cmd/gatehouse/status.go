package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/doctor"
	"gatehouse/internal/supervisor"
)

// StatusCmd says how the service on this machine is.
type StatusCmd struct {
	ConfigFlag
	JSON bool `name:"json" help:"For programs."`
}

// serviceStatus is what status prints.
type serviceStatus struct {
	protocol.Status
	Supervisor int                       `json:"supervisor"` // process id
	Processes  map[string]doctor.Process `json:"processes"`
	Landlock   int                       `json:"landlock"` // version of the kernel's; 0: it has none
	Free       uint64                    `json:"free_bytes"`
	LogBytes   int64                     `json:"log_bytes"`
	WebEnds    time.Time                 `json:"web_certificate_ends,omitzero"`
	Wrong      []string                  `json:"wrong"` // what somebody should look at
}

// Run prints it. Exit 0: all is well; 1: something is not; 75: no service runs.
func (c *StatusCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	pid, err := supervisorPID(settings)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("%w (run this as root)", err)
		}
		return &exitError{exitUnavailable, err}
	}
	s := serviceStatus{Supervisor: pid, Processes: map[string]doctor.Process{}}
	if err := withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpStatus, protocol.Empty{}, &s.Status)
	}); err != nil {
		return err
	}
	s.look(settings)
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(s)
	} else {
		s.print()
	}
	if err == nil && len(s.Wrong) > 0 {
		err = &exitError{code: exitNo}
	}
	return err
}

// look adds what the kernel and the disk say.
func (s *serviceStatus) look(settings config.Config) {
	s.Wrong = []string{}
	wrong := func(format string, args ...any) { s.Wrong = append(s.Wrong, fmt.Sprintf(format, args...)) }
	for name, pid := range doctor.Children(s.Supervisor) {
		p, err := doctor.LookAt(pid)
		if err != nil {
			wrong("the %s: %v", name, err)
			continue
		}
		s.Processes[name] = p
	}
	for name, uid := range map[string]uint32{"decider": settings.Users.Decider, "door": settings.Users.Door} {
		p, ok := s.Processes[name]
		if !ok {
			wrong("there is no process %s", name)
		} else if bad := p.Loose(uid); bad != "" {
			wrong("the %s %s", name, bad)
		}
	}
	s.Landlock, _ = doctor.ThisMachine().Landlock() // 0 says it
	if s.Landlock == 0 {
		wrong("the kernel has no Landlock")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(settings.Data, &st); err != nil {
		wrong("free space: %v", err)
	}
	if s.Free = st.Bavail * uint64(st.Bsize); s.Free < uint64(settings.Storage.Warning()) {
		wrong("only %d bytes are free", s.Free)
	}
	s.LogBytes = folderSize(decider.LogDir(supervisor.DeciderDir(settings.Data)))
	if s.Problem != "" {
		wrong("the policy on disk is not in force: %s", s.Problem)
	}
	if s.Audit != "" {
		wrong("%s", s.Audit)
	}
	for _, name := range s.Signers {
		wrong("the %s CA's key could not sign", name)
	}
	for _, a := range s.Anchors {
		if text := a.Alarm + a.Problem; text != "" {
			wrong("%s %s: %s", a.Kind, a.Name, text)
		}
	}
	s.WebEnds = doctor.WebCertificateEnd(settings)
	if !s.WebEnds.IsZero() && time.Until(s.WebEnds) < 0 {
		wrong("the certificate of the pages has expired")
	}
	slices.Sort(s.Wrong)
}

func folderSize(dir string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, "*")) // the pattern is well-formed
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

func (s *serviceStatus) print() {
	now := time.Now()
	line := func(name, format string, args ...any) {
		fmt.Printf("%-12s %s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	line("service", "%s, version %s, up %s (pid %d)", s.Node, s.Version, now.Sub(s.Started).Round(time.Second), s.Supervisor)
	for _, name := range []string{"decider", "door"} {
		if p, ok := s.Processes[name]; ok {
			line(name, "pid %d, user %d, system calls filtered %t, no new privileges %t, capabilities %t", p.PID, p.UID, p.Seccomp, p.NoNewPrivs, p.Caps)
		}
	}
	line("kernel", "Landlock version %d", s.Landlock)
	line("policy", "%s, in force for %s", s.Policy, now.Sub(s.PolicySince).Round(time.Second))
	line("sessions", "%d live, on %d connections; %d targets", s.Sessions, s.Connections, s.Targets)
	line("disk", "%d MiB free", s.Free>>20)
	line("log", "%d entries, %d MiB", s.Entries, s.LogBytes>>20)
	for _, a := range s.Anchors {
		line(a.Kind, "%s has %d entries, since %s", a.Name, a.Size, a.At.UTC().Format(time.RFC3339))
	}
	for _, c := range s.CAs {
		line(c.Name+" CA", "%s, %s", c.Phase, c.Signer)
	}
	if !s.WebEnds.IsZero() {
		line("web", "the certificate ends %s", s.WebEnds.UTC().Format(time.RFC3339))
	}
	for _, w := range s.Wrong {
		line("WRONG", "%s", w)
	}
}
