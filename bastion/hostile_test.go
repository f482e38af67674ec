package bastion

import (
	"crypto/ed25519"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// hostile is a target that lets everybody in and then does what a test wants.
type hostile struct {
	key    ssh.Signer
	l      net.Listener
	frozen atomic.Bool // reads nothing any more, so that not even a CLOSE is answered
	thaw   chan struct{}
	serve  func(h *hostile, ch ssh.NewChannel)
	work   sync.WaitGroup
}

// addHostile adds hostile targets to the inventory, by their names. serve gets every channel that is opened.
func (w *whole) addHostile(targets map[string]func(h *hostile, ch ssh.NewChannel)) {
	w.t.Helper()
	entries := "version: 1\ntargets:\n  here: {local: true, run_as: {ops: nobody}}\n"
	web, _ := w.server.target("web-1")
	here, _ := w.server.target("here")
	inventory := []protocol.Target{web, here}
	for name, serve := range targets {
		h := w.startHostile(serve)
		inventory = append(inventory, protocol.Target{Name: name, Address: h.l.Addr().String(), Logins: web.Logins, HostKey: h.key.PublicKey().Marshal()})
	}
	for _, t := range inventory {
		if key, err := ssh.ParsePublicKey(t.HostKey); err == nil {
			entries += fmt.Sprintf("  %s: {address: %q, logins: [deploy, root], host_key: %q}\n", t.Name, t.Address, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
		}
	}
	w.write("targets.yaml", entries)
	_, err := w.decider.Reload(w.t.Context())
	w.must(err)
	w.server.SetTargets(inventory)
}

func (w *whole) startHostile(serve func(h *hostile, ch ssh.NewChannel)) *hostile {
	w.t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	h := &hostile{serve: serve, thaw: make(chan struct{})}
	h.key, err = ssh.NewSignerFromSigner(key)
	w.must(err)
	h.l, err = net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	h.work.Go(h.accept)
	w.t.Cleanup(func() {
		_ = h.l.Close()
		close(h.thaw)
		h.work.Wait()
	})
	return h
}

func (h *hostile) accept() {
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(h.key)
	for {
		raw, err := h.l.Accept()
		if err != nil {
			return
		}
		h.work.Go(func() {
			defer raw.Close()
			conn, chans, reqs, err := ssh.NewServerConn(&freezing{raw, h}, config)
			if err != nil {
				return
			}
			defer conn.Close()
			h.work.Go(func() { ssh.DiscardRequests(reqs) })
			for ch := range chans {
				h.work.Go(func() { h.serve(h, ch) })
			}
		})
	}
}

// freezing is a connection that reads nothing while its target is frozen.
type freezing struct {
	net.Conn
	h *hostile
}

func (f *freezing) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.h.frozen.Load() {
		<-f.h.thaw
		return 0, net.ErrClosed
	}
	return n, err
}

// begin accepts a channel and the exec on it.
func begin(ch ssh.NewChannel) (ssh.Channel, bool) {
	c, reqs, err := ch.Accept()
	if err != nil {
		return nil, false
	}
	for req := range reqs {
		if req.Type == "exec" {
			_ = req.Reply(true, nil)
			go ssh.DiscardRequests(reqs)
			return c, true
		}
		_ = req.Reply(true, nil)
	}
	return nil, false
}

// A target that stops answering, wherever in a session, holds no kill up, and no evidence.
func TestKillOfAHangingTarget(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	hanging := map[string]chan struct{}{}
	targets := map[string]func(h *hostile, ch ssh.NewChannel){}
	for name, serve := range map[string]func(h *hostile, ch ssh.NewChannel){
		"no-channel": func(h *hostile, ch ssh.NewChannel) { h.frozen.Store(true) },
		"no-exec": func(h *hostile, ch ssh.NewChannel) {
			h.frozen.Store(true)
			if _, reqs, err := ch.Accept(); err == nil {
				go ssh.DiscardRequests(reqs)
			}
		},
		"no-end": func(h *hostile, ch ssh.NewChannel) {
			if c, ok := begin(ch); ok {
				_, _ = c.Write([]byte("out\n"))
				h.frozen.Store(true)
			}
		},
	} {
		reached := make(chan struct{}, 1)
		hanging[name] = reached
		targets[name] = func(h *hostile, ch ssh.NewChannel) {
			serve(h, ch)
			reached <- struct{}{}
		}
	}
	w.addHostile(targets)
	t.Run("at once", func(t *testing.T) {
		for name, reached := range hanging {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inner := *w
				inner.t = t
				inner.killHanging(name, bot, reached)
			})
		}
	})
}

func (w *whole) killHanging(name string, bot ssh.Signer, reached <-chan struct{}) {
	client := w.client("deploy@"+name, bot)
	ended := make(chan struct{})
	line := "echo " + name
	w.server.looks.Keep(name, "deploy", []policy.Probe{{Kind: policy.ProbeProgram, Name: "echo"}}, // it is not about looks
		policy.Facts{Programs: map[string]policy.ProgramFact{"echo": {Path: "/bin/echo", Real: "/bin/echo"}}})
	go func() {
		defer close(ended)
		exec(client, line)
	}()
	<-reached
	report, err := w.server.Kill(w.t.Context(), console.KillOrder{Target: name, Reason: "hangs", By: console.Actor{Principal: "person:ann"}})
	w.must(err)
	if len(report.Sessions) != 1 || report.Sessions[0].Remote != "unconfirmed" || report.Sessions[0].Closed > time.Second {
		w.t.Errorf("report: %+v", report)
	}
	<-ended
	if got := w.session(line, store.Killed); got.Remote != "unconfirmed" || got.Recording == "" {
		w.t.Errorf("the session: %+v", got)
	}
}
