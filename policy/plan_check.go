package policy

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a plan.
const (
	maxCommands  = 64
	maxWords     = 4096
	maxPlanDepth = 16
	maxRedirs    = 64
	maxWraps     = 8
	maxStarts    = 64 // of one command
	maxPathBytes = 4096
	maxData      = 64 << 10 // of all here-documents
	maxLineBytes = 120_000  // what a kernel takes as one argument of the login shell is 128 KiB
)

// Commands returns the argvs of the plan's leaves from left to right. A line that a shell of the target reads has none.
func (p Plan) Commands() []Argv {
	if p.Op == OpRun {
		return []Argv{p.Argv}
	}
	var argvs []Argv
	for _, part := range p.Parts {
		argvs = append(argvs, part.Commands()...)
	}
	return argvs
}

// Validate reports whether the plan has the shape that its types promise and stays within the bounds: at most 64 commands,
// 4096 words, 64 redirections, and a line that a target's kernel still takes. What launchers and starters of programs say
// is read again here, so that no plan can hide a command in Wrap or leave one out of Starts. Everything that reads a plan
// from outside calls it first.
func (p Plan) Validate() error { return p.validate(planCount{}) }

func (p Plan) validate(c planCount) error {
	if err := c.add(p, 0); err != nil {
		return err
	}
	if p.bytes()*mostQuoted <= maxLineBytes {
		return nil // whatever its characters are
	}
	if size := len(p.Line(nil)); size > maxLineBytes {
		return fmt.Errorf("the command is too long: %d bytes when quoted, at most %d", size, maxLineBytes)
	}
	return nil
}

// mostQuoted is how long a byte can become in a line: quotes around it in a script, whose quotes are quoted again.
const mostQuoted = 32

// bytes is the length of all texts of the plan, and some for what joins them.
func (p Plan) bytes() int {
	const joint = 16
	n := joint + len(p.Dir) + len(p.Umask) + len(p.Text)
	for _, r := range p.Redirs {
		n += joint + len(r.Path) + len(r.Data)
	}
	for _, v := range p.Env {
		n += joint + len(v.Name) + len(v.Value)
	}
	for _, argv := range append([]Argv{p.Argv}, p.Wrap...) {
		for _, word := range argv {
			n += 1 + len(word)
		}
	}
	for _, part := range p.Parts {
		n += part.bytes()
	}
	return n
}

// planCount adds up a plan's size.
type planCount struct {
	commands, words, redirs, data int
	final                         bool // what starts others may be told where they are
}

func (c *planCount) add(p Plan, depth int) error {
	if p.Op == OpShell {
		return checkShell(p, depth)
	}
	if p.Op == OpGoverned {
		return errors.New("what a governed shell reads is an answer of policy, and no plan that can be asked for or run")
	}
	if p.Text != "" {
		return errors.New("only a line for a shell has text")
	}
	if err := c.addCommon(p); err != nil {
		return err
	}
	if p.Op == OpRun {
		return c.addCommand(p)
	}
	return c.addJoint(p, depth)
}

// checkShell takes a shell's line only as the whole plan, with nothing around it.
func checkShell(p Plan, depth int) error {
	if depth > 0 || len(p.Parts) > 0 || len(p.Redirs) > 0 || p.Dir != "" || p.Umask != "" || p.Not || p.Pipefail || !p.wordless() {
		return errors.New("a shell's line stands alone in its plan")
	}
	return checkText("a shell's line", p.Text)
}

// wordless reports whether the plan has nothing that only a command has.
func (p Plan) wordless() bool {
	return len(p.Argv)+len(p.Env)+len(p.Wrap)+len(p.Globs)+len(p.Tildes)+len(p.Starts) == 0 && !p.Null
}

