// Package schema describes policy files as a JSON Schema (draft 2020-12), so that editors complete and check them while they
// are written.
//
// The types mirror the file format; the parser in package policy is what counts. The schema accepts every valid policy. It
// cannot see what needs more than one place of a file: names that must exist, what a pattern says.
package schema

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// ID is the schema's name. Gatehouse serves it under /v1/policy.schema.json.
const ID = "https://gatehouse.internal/policy.schema.json"

// Policy is a policy file.
type Policy struct {
	Version  int                `json:"version" jsonschema:"enum=1,description=The version of the format."`
	Issuers  map[name]issuer    `json:"issuers,omitempty" jsonschema:"description=Who vouches for tokens: OIDC issuers."`
	Profiles map[name]profile   `json:"profiles,omitempty" jsonschema:"description=What certificates are like."`
	Groups   map[name]members   `json:"groups,omitempty" jsonschema:"description=Groups of people."`
	People   map[name]person    `json:"people,omitempty" jsonschema:"description=People."`
	Agents   map[name]agent     `json:"agents,omitempty" jsonschema:"description=Agents."`
	Slots    map[name]namedSlot `json:"slots,omitempty" jsonschema:"description=Slots with a name that patterns share."`
	Roles    map[name]role      `json:"roles,omitempty" jsonschema:"description=What may be done where."`
	Freezes  []freeze           `json:"freezes,omitempty" jsonschema:"minItems=1,description=Times in which nothing is changed."`
	Residue  []residue          `json:"residue,omitempty" jsonschema:"minItems=1,description=Where a target may be looked at for what a session left."`
	Tests    tests              `json:"tests,omitempty" jsonschema:"description=What the policy is expected to decide."`
}

type issuer struct {
	URL         string   `json:"url" jsonschema:"pattern=^https://,description=The issuer as tokens name it."`
	Audience    string   `json:"audience" jsonschema:"minLength=1,description=The audience that tokens must have."`
	Hosts       []string `json:"hosts,omitempty" jsonschema:"minItems=1,description=Hosts besides the issuer's own that its keys may come from."`
	Roots       string   `json:"roots,omitempty" jsonschema:"description=PEM certificates that the issuer's TLS is checked by."`
	JTIOptional bool     `json:"jti_optional,omitempty" jsonschema:"description=Tokens may have no jti."`
}

type profile struct {
	MaxTTL     duration   `json:"max_ttl,omitempty" jsonschema:"description=How long a certificate is valid at most."`
	RenewFor   renewal    `json:"renew_for,omitempty" jsonschema:"description=How long certificates may be renewed after one proof; never: not at all."`
	Sources    []string   `json:"sources,omitempty" jsonschema:"minItems=1,description=Networks from which certificates are good."`
	Tasks      []string   `json:"tasks,omitempty" jsonschema:"minItems=1,description=Tasks that a request may name; * stands for any characters."`
	Extensions extensions `json:"extensions,omitempty" jsonschema:"description=What a certificate says besides its name."`
}

type person struct {
	Roles    names    `json:"roles,omitempty"`
	MaxTTL   duration `json:"max_ttl,omitempty" jsonschema:"description=How long a certificate is valid at most."`
	Profile  name     `json:"profile,omitempty"`
	Disabled bool     `json:"disabled,omitempty" jsonschema:"description=May not act now."`
	OIDC     *account `json:"oidc,omitempty" jsonschema:"description=The account with which the person signs in."`

	ApprovalKeys []publicKey `json:"approval_keys,omitempty" jsonschema:"minItems=1,maxItems=16,description=SSH keys by which the person signs approvals."`
}

type account struct {
	Issuer  name   `json:"issuer"`
	Subject string `json:"subject" jsonschema:"minLength=1,maxLength=200"`
}

type agent struct {
	Owner    owner       `json:"owner" jsonschema:"description=Who answers for it: person:NAME or group:NAME."`
	Roles    names       `json:"roles,omitempty"`
	MaxTTL   duration    `json:"max_ttl,omitempty" jsonschema:"description=How long a certificate is valid at most."`
	Profile  name        `json:"profile,omitempty"`
	Disabled bool        `json:"disabled,omitempty" jsonschema:"description=May not act now."`
	Enrol    []enrolment `json:"enrol,omitempty" jsonschema:"minItems=1,description=How it gets its certificates."`
}

type oidcEnrolment struct {
	OIDC    name              `json:"oidc" jsonschema:"description=An issuer's name."`
	Subject string            `json:"subject" jsonschema:"minLength=1,maxLength=256"`
	Claims  map[string]string `json:"claims,omitempty"`
	Actors  []string          `json:"actors,omitempty" jsonschema:"minItems=1,maxItems=4"`
}

