package bastion

import (
	"io"
	"strings"

	"gatehouse/bastion/shell"
	"gatehouse/internal/answer"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// runConsole runs a verb: `ssh bastion sessions list`. The line is parsed like any other, so that what is quoted for a shell
// arrives as it was meant, and must be one literal command.
func (s *session) runConsole(a ask) {
	defer close(s.done)
	args := []string{"help"}
	if a.kind == "exec" && a.text != "" {
		plan, err := shell.Parse(verbLine(a.text))
		switch {
		case err != nil:
			s.answer(outcome{text: "gatehouse: " + answer.Visible(err.Error()) + "\n", status: exitUsage})
			return
		case !bare(plan):
			s.answer(outcome{text: "gatehouse: the console runs one verb at a time; try: help\n", status: exitUsage})
			return
		}
		args = plan.Argv
	} else if a.kind == "subsystem" {
		s.answer(outcome{text: "gatehouse: the console has no subsystems; name a target, as in sftp deploy@web-1@bastion\n", status: exitUsage})
		return
	}
	std := console.Streams{In: s.channel, Out: muteWriter{s, s.channel}, Err: muteWriter{s, s.channel.Stderr()}, Program: "ssh bastion"}
	if s.pty != nil {
		std.PTY, std.Cols, std.Rows = true, int(s.pty.Cols), int(s.pty.Rows)
		std.Err = std.Out
	}
	switch {
	case args[0] == "renew":
		s.answer(outcome{status: s.renew(args[1:], std)})
		return
	case s.conn.renewOnly:
		s.conn.note(protocol.Refuse{Connection: s.conn.id, Session: s.id, What: a.what() + " " + cutText(a.text, 1024), Code: "not_allowed", Why: onlyRenews})
		s.answer(outcome{text: "gatehouse: " + onlyRenews + "\n", status: exitRefused})
		return
	}
	who := console.Credential{Connection: s.conn.id}
	s.answer(outcome{status: s.conn.server.console.Run(s.ctx, who, args, std)})
}

// verbLine keeps the verb done from being read as the end of a loop.
func verbLine(text string) string {
	if verb, rest, _ := strings.Cut(text, " "); verb == "done" {
		return "'done' " + rest
	}
	return text
}

// exitUsage is the console's exit code for what it cannot read.
const exitUsage = 2

// muteWriter writes through the session's gate.
type muteWriter struct {
	s  *session
	to io.Writer
}

func (w muteWriter) Write(b []byte) (int, error) {
	if err := w.s.write(w.to, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// bare reports whether a plan is literal words and nothing else, as a verb is.
func bare(p policy.Plan) bool {
	return p.Alone() && len(p.Globs)+len(p.Tildes)+len(p.Starts) == 0
}
