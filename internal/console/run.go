package console

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Streams is where a verb reads and writes: an SSH channel or a terminal.
type Streams struct {
	In         io.Reader // read only by verbs that a key ends, on a pty; must end when Run has returned
	Out, Err   io.Writer
	PTY        bool
	Cols, Rows int
	Program    string // how help writes the command, "ssh bastion"; "gatehouse" if empty
}

type verbs struct {
	JSON     bool `help:"Answer in JSON."`
	Sessions struct {
		List   listCmd   `cmd:"" help:"List sessions, live ones first."`
		Show   showCmd   `cmd:"" help:"Show one session: who, what, why it was allowed or denied, how it ended."`
		Tail   tailCmd   `cmd:"" help:"Watch a live session from its beginning."`
		Play   playCmd   `cmd:"" help:"Play a recording at the speed it happened."`
		Export exportCmd `cmd:"" help:"Write a recording to standard output."`
		Search searchCmd `cmd:"" help:"Find commands and lines of output, in all recordings."`
		Hold   holdCmd   `cmd:"" help:"Keep recordings from being removed, whatever the rules say."`
		Unhold unholdCmd `cmd:"" help:"Lift a hold."`
		Holds  holdsCmd  `cmd:"" help:"List the holds that stand."`
	} `cmd:"" help:"Look at sessions."`
	Recording struct {
		Shred shredCmd `cmd:"" help:"Destroy the key of an encrypted recording, so that nobody can read it any more."`
	} `cmd:"" help:"Do what cannot be undone to a recording."`
	Kill        killCmd        `cmd:"" help:"End live sessions now."`
	Pause       pauseCmd       `cmd:"" help:"Stop live sessions without ending them, for an hour at most."`
	Resume      resumeCmd      `cmd:"" help:"Let paused sessions go on."`
	Revoke      revokeCmd      `cmd:"" help:"Revoke a certificate, key, agent, person, owner, task or CA, now."`
	Revocations revocationsCmd `cmd:"" help:"List what is revoked."`
	Request     requestCmd     `cmd:"" help:"Ask people for what the policy lets you ask for: what was denied, a role, a pattern."`
	Requests    struct {
		List     requestsListCmd     `cmd:"" help:"List requests: your own, and those that you may answer."`
		Show     requestsShowCmd     `cmd:"" help:"Show one request, with what helps to decide it."`
		Withdraw requestsWithdrawCmd `cmd:"" help:"Take a request of your own back."`
	} `cmd:"" help:"Look at what was asked for."`
	Approve approveCmd `cmd:"" help:"Approve a request by a signature that you make on your own machine."`
	Decline declineCmd `cmd:"" help:"Decline a request, with a reason."`
	Grants  struct {
		List grantsListCmd `cmd:"" help:"List what was granted, with the time that is left."`
		End  grantsEndCmd  `cmd:"" help:"End a grant now, and what runs by it."`
	} `cmd:"" help:"Look at what was granted, and end it."`
	Done      doneCmd      `cmd:"" help:"Say that your task is done: your grants end."`
	Heartbeat heartbeatCmd `cmd:"" help:"Say that whoever orchestrates a task lives: grants that need it go on."`
	Lock      lockCmd      `cmd:"" help:"Stop somebody, something or everything, now."`
	Unlock    unlockCmd    `cmd:"" help:"Lift a lock; of everything, two people must."`
	Locks     locksCmd     `cmd:"" help:"List the locks that stand."`
	Away      awayCmd      `cmd:"" help:"Name who answers requests in your place."`
	Alerts    struct {
		List   alertsListCmd   `cmd:"" help:"List what people were told, and what became of it."`
		Test   alertsTestCmd   `cmd:"" help:"Send a test to a channel, or to each."`
		Resend alertsResendCmd `cmd:"" help:"Send an alert again, or all dead letters of a channel."`
	} `cmd:"" help:"Look at alerts, and test their channels."`
	Budgets struct {
		List  budgetsListCmd  `cmd:"" default:"withargs" help:"Show what is left of your budget, or of others'."`
		Reset budgetsResetCmd `cmd:"" help:"Give somebody else their budgets anew."`
	} `cmd:"" help:"Look at what is left of budgets, and give them anew."`
	BreakGlass breakGlassCmd `cmd:"" name:"break-glass" help:"Take a role at once in an emergency; it shouts, and two people must review it."`
	Review     reviewCmd     `cmd:"" help:"Say that you have looked at what was done with a break-glass grant."`
	WebLogin   webLoginCmd   `cmd:"" help:"Get a one-time link that signs you in to the browser."`
	WhoAmI     whoAmICmd     `cmd:"" name:"whoami" help:"Say who you are here and what you may do."`
	Renew      renewCmd      `cmd:"" passthrough:"" help:"Print a new certificate for the key that you connect with; over SSH alone."`
	Help       helpCmd       `cmd:"" help:"Say what you may do, here or on a target; explain a verb."`
}

