package console

import (
	"github.com/alecthomas/kong"

	"gatehouse/internal/clidoc"
)

// examples are of each verb, as --help shows them behind the program's name.
var examples = map[string][]string{
	"sessions list":     {"sessions list --live", "sessions list --denied --agent release-bot --since 24h"},
	"sessions show":     {"sessions show ses_01JDA4"},
	"sessions tail":     {"sessions tail ses_01JDA4"},
	"sessions play":     {"sessions play ses_01JDA4 --speed 4 --skip-idle 2s", "sessions play ses_01JDA4 --from 1h2m"},
	"sessions export":   {"sessions export ses_01JDA4 --format text", "sessions export ses_01JDA4 --format raw"},
	"sessions search":   {"sessions search 'permission denied' --target web-1 --since 3d"},
	"sessions hold":     {"sessions hold ses_01JDA4 --reason 'incident 4711'"},
	"sessions unhold":   {"sessions unhold ses_01JDA4 --reason 'incident 4711 is closed'"},
	"sessions holds":    {"sessions holds"},
	"recording shred":   {"recording shred ses_01JDA4 --reason 'personal data, request 12'"},
	"kill":              {"kill ses_01JDA4 --reason 'wrong host'", "kill --agent release-bot --reason 'runs away'"},
	"pause":             {"pause --agent release-bot --reason 'what is it doing?'"},
	"resume":            {"resume --agent release-bot --reason 'it is fine'"},
	"revoke":            {"revoke agent:release-bot --reason 'laptop stolen'", "revoke --lift rev_01JDA4 --reason 'found again'"},
	"revocations":       {"revocations"},
	"request":           {"request --from dn_01JDA4 --reason 'the api hangs' --wait", "request --role db-admin --target db-1 --login dba --for 30m --uses 3 --reason 'index on orders' --ticket OPS-12"},
	"requests list":     {"requests list --answer", "requests list --state pending --json"},
	"requests show":     {"requests show ar_01JDA4"},
	"requests withdraw": {"requests withdraw ar_01JDA4"},
	"approve":           {"approve ar_01JDA4 --text > t", "approve ar_01JDA4 --challenge chl_01JDA5 --signature - < t.sig"},
	"decline":           {"decline ar_01JDA4 --reason 'not before the backup'"},
	"grants list":       {"grants list", "grants list --all --who agent:release-bot"},
	"grants end":        {"grants end gr_01JDA4 --reason 'wrong host'"},
	"done":              {"done"},
	"heartbeat":         {"heartbeat", "heartbeat gr_01JDA4 --every 20s"},
	"lock":              {"lock agent:release-bot --reason 'runs away'", "lock everything --reason 'incident 4711' --until 4h"},
	"unlock":            {"unlock lck_01JDA4 --reason 'it was a drill'"},
	"locks":             {"locks"},
	"alerts list":       {"alerts list", "alerts list --dead"},
	"alerts test":       {"alerts test ops-chat"},
	"alerts resend":     {"alerts resend ops-chat", "alerts resend ops-chat alt_01JDA4"},
	"budgets list":      {"budgets", "budgets list --all"},
	"budgets reset":     {"budgets reset agent:release-bot --reason 'the migration was larger than planned'"},
	"away":              {"away ben --until 72h", "away --end"},
	"break-glass":       {"break-glass db-admin --target db-1 --login dba --reason 'incident 4711' --text > t"},
	"review":            {"review gr_01JDA4 --words 'restarted the database, nothing else'"},
	"web-login":         {"web-login"},
	"whoami":            {"whoami"},
	"renew":             {"renew --ttl 10m"},
	"help":              {"help web-1 deploy", "help sessions"},
}

// newParser makes what reads a line of arguments, and what help prints.
func newParser(v *verbs, program string, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(v, append(more, kong.Name(program), kong.Description("Sessions of agents and people on targets: look, replay, end."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), clidoc.Examples(examples))...)
}

// Model is what the verbs look like: their words, flags and arguments, for completions and manual pages.
func Model(program string) (*kong.Node, error) {
	parser, err := newParser(&verbs{}, program)
	if err != nil {
		return nil, err
	}
	return parser.Model.Node, nil
}
