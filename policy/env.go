package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/policy/command"
)

// The bounds of a request's environment.
const (
	maxEnv      = 64   // variables
	maxEnvValue = 4096 // bytes
)

// reservedPrefixes begin names that make programs load code, read other configuration or start other programs. Variables
// with such names never reach a target, whatever a role lists.
var reservedPrefixes = [...]string{
	"LD_", "DYLD_", "GCONV_", "GLIBC_", "MALLOC_", "BASH_", "ZSH", "FISH", "PYTHON", "PERL", "RUBY", "NODE_", "NPM_", "JAVA_", "JDK_",
	"_JAVA_", "LUA_", "PHP_", "GEM_", "BUNDLE_", "GIT_", "SSH_", "SUDO_", "DBUS_", "XDG_", "RES_", "KRB5", "OPENSSL_", "SSL_",
	"CURL_", "LESS", "SYSTEMD_", "DOCKER_", "KUBE", "LYNX_", "PIP_", "PKG_CONFIG", "GATEHOUSE",
}

// reservedNames are single names of the same sort.
var reservedNames = [...]string{
	"PATH", "IFS", "ENV", "PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "CDPATH", "FPATH",
	"GLOBIGNORE", "HISTFILE", "INPUTRC", "HOME", "SHELL", "USER", "LOGNAME", "MAIL", "OLDPWD", "PWD", "TMPDIR", "FIGNORE", "POSIXLY_CORRECT",
	"MANPAGER", "MANPATH", "MANOPT", "MANROFFOPT", "MANLESS", "PHPRC", "EDITOR", "VISUAL", "FCEDIT", "PAGER", "BROWSER", "LOCPATH", "NLSPATH", "LANGUAGE", "TEXTDOMAINDIR", "LIBRARY_PATH", "LOCALDOMAIN", "HOSTALIASES", "NIS_PATH", "PATH_LOCALE",
	"TERMINFO", "TERMINFO_DIRS", "TERMPATH", "TERMCAP", "TZDIR", "CLASSPATH", "GNUPGHOME", "NETRC", "WGETRC", "HGRCPATH",
	"TAR_OPTIONS", "ZIPOPT", "ZIP", "UNZIP", "GZIP", "BZIP2", "XZ_OPT", "XZ_DEFAULTS", "ZSTD_CLEVEL", "RSYNC_RSH", "RSYNC_PROXY", "CVS_RSH",
	"RIPGREP_CONFIG_PATH", "GREP_OPTIONS", "ACK_OPTIONS", "AWKPATH", "AWKLIBPATH", "MAKEFLAGS", "MFLAGS", "MAKEFILES", "VIMINIT", "EXINIT",
	"NVIM_APPNAME", "MYVIMRC", "VIM", "VIMRUNTIME", "PGSERVICEFILE", "PGPASSFILE", "PGOPTIONS", "PSQLRC", "PSQL_EDITOR", "MYSQL_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY", "CC", "CXX", "GOFLAGS", "RUSTFLAGS", "CARGO_HOME",
}

// reservedSuffixes end names that programs read as commands to start.
var reservedSuffixes = [...]string{"_PAGER", "_EDITOR", "_RSH", "_ASKPASS", "_SHELL", "_COMMAND", "_OPTIONS", "_OPTS", "_BROWSER", "_PRELOAD"}

// reservedEnv reports whether a variable may never be set. Case does not matter, as some programs read lower case too.
func reservedEnv(name string) bool {
	name = strings.ToUpper(name)
	return slices.Contains(reservedNames[:], name) ||
		slices.ContainsFunc(reservedPrefixes[:], func(prefix string) bool { return strings.HasPrefix(name, prefix) }) ||
		slices.ContainsFunc(reservedSuffixes[:], func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// envRule is a variable that a role lists: a name, or a beginning of names and *, and what its value may be.
type envRule struct {
	name  string
	value *command.Pattern // of one word; nil: any plain text
	shown string           // the value's pattern with its named slots written out
}

// deniedEnv reports the first variable that no role lists, or that could not be set safely.
func deniedEnv(roles []applied, env []EnvVar, advice string) *Decision {
	no := func(format string, args ...any) *Decision {
		d := deny(CodeEnvNotAllowed, fmt.Sprintf(format, args...))
		return &d
	}
	if len(env) > maxEnv {
		return no("a request sets at most %d variables", maxEnv)
	}
	for _, v := range env {
		lists := func(a applied) bool { return !a.denyOnly && a.lists(v.Name, func(envRule) bool { return true }) }
		if !slices.ContainsFunc(roles, lists) || !validEnvName(v.Name) || reservedEnv(v.Name) || shellVariable(v.Name) {
			return no("no role lets %q be set: %s", cut(v.Name), advice)
		}
		if !safeEnvValue(v.Value) {
			return no("the value of %q is not plain text of at most %d bytes", cut(v.Name), maxEnvValue)
		}
		takes := func(a applied) bool {
			return !a.denyOnly && a.lists(v.Name, func(e envRule) bool { return e.takes(v.Value) })
		}
		if !slices.ContainsFunc(roles, takes) {
			return no("no role lets %q have that value", cut(v.Name))
		}
	}
	return nil
}

// lists reports whether the role has an entry for the name that further accepts.
func (r *role) lists(name string, further func(envRule) bool) bool {
	return slices.ContainsFunc(r.env, func(e envRule) bool { return e.names(name) && further(e) })
}

func (e envRule) names(name string) bool {
	prefix, open := strings.CutSuffix(e.name, "*")
	return name == e.name || open && strings.HasPrefix(name, prefix)
}

func (e envRule) takes(value string) bool {
	return e.value == nil || e.value.Match([]string{"value", value}, command.View{}).Matched
}

// safeEnvValue refuses what is not text, and values that shells have read as functions.
func safeEnvValue(value string) bool {
	return len(value) <= maxEnvValue && utf8.ValidString(value) && !strings.HasPrefix(value, "()") &&
		!strings.ContainsFunc(value, unicode.IsControl)
}

func validEnvName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// reservedPattern reports whether an env list's entry names reserved variables: LD_*, and LD* as well.
func reservedPattern(pattern string) bool {
	prefix, open := strings.CutSuffix(pattern, "*")
	return reservedEnv(prefix) || open && reservedEnv(prefix+"_")
}

// SplitEnv divides what a client wants to set into what Decide will accept and the names of what it would not. An SSH server
// may refuse a variable without refusing the command (RFC 4254 section 6.4), and stock clients send LANG whether they need
// it or not.
func (p *Policy) SplitEnv(r Request) (accepted []EnvVar, refused []string) {
	roles, _ := p.applying(&r)
	for _, v := range r.Env {
		if deniedEnv(roles, []EnvVar{v}, "") != nil || len(accepted) == maxEnv {
			refused = append(refused, cut(v.Name))
			continue
		}
		accepted = append(accepted, v)
	}
	return accepted, refused
}
