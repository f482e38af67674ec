package bastion

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// waitVariable is how a client says how many seconds it wants to wait for people, at most: by SetEnv or SendEnv. The target never
// sees it.
const waitVariable = "GATEHOUSE_WAIT"

// maxWait is the longest that can be asked for, in seconds; policy may give less.
const maxWait = 24 * 60 * 60

// setWait takes the client's word for how long it waits. What is no number is held against the command, not against the variable:
// stock clients do not say that a variable was refused.
func (s *session) setWait(value string) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > maxWait {
		s.wait, s.waitWrong = nil, fmt.Sprintf("%s is %q; it takes a number of seconds from 0 to %d", waitVariable, cutText(value, 64), maxWait)
		return
	}
	s.wait, s.waitWrong = &n, ""
}

// say tells the client something before its command runs, on a terminal on its screen. One that is gone is noticed elsewhere.
func (s *session) say(text string) {
	if s.shell != nil {
		s.shell.say(text)
		return
	}
	if s.pty != nil {
		_ = s.write(s.channel, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
		return
	}
	_ = s.write(s.channel.Stderr(), []byte(text))
}

// listen has a signal of the client's, and on a terminal Ctrl-C, put something into enough; stop makes the input the command's.
// Without a terminal a client's program ends by Ctrl-C, and its connection with it: nothing is read.
func (s *session) listen() (enough <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.setEnough(ch)
	if s.pty == nil || s.shell != nil { // the shell reads its terminal, and calls the command off
		return ch, func() { s.setEnough(nil) }
	}
	keys := newTyped(s.channel, func() { s.interrupt() })
	s.typed = keys
	s.input.Go(func() {
		defer s.conn.isolate("a session's input")
		keys.listen()
	})
	return ch, func() {
		keys.letGo()
		s.setEnough(nil)
	}
}

func (s *session) setEnough(ch chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enough = ch
}

// interrupt ends a wait for people, and reports whether there was one.
func (s *session) interrupt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enough == nil {
		return false
	}
	select {
	case s.enough <- struct{}{}:
	default: // it is being ended
	}
	return true
}

// rest lets go of what a connection keeps ready for its next command, as people may take long: the connection that was dialled
// ahead, and the looks at targets. Whoever needs one makes it anew.
func (c *conn) rest(key poolKey) {
	if ahead := c.takeAhead(key); ahead != nil {
		ahead.Close()
	}
	c.lookers.closeAll()
}

// letTell waits, not for long, until the client of a session that somebody has ended has heard why: one that waits ends so fast that it would
// overtake its last words.
func (s *session) letTell() {
	s.mu.Lock()
	telling := s.telling
	s.mu.Unlock()
	if telling == nil {
		return
	}
	late := time.NewTimer(noticeTime)
	defer late.Stop()
	select {
	case <-telling:
	case <-late.C:
	}
}