type role struct {
	Includes  names     `json:"includes,omitempty" jsonschema:"description=Roles whose rules, env, dirs, files and forward it has too."`
	Targets   []target  `json:"targets,omitempty" jsonschema:"minItems=1,description=Names of targets; * and ? stand for other characters."`
	Logins    []login   `json:"logins,omitempty" jsonschema:"minItems=1,description=Accounts on these targets."`
	Rights    []right   `json:"rights,omitempty" jsonschema:"minItems=1,description=What people may do to Gatehouse itself."`
	When      string    `json:"when,omitempty" jsonschema:"minLength=1,description=A CEL condition."`
	Windows   []window  `json:"windows,omitempty" jsonschema:"minItems=1,description=When the role applies."`
	Limits    *limits   `json:"limits,omitempty" jsonschema:"description=Limits of sessions."`
	Shell     string    `json:"shell,omitempty" jsonschema:"enum=none,enum=governed,enum=recorded,description=What reads lines that are no plan: a governed shell whose every command is decided; or the login's own: recorded\\, not contained."`
	Recording string    `json:"recording,omitempty" jsonschema:"enum=strict,enum=best_effort,description=What happens when a session cannot be recorded: strict ends it; best_effort lets it go on and says so."`
	Env       []env     `json:"env,omitempty" jsonschema:"minItems=1,description=Variables that a client may set."`
	Dirs      []path    `json:"dirs,omitempty" jsonschema:"minItems=1,description=Working directories."`
	Files     *files    `json:"files,omitempty" jsonschema:"description=Files for redirections and transfers."`
	Forward   []forward `json:"forward,omitempty" jsonschema:"minItems=1,description=Endpoints that may be reached."`
	Allow     []allow   `json:"allow,omitempty" jsonschema:"minItems=1,description=Rules that allow."`
	Ask       []ask     `json:"ask,omitempty" jsonschema:"minItems=1,description=Rules that people approve first."`
	Deny      []deny    `json:"deny,omitempty" jsonschema:"minItems=1,description=Rules that deny; they beat all others."`

	Request    []lent  `json:"request,omitempty" jsonschema:"minItems=1,maxItems=64,description=Roles that its holders may ask for."`
	BreakGlass []glass `json:"break_glass,omitempty" jsonschema:"minItems=1,maxItems=64,description=Roles that its holders may take in an emergency and answer for afterwards."`
	Budget     *budget `json:"budget,omitempty" jsonschema:"description=What its holders may use up in all."`
	InFreeze   bool    `json:"in_freeze,omitempty" jsonschema:"description=It applies during freezes too."`
}

type describedTarget struct {
	Name   glob              `json:"name,omitempty"`
	Labels map[string]string `json:"labels,omitempty" jsonschema:"minProperties=1"`
}

type window struct {
	Days []string `json:"days,omitempty" jsonschema:"minItems=1,enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun"`
	From clock    `json:"from"`
	To   clock    `json:"to"`
	TZ   string   `json:"tz,omitempty" jsonschema:"description=A time zone such as Europe/Berlin; UTC if it is not said."`
}

type limits struct {
	Session  duration `json:"session,omitempty" jsonschema:"description=How long a session lasts at most."`
	Idle     duration `json:"idle,omitempty" jsonschema:"description=How long a session may be silent."`
	Sessions int      `json:"sessions,omitempty" jsonschema:"minimum=1,maximum=1000000,description=How many at once."`
	Denials  int      `json:"denials,omitempty" jsonschema:"minimum=1,maximum=1000000,description=How many on one connection."`
	BytesOut size     `json:"bytes_out,omitempty"`
	BytesIn  size     `json:"bytes_in,omitempty"`
}

type files struct {
	Read    []path     `json:"read,omitempty" jsonschema:"minItems=1"`
	Write   []path     `json:"write,omitempty" jsonschema:"minItems=1"`
	Deny    []fileDeny `json:"deny,omitempty" jsonschema:"minItems=1,description=Paths that stay closed whatever else is open."`
	By      carriers   `json:"by,omitempty" jsonschema:"description=Protocols that may carry them; sftp and scp if it is not said; none leaves redirections of commands."`
	MaxFile size       `json:"max_file,omitempty" jsonschema:"description=Bytes of one file."`
	Hold    *hold      `json:"hold,omitempty" jsonschema:"description=What a file's content must be before it reaches its other end."`
}

type deniedPath struct {
	Path   path   `json:"path"`
	Reason string `json:"reason,omitempty" jsonschema:"minLength=1,maxLength=200,description=One line that the agent sees."`
}

type hold struct {
	Secrets bool          `json:"secrets,omitempty" jsonschema:"description=A file in which a secret is found stays back."`
	Types   []contentType `json:"types,omitempty" jsonschema:"minItems=1,description=What a file may be, by its content."`
	Max     size          `json:"max,omitempty" jsonschema:"description=A larger file stays back."`
}

