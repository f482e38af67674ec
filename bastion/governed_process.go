package bastion

import (
	"errors"
	"fmt"
	"io"
	"path"
	"sync/atomic"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/internal/answer"
	"gatehouse/policy"
)

// stepProcess is a command of a governed shell that runs.
type stepProcess struct {
	*running
	host     *shellHost
	step     *session
	number   int64
	decided  policy.Decision
	inherit  bool
	in       *capped
	exceeded atomic.Bool // it was ended for more than its rule gives it
	timer    *time.Timer // nil: its rule gives it no time of its own
}

func (p *stepProcess) PTY() bool { return p.step.pty != nil }

// ReadsClient says whether the client's input may reach it.
func (p *stepProcess) ReadsClient() bool { return p.PTY() || p.decided.Stdin != policy.StdinNone }

// NoInput says whether it has none of what it stands in.
func (p *stepProcess) NoInput() bool {
	return p.inherit && p.decided.Plan != nil && p.decided.Plan.Null
}

// Held is the input that the rule has the hash of.
func (p *stepProcess) Held() []byte { return p.step.held }

// Stdin is bounded as the rule says.
func (p *stepProcess) Stdin() io.WriteCloser { return p.in }

// timeOver ends a command that has had its time.
func (p *stepProcess) timeOver() {
	defer p.step.conn.isolate("an obligation")
	p.exceeds(fmt.Sprintf("the policy gives it %s", time.Duration(p.decided.Obligations.MaxSeconds)*time.Second))
}

// inputOver ends a command that has had its input.
func (p *stepProcess) inputOver() {
	p.exceeds(fmt.Sprintf("the policy lets it read %d bytes of input", p.decided.Obligations.StdinMax))
}

// exceeds ends a command, and tells the client why.
func (p *stepProcess) exceeds(why string) {
	p.exceeded.Store(true)
	p.step.say("gatehouse: " + path.Base(p.decided.Plan.Argv[0]) + " was ended: " + why + "\n")
	p.end()
}

// Exit is how it ended; one that had more than its rule gives it was killed, whatever it made of that.
func (p *stepProcess) Exit() target.Exit {
	if p.exceeded.Load() {
		return target.Exit{Signal: "KILL"}
	}
	return p.running.Exit()
}

// lost tells the client that the target never said how a command ended, and that what it left is to be looked for.
func (p *stepProcess) lost() {
	p.host.mu.Lock()
	p.host.cut = true
	p.host.mu.Unlock()
	if p.step.ctx.Err() == nil {
		out := p.step.fault(answer.FaultTargetUnreachable, "the connection to "+p.step.row.Target+" was lost; whether "+path.Base(p.decided.Plan.Argv[0])+" ended is not known", errors.New("no exit status"))
		p.step.say(out.text)
	}
}

// Close lets go of the command; one that has not ended is ended.
func (p *stepProcess) Close() error {
	if p.timer != nil {
		p.timer.Stop()
	}
	m := map[string]any{"step": p.number}
	select {
	case <-p.Exited():
		switch exit := p.Exit(); {
		case exit.Signal != "":
			m["status"], m["signal"] = exit.Status, exit.Signal
		case exit.Known:
			m["status"] = exit.Status
		default:
			m["cut"] = true
			p.lost()
		}
	default:
		m["cut"] = true
		p.end()
		p.host.mu.Lock()
		p.host.cut = true
		p.host.mu.Unlock()
	}
	p.release()
	p.host.over(p.number)
	return p.host.note(m)
}

// killAgain is how long after a KILL another is sent.
const killAgain = 50 * time.Millisecond

// end ends a command. Stock sshd loses the signal for one that it is only about to begin, so it is sent until the command is gone. Where it
// passes on none (root's logins) all that this session runs there is ended, and a target that does not answer loses the connection.
func (p *stepProcess) end() {
	remote, ok := p.process.(*target.Process)
	if !ok { // this machine loses none
		_ = p.Signal("KILL")
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			_ = p.Signal("KILL")
			select {
			case <-p.Exited():
				return
			case <-stop:
				return
			case <-time.After(killAgain):
			}
		}
	}()
	if p.gone() {
		return
	}
	if s := p.host.session; s.ctx.Err() == nil { // else its end does that
		s.sweepRemote()
	}
	if !p.gone() {
		p.step.log.Warn("the target does not let go of a command, its connection is cut", "target", p.step.row.Target)
		_ = remote.Sever()
	}
}

// gone waits a while for the command's end.
func (p *stepProcess) gone() bool {
	select {
	case <-p.Exited():
		return true
	case <-time.After(severTime):
		return false
	}
}