// addCommon checks what any node may have.
func (c *planCount) addCommon(p Plan) error {
	if p.Dir != "" {
		if err := checkPath("directory", p.Dir); err != nil {
			return err
		}
		if p.Dir[0] == '-' {
			return fmt.Errorf("the directory %q begins with -: write ./ before it", p.Dir)
		}
		if slices.Contains(strings.Split(p.Dir, "/"), "..") { // a shell's cd takes it off the text, a look goes there
			return fmt.Errorf("the directory %q has .. in it, which shells read otherwise than the target: write it in full", p.Dir)
		}
	}
	if p.Umask != "" && !validUmask(p.Umask) {
		return fmt.Errorf("the umask %q is not three octal digits", p.Umask)
	}
	if p.Pipefail && p.Op != OpPipe {
		return errors.New("only a pipeline has pipefail")
	}
	for _, r := range p.Redirs {
		if err := c.addRedir(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *planCount) addRedir(r Redir) error {
	c.redirs++
	c.data += len(r.Data)
	switch {
	case c.redirs > maxRedirs:
		return fmt.Errorf("a line has at most %d redirections", maxRedirs)
	case c.data > maxData:
		return fmt.Errorf("here-documents have at most %d bytes together", maxData)
	}
	into := r.FD == 1 || r.FD == 2
	switch r.Op {
	case RedirIn:
		if r.FD != 0 || r.To != 0 || r.Data != "" {
			return errors.New("< gives standard input a file and nothing else")
		}
		return checkRedirPath(r.Path)
	case RedirOut, RedirAppend:
		if !into || r.To != 0 || r.Data != "" {
			return fmt.Errorf("%s gives standard output or standard error a file and nothing else", r.Op)
		}
		return checkRedirPath(r.Path)
	case RedirDup:
		if !into || r.To != 1 && r.To != 2 || r.Path != "" || r.Data != "" {
			return errors.New(">& makes one of standard output and standard error the other and nothing else")
		}
		return nil
	case RedirData:
		if r.FD != 0 || r.To != 0 || r.Path != "" {
			return errors.New("a here-document is standard input and nothing else")
		}
		return checkText("a here-document", r.Data)
	}
	return fmt.Errorf("%q is not a redirection", r.Op)
}

// checkRedirPath refuses what bash takes for a network connection as well.
func checkRedirPath(name string) error {
	if strings.HasPrefix(name, "/dev/tcp/") || strings.HasPrefix(name, "/dev/udp/") {
		return fmt.Errorf("%q would be a network connection", name)
	}
	return checkPath("redirected file", name)
}

func checkPath(what, name string) error {
	switch {
	case name == "" || len(name) > maxPathBytes:
		return fmt.Errorf("the %s has a path of 1 to %d bytes", what, maxPathBytes)
	case name[0] == '~' && name != "~" && name[1] != '/':
		return fmt.Errorf("the %s %q is neither in the login's home nor below ./", what, name)
	}
	return errors.Join(checkText("the path of a "+what, name), checkKnown("the path of a "+what, name))
}

// checkKnown refuses the characters that stand for what is not known yet, in a word that is: nobody would look where a path of that
// name leads.
func checkKnown(what, word string) error {
	if strings.Contains(word, Unknown) {
		return fmt.Errorf("%s has characters that stand for an unknown word: %q", what, word)
	}
	return nil
}

func checkText(what, text string) error {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return fmt.Errorf("%s is not UTF-8 without NUL: %q", what, text)
	}
	return nil
}

func validUmask(mask string) bool {
	return len(mask) == 3 && strings.Trim(mask, "01234567") == ""
}

func (c *planCount) addJoint(p Plan, depth int) error {
	switch p.Op {
	case OpPipe, OpAnd, OpOr, OpSeq:
	default:
		return fmt.Errorf("%q is not an operator", p.Op)
	}
	own := p.Dir != "" || p.Umask != "" || len(p.Redirs) > 0 || p.Not
	if !p.wordless() || len(p.Parts) == 0 || len(p.Parts) == 1 && (!own || p.Op == OpPipe) {
		return fmt.Errorf("%q joins two or more parts, or holds something for one, and has no words of its own", p.Op)
	}
	if depth == maxPlanDepth || len(p.Parts) > maxCommands {
		return tooManyCommands()
	}
	for _, part := range p.Parts {
		if err := c.add(part, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *planCount) addCommand(p Plan) error {
	c.commands++
	if c.commands > maxCommands {
		return tooManyCommands()
	}
	if len(p.Parts) > 0 {
		return errors.New("a command has no parts")
	}
	if err := c.addArgv(p.Argv); err != nil {
		return err
	}
	for _, word := range p.Argv {
		if err := checkKnown("a word", word); err != nil {
			return err
		}
	}
	if err := c.addEnv(p.Env, c.final && len(p.Starts) > 0); err != nil {
		return err
	}
	if err := c.addWraps(p.Wrap); err != nil {
		return err
	}
	if err := checkIndexes(p.Globs, 1, len(p.Argv)); err != nil {
		return err
	}
	if err := checkIndexes(p.Tildes, 1, len(p.Argv)); err != nil {
		return err
	}
	for _, i := range p.Tildes {
		if word := p.Argv[i]; word != "~" && !strings.HasPrefix(word, "~/") {
			return fmt.Errorf("%q is not a path in the login's home", word)
		}
	}
	return c.addStarts(p)
}

func (c *planCount) addArgv(argv Argv) error {
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("a command has no name")
	}
	if argv[0][0] == '-' {
		return fmt.Errorf("a command's name cannot begin with -: %q", argv[0]) // exec would read it as its own option
	}
	if strings.Contains(argv[0], "=") && !strings.Contains(argv[0], "/") {
		return fmt.Errorf("a command's name cannot hold = unless it is a path: %q", argv[0]) // the launcher would set a variable
	}
	return c.addWords(argv)
}

func (c *planCount) addWords(words []string) error {
	c.words += len(words)
	if c.words > maxWords {
		return fmt.Errorf("a line has at most %d words", maxWords)
	}
	for _, word := range words {
		if err := checkText("a word", word); err != nil {
			return err
		}
	}
	return nil
}

// addEnv checks only that a variable can be set as it is written; which names may be set a policy says. path admits PATH,
// which only a decision adds, for find and xargs to find what they start.
func (c *planCount) addEnv(env []EnvVar, path bool) error {
	if len(env) > maxEnv {
		return fmt.Errorf("a command sets at most %d variables", maxEnv)
	}
	for _, v := range env {
		if !validEnvName(v.Name) || shellVariable(v.Name) && !(path && v.Name == "PATH") {
			return fmt.Errorf("%q cannot be set for a command", v.Name)
		}
		if !safeEnvValue(v.Value) {
			return fmt.Errorf("the value of %q is not plain text of at most %d bytes", v.Name, maxEnvValue)
		}
		if err := errors.Join(c.addWords([]string{v.Value}), checkKnown("a variable", v.Value)); err != nil {
			return err
		}
	}
	return nil
}

// shellVariables are names that shells set, watch or forbid to set, so that a command would not get them as written, and those
// by which a shell reads its own text differently.
var shellVariables = []string{
	"_", "CDPATH", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GLOBIGNORE", "GROUPS", "HISTCMD", "HOME", "IFS", "LINENO", "OLDPWD", "OPTARG",
	"OPTERR", "OPTIND", "PATH", "PIPESTATUS", "POSIXLY_CORRECT", "PPID", "PWD", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID",
}

func shellVariable(name string) bool {
	return slices.Contains(shellVariables, name) || strings.HasPrefix(name, "BASH") || strings.HasPrefix(name, "COMP_")
}

// addWraps reads every launcher again: all its words must be its own.
func (c *planCount) addWraps(wraps []Argv) error {
	if len(wraps) > maxWraps {
		return fmt.Errorf("a command has at most %d launchers", maxWraps)
	}
	for _, wrap := range wraps {
		if err := c.addArgv(wrap); err != nil {
			return err
		}
		own, known, err := Launcher(wrap)
		if err != nil || !known || own != len(wrap) {
			return fmt.Errorf("%q is not a launcher with its options", wrap)
		}
	}
	return nil
}

// addStarts compares what a command is said to start with what its words say. Only the programs' paths may differ.
func (c *planCount) addStarts(p Plan) error {
	want, err := Starts(p.Argv)
	if err != nil {
		return err
	}
	if len(want) != len(p.Starts) {
		return fmt.Errorf("%q starts commands that are not as its words say", p.Argv[0])
	}
	for i, argv := range p.Starts {
		if err := c.addArgv(argv); err != nil {
			return err
		}
		if path.Base(argv[0]) != path.Base(want[i][0]) || !slices.Equal(argv[1:], want[i][1:]) {
			return fmt.Errorf("%q starts commands that are not as its words say", p.Argv[0])
		}
	}
	return nil
}

func checkIndexes(indexes []int, low, high int) error {
	last := low - 1
	for _, i := range indexes {
		if i <= last || i >= high {
			return errors.New("the words to expand are listed once, in order, and are no command's name")
		}
		last = i
	}
	return nil
}

func tooManyCommands() error {
	return fmt.Errorf("a line has at most %d commands, nested at most %d deep", maxCommands, maxPlanDepth)
}