type endpoint struct {
	To     string   `json:"to,omitempty" jsonschema:"minLength=1,description=HOST:PORT; the host a name with * and ?, an address or a network; the port one or a range."`
	Socket path     `json:"socket,omitempty" jsonschema:"description=A socket on the target."`
	Via    string   `json:"via,omitempty" jsonschema:"enum=door,enum=target,description=Who dials; the door if it is not said."`
	Within []string `json:"within,omitempty" jsonschema:"minItems=1,description=Networks in which the name's address must lie."`
}

type valuedEnv struct {
	Name  variable `json:"name"`
	Value string   `json:"value" jsonschema:"minLength=1,description=A word or a slot."`
}

// grants are the fields of rules that let something run.
type grants struct {
	Run        pattern `json:"run"`
	ID         name    `json:"id,omitempty" jsonschema:"description=A name for the rule; otherwise its place in the list is its id."`
	When       string  `json:"when,omitempty" jsonschema:"minLength=1,description=A CEL condition."`
	Mode       string  `json:"mode,omitempty" jsonschema:"enum=plain,enum=pinned,description=What the certificate for the target allows."`
	PTY        bool    `json:"pty,omitempty" jsonschema:"description=It may run on a pty."`
	Stdin      stdin   `json:"stdin,omitempty" jsonschema:"description=What may reach its input."`
	StdinMax   size    `json:"stdin_max,omitempty"`
	SHA256     hashes  `json:"sha256,omitempty" jsonschema:"description=The SHA-256 of the program's file."`
	Dirs       []path  `json:"dirs,omitempty" jsonschema:"minItems=1,description=Working directories, instead of the role's."`
	DryRun     bool    `json:"dry_run,omitempty" jsonschema:"description=It is decided and shown, and nothing runs."`
	MaxSeconds int     `json:"max_seconds,omitempty" jsonschema:"minimum=1,maximum=604800"`
}

type allowRule struct {
	grants
}

type askRule struct {
	grants
	terms
	Wait wait `json:"wait,omitempty" jsonschema:"description=How long the command waits on the line; 0s: it is answered at once; within if it is not said."`
}

// threshold says how many of whom.
type threshold struct {
	Approvals int    `json:"approvals,omitempty" jsonschema:"minimum=1,maximum=16,description=How many people; 1 if it is not said."`
	From      names  `json:"from,omitempty" jsonschema:"description=Groups that they are in; everybody with the right approve if it is not said."`
	ApproveBy string `json:"approve_by,omitempty" jsonschema:"enum=passkey,enum=ssh,description=How they prove it; either if it is not said."`
}

// terms say what people approve.
type terms struct {
	threshold
	AllOf     []threshold `json:"all_of,omitempty" jsonschema:"minItems=1,maxItems=8,description=Several thresholds: each must be met; instead of approvals and from."`
	Within    duration    `json:"within,omitempty" jsonschema:"description=How long the request lives; 15m if it is not said."`
	For       duration    `json:"for,omitempty" jsonschema:"description=How long the grant lives at most; 10m for a command and 1h for a role if it is not said."`
	Uses      uses        `json:"uses,omitempty" jsonschema:"description=How many commands the grant is good for at most; 1 for a command and any for a role if it is not said."`
	Decline   string      `json:"decline,omitempty" jsonschema:"enum=one,enum=quorum,description=one: one no ends the request; quorum: it ends when too few are left to say yes."`
	Heartbeat duration    `json:"heartbeat,omitempty" jsonschema:"description=The grant ends when its orchestrator is silent for so long."`
}

type lent struct {
	Role name `json:"role" jsonschema:"description=The role that may be asked for."`
	terms
}

type glass struct {
	Role   name     `json:"role" jsonschema:"description=The role that may be taken."`
	For    duration `json:"for,omitempty" jsonschema:"description=How long; 1h if it is not said."`
	Review *review  `json:"review,omitempty" jsonschema:"description=Who must look at what was done before it can be taken again; two with the right review if it is not said."`
}

type review struct {
	Approvals int   `json:"approvals,omitempty" jsonschema:"minimum=1,maximum=16,description=How many people; 2 if it is not said."`
	From      names `json:"from,omitempty" jsonschema:"description=Groups that they are in; everybody with the right review if it is not said."`
}

type budget struct {
	Per      string   `json:"per" jsonschema:"enum=task,enum=day,description=What it is counted by; days are those of UTC."`
	Commands int      `json:"commands,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	Denials  int      `json:"denials,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	Hosts    int      `json:"hosts,omitempty" jsonschema:"minimum=1,maximum=1000000,description=Different targets."`
	BytesOut size     `json:"bytes_out,omitempty"`
	Writes   int      `json:"writes,omitempty" jsonschema:"minimum=1,maximum=1000000,description=Operations that change files."`
	Wall     duration `json:"wall,omitempty" jsonschema:"description=Time of all sessions together."`
	Sessions int      `json:"sessions,omitempty" jsonschema:"minimum=1,maximum=1000000"`
}