// invocation is one verb being run.
type invocation struct {
	c          *Console
	ctx        context.Context
	who        Credential
	std        Streams
	out, errs  io.Writer
	json       bool
	cols, rows int
	usage      func() // prints the verbs
}

// Run runs one line of arguments and returns its exit code: 0 done, 1 a negative answer, 2 usage, 75 unavailable.
func (c *Console) Run(ctx context.Context, who Credential, args []string, std Streams) int {
	in := &invocation{c: c, ctx: ctx, who: who, std: std, out: std.Out, errs: std.Err, cols: std.Cols, rows: std.Rows}
	if std.PTY {
		in.out, in.errs = &crlfWriter{to: std.Out}, &crlfWriter{to: std.Err}
	}
	if std.Program == "" {
		std.Program = "gatehouse"
	}
	var v verbs
	done := false
	parser, err := newParser(&v, std.Program, kong.Writers(in.out, in.errs), kong.Exit(func(int) { done = true }))
	if err != nil {
		return in.fail(fmt.Errorf("build the verbs: %w", err))
	}
	in.usage = func() { _, _ = parser.Parse([]string{"--help"}) }
	args = searchArgs(helpArgs(args, parser.Model))
	parsed, err := parser.Parse(args)
	if done {
		return exitOK
	}
	if phrases := phraseArgs(args); err != nil && phrases != nil {
		if again, failed := parser.Parse(phrases); failed == nil {
			parsed, err = again, nil
		}
	}
	in.json = v.JSON
	if err != nil {
		return in.fail(&usageError{message: err.Error(), hint: "try: " + std.Program + " help"})
	}
	return in.fail(parsed.Run(in))
}

// fail says on one line what went wrong and returns the exit code; without an error it is silent.
func (in *invocation) fail(err error) int {
	if err == nil {
		return exitOK
	}
	code := ExitCode(err)
	if in.json {
		line, _ := marshal(struct { // two plain fields: cannot fail
			Error string `json:"error"`
			Exit  int    `json:"exit"`
		}{Explain(err), code}, "")
		_, _ = in.errs.Write(line)
		return code
	}
	fmt.Fprintf(in.errs, "gatehouse: %s\n", Visible(Explain(err)))
	if usage := (*usageError)(nil); errors.As(err, &usage) && usage.hint != "" {
		fmt.Fprintln(in.errs, usage.hint)
	}
	return code
}

func (in *invocation) width() int {
	if in.cols < 40 {
		return 80
	}
	return in.cols
}

func (in *invocation) printf(format string, a ...any) { fmt.Fprintf(in.out, format, a...) }
func (in *invocation) println(a ...any)               { fmt.Fprintln(in.out, a...) }

func (in *invocation) printJSON(v any) error {
	b, err := marshal(v, "  ")
	if err != nil {
		return fmt.Errorf("answer in JSON: %w", err)
	}
	_, err = in.out.Write(b)
	return err
}
