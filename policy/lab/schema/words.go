package schema

import "github.com/invopop/jsonschema"

// The words of the format: texts of a certain shape, and places where a text or a mapping may stand.
type (
	name       string
	login      string
	glob       string
	path       string
	pattern    string
	variable   string
	owner      string
	duration   string
	renewal    string
	clock      string
	size       string
	right      string
	namedSlot  string
	extensions []string
	members    []string
	names      []name
	tests      []test
	stdin      string
	hashes     string
	target     struct{ Described describedTarget }
	env        struct{ Valued valuedEnv }
	enrolment  struct{ OIDC oidcEnrolment }
	allow      struct{ Rule allowRule }
	ask        struct{ Rule askRule }
	deny       struct{ Rule denyRule }

	fileDeny    struct{ Rule deniedPath }
	forward     struct{ Rule endpoint }
	carriers    []string
	contentType string
	publicKey   string
	moment      string
	uses        string
	wait        string
)

func text(pattern, description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern, Description: description}
}

func oneOf(values ...any) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Enum: values} }

func list(items *jsonschema.Schema, atLeast uint64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: items, MinItems: &atLeast}
}

// either is a schema for a text, or for a mapping of a type.
func either(plain *jsonschema.Schema, mapping any) *jsonschema.Schema {
	r := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, Anonymous: true}
	s := r.Reflect(mapping)
	s.Version, s.ID = "", ""
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{plain, s}}
}

const hex64 = "[0-9a-f]{64}"

// JSONSchema describes a name.
func (name) JSONSchema() *jsonschema.Schema {
	return text(`^[a-z0-9][a-z0-9._-]{0,62}$`, "1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit.")
}

// JSONSchema describes an account on a target.
func (login) JSONSchema() *jsonschema.Schema {
	return text(`^[a-z_][a-z0-9._-]{0,31}$`, "1 to 32 of a-z 0-9 . _ -, beginning with a letter or _.")
}

// JSONSchema describes a name of a target in which * and ? stand for other characters.
func (glob) JSONSchema() *jsonschema.Schema {
	return text(`^[a-z0-9*?][a-z0-9._*?-]{0,62}$`, "A target's name, in which * and ? stand for other characters.")
}

// JSONSchema describes a path by glob.
func (path) JSONSchema() *jsonschema.Schema {
	return text(`^[/~][^<>,]*$`, "An absolute path or one below the home (~/…); * and ? stay between slashes, ** is everything below.")
}

// JSONSchema describes a command pattern, whose grammar a schema cannot say.
func (pattern) JSONSchema() *jsonschema.Schema {
	s := text(`^[^-\s]`, "A command word by word: systemctl (status|show) <unit:app-*>")
	longest := uint64(4096)
	s.MaxLength = &longest
	return s
}

// JSONSchema describes the name of a variable.
func (variable) JSONSchema() *jsonschema.Schema {
	return text(`^[A-Za-z_][A-Za-z0-9_]*\*?$`, "A variable such as LANG, or LC_* for all that begin so.")
}

// JSONSchema describes an owner.
func (owner) JSONSchema() *jsonschema.Schema {
	return text(`^(person|group):[a-z0-9][a-z0-9._-]{0,62}$`, "person:NAME or group:NAME.")
}

const durationForm = `^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`

// JSONSchema describes a duration.
func (duration) JSONSchema() *jsonschema.Schema {
	return text(durationForm, "A duration such as 15m.")
}

// JSONSchema describes a duration, or never.
func (renewal) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{oneOf("never"), text(durationForm, "A duration such as 12h.")}}
}

// JSONSchema describes a time of the day.
func (clock) JSONSchema() *jsonschema.Schema {
	return text(`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`, `A time of the day in quotes, "08:00" to "24:00".`)
}

// JSONSchema describes a moment: with its offset, or by the clock on the wall of a zone.
func (moment) JSONSchema() *jsonschema.Schema {
	return text(`^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}|T[0-9]{2}:[0-9]{2}:[0-9]{2}.*)$`, `A time in quotes: "2026-12-23 18:00" with tz, or "2026-12-23T18:00:00+01:00".`)
}

// JSONSchema describes a public key as a .pub file has it.
func (publicKey) JSONSchema() *jsonschema.Schema {
	return text(`^\s*(ssh-ed25519|sk-ssh-ed25519@openssh\.com|(sk-)?ecdsa-sha2-nistp256(@openssh\.com)?|ecdsa-sha2-nistp(384|521)|ssh-rsa) +[A-Za-z0-9+/]+=*`, "A line of a .pub file.")
}

