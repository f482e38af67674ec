// Package supervisor starts the decider and the door, under two users where it is root, and ends the one when the other
// dies. It binds the sockets and hands them on, but never accepts, reads or parses anything from outside; the only thing it
// does at somebody's word is to start a local command, against a permit that the decider signed.
package supervisor

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
	"gatehouse/internal/config"
	"gatehouse/internal/permit"
)

// How long a process may take to say that it is ready, and to end when asked.
const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// ErrStopped is returned by Run after an orderly end.
var ErrStopped = errors.New("stopped")

// Config is what the supervisor needs.
type Config struct {
	Settings   config.Config
	ConfigPath string // absolute; handed to both processes
	Secrets    []byte // handed to the decider alone, by a pipe that nobody else has; at most 4 KiB
	Log        hclog.Logger

	Stop   <-chan os.Signal // the first begins an orderly end, as the context's end does; the second ends what still lives at once
	Reload <-chan os.Signal // each has gatehouse.yaml, policy and targets read again
}

// Run starts both processes and returns when they have ended: ErrStopped after the context ended, otherwise why.
func Run(ctx context.Context, cfg Config) error {
	root := os.Geteuid() == 0
	if !root {
		cfg.Log.Warn("not root: decider, door and governed shells run as one user, the separation is weaker and there are no local targets")
	}
	// Whatever this process was started with, a shell's open files say, goes no further than to it.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep inherited files from the processes: %w", err)
	}
	groups := findGroups(cfg.Log, root)
	given, err := activated()
	if err != nil {
		return err
	}
	// 1. Folders with their owners, sockets bound.
	if err := prepareFolders(cfg.Settings, root); err != nil {
		return err
	}
	socks, err := bindSockets(cfg.Settings, given)
	if err != nil {
		return err
	}
	defer socks.close()
	pairs, err := makePairs()
	if err != nil {
		return err
	}
	defer pairs.close()
	go pairs.doorControl.listen() // both end with the pairs
	go pairs.deciderControl.listen()
	// 2. The decider, until it is ready and has said what it signs permits with.
	decider, err := startDecider(cfg, root, socks, pairs)
	if err != nil {
		return err
	}
	_ = pairs.readyWrite.Close() // so that its death is the pipe's end
	key, err := awaitReady(ctx, pairs.readyRead, decider)
	if err != nil {
		stop(cfg.Log, decider)
		return err
	}
	// 3. The door, and local commands for it.
	door, err := startDoor(cfg, root, socks, pairs)
	if err != nil {
		stop(cfg.Log, decider)
		return err
	}
	pairs.closeChildren()
	socks.close()
	server, err := local.NewServer(pairs.localSupervisor, permit.NewChecker(key, time.Now), cfg.Log.Named("local"), cfg.Settings.Users.Decider, cfg.Settings.Users.Door)
	if err != nil {
		stop(cfg.Log, door, decider)
		return err
	}
	server.Divide(groups)
	shells := pool.Config{Most: config.ShellUsers, Log: cfg.Log.Named("shells")}
	if root {
		shells.UID = cfg.Settings.Users.Shells
	}
	nursery, err := pool.NewServer(pairs.shellsSupervisor, shells)
	if err != nil {
		stop(cfg.Log, door, decider)
		return err
	}
	l := &life{cfg: cfg, server: server, shells: nursery, decider: decider, door: door, doorLine: pairs.doorControl, deciderLine: pairs.deciderControl,
		manager: manager{cfg.Log}, drain: cfg.Settings.SSH.Drain}
	return l.attend(ctx)
}

// findGroups looks for a part of the cgroup tree that local commands can have, before any process is started, and says what
// will keep their limits.
func findGroups(log hclog.Logger, root bool) *local.Groups {
	if !root {
		return nil
	}
	groups, err := local.FindGroups()
	if err != nil {
		log.Info("limits of local commands", "by", groups.String(), "because", err)
		return nil
	}
	log.Info("limits of local commands", "by", groups.String())
	return groups
}

// awaitReady reads the decider's one line: "ready" and its permit key.
func awaitReady(ctx context.Context, r *os.File, decider *child) (ed25519.PublicKey, error) {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(r).ReadString('\n') // an empty line says that it died
		line <- strings.TrimSpace(text)
	}()
	timer := time.NewTimer(readyTimeout)
	defer timer.Stop()
	select {
	case text := <-line:
		word, encoded, _ := strings.Cut(text, " ")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if word != "ready" || err != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("the decider did not start (%s); its own message is above", decider.state())
		}
		return key, nil
	case <-timer.C:
		return nil, errors.New("the decider did not become ready in time")
	case <-ctx.Done():
		return nil, ErrStopped
	}
}