type freeze struct {
	Targets []target `json:"targets" jsonschema:"minItems=1"`
	From    moment   `json:"from"`
	To      moment   `json:"to"`
	TZ      string   `json:"tz,omitempty" jsonschema:"description=The time zone of from and to where they do not say it."`
	Reason  string   `json:"reason" jsonschema:"minLength=1,maxLength=200,description=One line that whoever comes sees."`
}

type residue struct {
	Targets []target `json:"targets" jsonschema:"minItems=1"`
	Logins  []login  `json:"logins" jsonschema:"minItems=1"`
	After   string   `json:"after,omitempty" jsonschema:"enum=kill,enum=end,description=When: after a kill, or whenever a session ends."`
}

type denyRule struct {
	Run    pattern `json:"run"`
	ID     name    `json:"id,omitempty"`
	When   string  `json:"when,omitempty" jsonschema:"minLength=1,description=A CEL condition."`
	Reason string  `json:"reason,omitempty" jsonschema:"minLength=1,maxLength=200,description=One line that the agent sees."`
}

type test struct {
	As     string `json:"as" jsonschema:"minLength=1,description=AGENT or person:NAME."`
	On     name   `json:"on" jsonschema:"description=The target."`
	Login  login  `json:"login"`
	Run    string `json:"run,omitempty" jsonschema:"minLength=1,description=The client's line."`
	Read   path   `json:"read,omitempty" jsonschema:"description=Or a file that is read."`
	Write  path   `json:"write,omitempty" jsonschema:"description=Or one that is written."`
	List   path   `json:"list,omitempty" jsonschema:"description=Or a folder that is listed."`
	Mkdir  path   `json:"mkdir,omitempty" jsonschema:"description=Or one that is made."`
	Remove path   `json:"remove,omitempty" jsonschema:"description=Or what is removed."`
	Rename path   `json:"rename,omitempty" jsonschema:"description=Or what is renamed."`
	To     path   `json:"to,omitempty" jsonschema:"description=Of rename: the new name."`
	By     string `json:"by,omitempty" jsonschema:"enum=sftp,enum=scp,description=Of a file: the protocol; sftp if it is not said."`
	Size   size   `json:"size,omitempty" jsonschema:"description=Of a file that is read."`

	Forward string `json:"forward,omitempty" jsonschema:"minLength=1,description=Or a forward: HOST:PORT or the path of a socket."`
	Address string `json:"address,omitempty" jsonschema:"minLength=1,description=Of a forward: the address that the host has."`

	PTY    bool              `json:"pty,omitempty"`
	Step   bool              `json:"step,omitempty" jsonschema:"description=The line is one command of a governed shell."`
	Env    map[string]string `json:"env,omitempty"`
	Labels map[string]string `json:"labels,omitempty" jsonschema:"description=The target's."`
	Task   string            `json:"task,omitempty"`

	Granted names `json:"granted,omitempty" jsonschema:"description=Roles that it holds for a time."`

	From   string `json:"from,omitempty" jsonschema:"description=The client's address."`
	At     string `json:"at,omitempty" jsonschema:"description=When it is asked: 2026-11-25T10:00:00Z."`
	Expect string `json:"expect" jsonschema:"enum=allow,enum=ask,enum=deny,enum=governed"`
	Code   string `json:"code,omitempty" jsonschema:"pattern=^[a-z_]+$,description=The code of a denial."`
	Rule   string `json:"rule,omitempty" jsonschema:"description=A rule that must be among those that decided."`
}

// Text renders the schema. It is the same every time.
func Text() ([]byte, error) {
	r := jsonschema.Reflector{DoNotReference: false, ExpandedStruct: true, Anonymous: true}
	s := r.Reflect(&Policy{})
	s.ID, s.Title = ID, "Gatehouse policy"
	s.Description = "Who may run what, where. What it does not allow is denied."
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Key != "version" {
			p.Value = section(p.Value)
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render schema: %w", err)
	}
	return append(text, '\n'), nil
}

// section is a part of the file: the keys of a mapping are names, and its lines may all be comments.
func section(s *jsonschema.Schema) *jsonschema.Schema {
	filled := *s
	filled.Description = ""
	if filled.Type == "object" {
		filled.PropertyNames = &jsonschema.Schema{Ref: "#/$defs/name"}
	}
	return &jsonschema.Schema{Description: s.Description, OneOf: []*jsonschema.Schema{&filled, {Type: "null"}}}
}
