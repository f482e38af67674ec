// Package hostile has what attackers send to an SSH door: one table of cases that tests in one process, end-to-end tests and people can run
// against a door of their own.
//
// It is for private servers of tests. A case says only whether the door did what it must at once (closed a connection, say); whether it still
// serves others, and what it holds, is for whoever runs the case to see.
package hostile

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
)

// Env is the door that a case is for.
type Env struct {
	Addr    string
	From    string     // a local address to connect from; "" is any
	User    string     // LOGIN@TARGET
	Target  string     // the target's name
	Key     ssh.Signer // a certificate that is good
	Expired ssh.Signer // one that was; nil: those cases use Key
	held    []net.Conn // what stays open until Close
}

// Case is one attack.
type Case struct {
	Name string
	Core bool // cheap, and of a kind of its own: for every run of the tests
	Run  func(e *Env) error
}

// Cases are all of them.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{beforeVersion(), inTheClear(), beforeProof(), certificates(), channels(), requests(), floods(), jumps()} {
		all = append(all, group...)
	}
	return all
}

// Close lets go of what cases have left open on purpose.
func (e *Env) Close() {
	for _, c := range e.held {
		_ = c.Close()
	}
	e.held = nil
}

// hold leaves a connection open, as an attacker would.
func (e *Env) hold(c net.Conn) {
	_ = c.SetDeadline(time.Time{})
	e.held = append(e.held, c)
}

var errAlive = errors.New("the connection is still open")

// ends wants the door to close the connection.
func ends(c *rawssh.Conn) error {
	if !c.Drain() {
		return errAlive
	}
	return nil
}

// dialled is a case that begins with nothing but a connection. fatal: the door must close it.
func dialled(name string, core, fatal bool, f func(e *Env, c *rawssh.Conn) error) Case {
	return from(name, core, fatal, func(e *Env) (*rawssh.Conn, error) { return rawssh.Dial(e.Addr, e.From) }, f)
}

// greeted is one that begins after the versions.
func greeted(name string, core, fatal bool, f func(e *Env, c *rawssh.Conn) error) Case {
	return from(name, core, fatal, func(e *Env) (*rawssh.Conn, error) {
		c, err := rawssh.Dial(e.Addr, e.From)
		if err != nil {
			return nil, err
		}
		return c, c.Hello(rawssh.Version)
	}, f)
}

// keyed is one that begins before authentication, with keys.
func keyed(name string, core, fatal bool, f func(e *Env, c *rawssh.Conn) error) Case {
	return from(name, core, fatal, func(e *Env) (*rawssh.Conn, error) { return rawssh.Connect(e.Addr, e.From) }, f)
}

// known is one that begins with an authenticated connection.
func known(name string, core, fatal bool, f func(e *Env, c *rawssh.Conn) error) Case {
	return from(name, core, fatal, func(e *Env) (*rawssh.Conn, error) { return rawssh.Login(e.Addr, e.From, e.User, e.Key) }, f)
}

// opened is one that begins with a session channel; ch is the door's number for it.
func opened(name string, core, fatal bool, f func(e *Env, c *rawssh.Conn, ch uint32) error) Case {
	return known(name, core, fatal, func(e *Env, c *rawssh.Conn) error {
		ch, err := c.OpenSession(1, rawssh.Window)
		if err != nil {
			return fmt.Errorf("open a session: %w", err)
		}
		return f(e, c, ch)
	})
}

func from(name string, core, fatal bool, begin func(e *Env) (*rawssh.Conn, error), f func(e *Env, c *rawssh.Conn) error) Case {
	return Case{Name: name, Core: core, Run: func(e *Env) error {
		c, err := begin(e)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		if fatal {
			defer c.Close()
			_ = f(e, c) // the door may close before everything is sent
			return ends(c)
		}
		if err = f(e, c); err != errHeld {
			_ = c.Close()
			return err
		}
		return nil
	}}
}

// errHeld says that the case has left its connection open.
var errHeld = errors.New("held")

// raw sends bytes as they are.
func raw(b ...[]byte) func(*Env, *rawssh.Conn) error {
	return func(_ *Env, c *rawssh.Conn) error {
		for _, part := range b {
			if _, err := c.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
}

// packets sends packets.
func packets(list ...[]byte) func(*Env, *rawssh.Conn) error {
	return func(_ *Env, c *rawssh.Conn) error { return c.SendAll(list...) }
}

// left leaves the connection open after f.
func left(f func(*Env, *rawssh.Conn) error) func(*Env, *rawssh.Conn) error {
	return func(e *Env, c *rawssh.Conn) error {
		if err := f(e, c); err != nil {
			return err
		}
		e.hold(c)
		return errHeld
	}
}
