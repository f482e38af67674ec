// Command gatehouse is the whole product in one program: the service (serve), what administrators do on the machine itself
// (init, issue, ca, audit, backup …), and the verbs of the SSH console for those who prefer them without ssh.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/alecthomas/kong"

	"gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
	"gatehouse/internal/clidoc"
	"gatehouse/internal/decider/protocol"
)

// Exit codes of the command line. 0 is a positive answer.
const (
	exitNo          = 1
	exitUsage       = 2
	exitUnavailable = 75
)

type cli struct {
	Serve     ServeCmd     `cmd:"" help:"Run the service."`
	Init      InitCmd      `cmd:"" help:"Write a commented configuration to begin with."`
	Issue     IssueCmd     `cmd:"" help:"Issue a certificate to an agent or a person."`
	Login     LoginCmd     `cmd:"" help:"Get a certificate: an agent by a token that it has (--as), a person by the browser."`
	Logout    LogoutCmd    `cmd:"" help:"Take the certificates that login got out of the running ssh-agent."`
	Renew     RenewCmd     `cmd:"" help:"Get a new certificate over SSH: by one that is still good, or by a registered key."`
	JoinToken JoinTokenCmd `cmd:"" name:"join-token" help:"One-time tokens with which agents get their first certificate."`
	Keys      KeysCmd      `cmd:"" help:"Keys that are registered for agents."`
	SSHConfig SSHConfigCmd `cmd:"" name:"ssh-config" help:"Write what a stock ssh client needs."`
	SetupLink SetupLinkCmd `cmd:"" name:"setup-link" help:"Print a one-time link that signs a person in to the browser."`
	Passkeys  PasskeysCmd  `cmd:"" help:"List, remove or reset a person's passkeys."`
	Reload    ReloadCmd    `cmd:"" help:"Read policy and targets again, now, and say whether they are in force."`
	Status    StatusCmd    `cmd:"" help:"Say how the service on this machine is."`
	Doctor    DoctorCmd    `cmd:"" help:"Look for the commonest mistakes, and say how each is cured."`
	CA        CACmd        `cmd:"" name:"ca" help:"Show the CAs' public keys, certify a target's host key."`
	Targets   TargetsCmd   `cmd:"" help:"List targets, make a host one, check what they accept."`
	Policy    PolicyCmd    `cmd:"" help:"Check and test a policy."`
	Audit     AuditCmd     `cmd:"" help:"Verify the audit log and the recordings."`
	Witness   WitnessCmd   `cmd:"" help:"Cosign the audit log's checkpoints, on another machine."`
	Backup    BackupCmd    `cmd:"" help:"Copy the data folder into one file, while the service runs."`
	Restore   RestoreCmd   `cmd:"" help:"Put a backup into a new data folder."`
	Recording RecordingCmd `cmd:"" help:"Read a recording that lies on this machine, decrypted with your own identity."`
	Sessions  RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb sessions, over ssh (see: gatehouse sessions help)."`
	Kill      RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb kill, over ssh."`
	Pause     RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb pause, over ssh."`
	Resume    RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb resume, over ssh."`
	Request   RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb request, over ssh: ask people for what the policy lets you ask for."`
	Requests  RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb requests, over ssh."`
	Decline   RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb decline, over ssh."`
	Grants    RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb grants, over ssh."`
	Done      RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb done, over ssh."`
	Heartbeat RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb heartbeat, over ssh."`
	Alerts    RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb alerts, over ssh."`
	Away      RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb away, over ssh."`
	Review    RemoteCmd    `cmd:"" passthrough:"" help:"The console's verb review, over ssh."`
	WebLogin  RemoteCmd    `cmd:"" name:"web-login" passthrough:"" help:"The console's verb web-login, over ssh."`
	WhoAmI    RemoteCmd    `cmd:"" name:"whoami" passthrough:"" help:"The console's verb whoami, over ssh."`
	Version   VersionCmd   `cmd:"" help:"Print the version."`
	Config    ConfigCmd    `cmd:"" help:"Check the files of the configuration, or print their JSON Schemas."`
	Process   ProcessCmd   `cmd:"" hidden:"" help:"One of the two processes; started by serve."`

	Approve    ApproveCmd    `cmd:"" help:"Approve a request: sign on this machine what is approved, exactly as it is shown."`
	BreakGlass BreakGlassCmd `cmd:"" name:"break-glass" help:"Take a role at once in an emergency; it shouts, and two people must review it."`
	Lock       LockCmd       `cmd:"" help:"Stop somebody, something or everything, now."`
	Unlock     UnlockCmd     `cmd:"" help:"Lift a lock; of everything, two people must."`
	Locks      LocksCmd      `cmd:"" help:"List the locks that stand."`

	Completion CompletionCmd `cmd:"" help:"Print the completion script of a shell."`
	Man        ManCmd        `cmd:"" help:"Write the manual pages into a folder."`
	Complete   CompleteCmd   `cmd:"" hidden:"" help:"Answer a completion script."`

	Revoke      RevokeCmd      `cmd:"" help:"Revoke a certificate, key, agent, person, owner, task or CA, now; or lift that."`
	Revocations RevocationsCmd `cmd:"" help:"List what is revoked."`
	KRL         KRLCmd         `cmd:"" name:"krl" help:"Export what is revoked as an OpenSSH key revocation list."`
}

// exitError carries an exit code, and a message if there is one to print.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	if code, is := pool.Helper(os.Args); is { // a governed shell's process, started by serve
		os.Exit(code)
	}
	if code, is := local.Helper(os.Args); is { // a local command's helper, started by serve
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:]))
}

// run is the program; it returns the exit code.
func run(args []string) int {
	var c cli
	code := -1
	parser, err := newParser(&c, kong.UsageOnError(), kong.Exit(func(n int) { code = n }))
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		return exitNo
	}
	kctx, err := parser.Parse(args)
	if code >= 0 { // help was printed
		return code
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	kctx.BindTo(ctx, (*context.Context)(nil))
	return exitCode(kctx.Run())
}

// newParser makes what reads the command line, --help and the manual pages.
func newParser(c *cli, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(more, kong.Name("gatehouse"), kong.Description("The guarded door between AI agents and the machines they operate."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), clidoc.Examples(examples))...)
}

// exitCode prints an error and turns it into the exit code.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "gatehouse:", printable(text))
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	var own *protocol.Error
	if errors.As(err, &own) && own.Code == protocol.CodeUnavailable {
		return exitUnavailable
	}
	return exitNo
}

// printable is a text that cannot drive a terminal: an error may quote a recording, a bundle or a log that somebody else made.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}