// JSONSchema describes how long a command waits; not at all is 0s.
func (wait) JSONSchema() *jsonschema.Schema {
	return text(durationForm, "A duration such as 5m; 0s is not at all.")
}

// JSONSchema describes how many commands a grant is good for.
func (uses) JSONSchema() *jsonschema.Schema {
	number := &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: "1000000"}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{oneOf("any"), number}}
}

// JSONSchema describes a number of bytes.
func (size) JSONSchema() *jsonschema.Schema {
	return text(`^[0-9]+ *(B|KiB|MiB|GiB|TiB)$`, "A size such as 200MiB.")
}

// JSONSchema describes a right.
func (right) JSONSchema() *jsonschema.Schema {
	return oneOf("view", "operate", "unmask", "review", "approve", "administer")
}

// JSONSchema describes what a named slot stands for.
func (namedSlot) JSONSchema() *jsonschema.Schema {
	return text(`^<[a-z0-9]+(:[^<>]+)?>$`, "A slot: <path:/var/log/app/**>.")
}

// JSONSchema describes the extensions of certificates; the list may be empty.
func (extensions) JSONSchema() *jsonschema.Schema { return list(oneOf("task", "trace"), 0) }

// JSONSchema describes the members of a group.
func (members) JSONSchema() *jsonschema.Schema {
	return list(text(`^person:[a-z0-9][a-z0-9._-]{0,62}$`, "person:NAME."), 1)
}

// JSONSchema describes a list of names.
func (names) JSONSchema() *jsonschema.Schema { return list(name("").JSONSchema(), 1) }

// JSONSchema describes what may reach a command's input.
func (stdin) JSONSchema() *jsonschema.Schema {
	hash := text("^sha256:"+hex64+"$", "The client's whole input must have this hash.")
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{oneOf("none", "pipe", "data"), hash, list(hash, 1)}}
}

// JSONSchema describes one hash or several.
func (hashes) JSONSchema() *jsonschema.Schema {
	hash := text("^"+hex64+"$", "64 hex digits.")
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{hash, list(hash, 1)}}
}

// JSONSchema describes targets by name, or by name and labels.
func (target) JSONSchema() *jsonschema.Schema {
	s := either(glob("").JSONSchema(), &describedTarget{})
	atLeast := uint64(1)
	s.OneOf[1].MinProperties = &atLeast
	return s
}

// JSONSchema describes a variable, or one with what its value may be.
func (env) JSONSchema() *jsonschema.Schema { return either(variable("").JSONSchema(), &valuedEnv{}) }

// JSONSchema describes a way to get certificates.
func (enrolment) JSONSchema() *jsonschema.Schema {
	return either(oneOf("join", "key"), &oidcEnrolment{})
}

// JSONSchema describes an allow rule.
func (allow) JSONSchema() *jsonschema.Schema { return either(pattern("").JSONSchema(), &allowRule{}) }

// JSONSchema describes an ask rule.
func (ask) JSONSchema() *jsonschema.Schema { return either(pattern("").JSONSchema(), &askRule{}) }

// JSONSchema describes a deny rule.
func (deny) JSONSchema() *jsonschema.Schema { return either(pattern("").JSONSchema(), &denyRule{}) }

// JSONSchema describes a path that is denied, or one with the reason.
func (fileDeny) JSONSchema() *jsonschema.Schema { return either(path("").JSONSchema(), &deniedPath{}) }

// JSONSchema describes an endpoint.
func (forward) JSONSchema() *jsonschema.Schema {
	s := either(text(`^[^ ]+:[0-9]+(-[0-9]+)?$`, "HOST:PORT."), &endpoint{})
	atLeast := uint64(1)
	s.OneOf[1].MinProperties = &atLeast
	return s
}

// JSONSchema describes the protocols that carry files; the list may be empty.
func (carriers) JSONSchema() *jsonschema.Schema { return list(oneOf("sftp", "scp", "rsync", "git"), 0) }

// JSONSchema describes a type of content.
func (contentType) JSONSchema() *jsonschema.Schema {
	return oneOf("text", "json", "xml", "gzip", "zip", "tar", "zstd", "xz", "bzip2", "pdf", "png", "jpeg", "gif", "elf", "other")
}
