package admit

// The variables whose values or effects bash makes and the interpreter does not. Those that a governed shell has are not here: HOME, PWD,
// OLDPWD, UID, EUID, PPID, HOSTNAME, OSTYPE, BASH_VERSION, SECONDS, EPOCHSECONDS, RANDOM, SRANDOM, LINENO, IFS, REPLY, OPTIND, OPTARG,
// and $0 $1 … $# $@ $* $? $$ $!.
var unread = map[string]rule{
	"PIPESTATUS": pipeStatus, "_": lastArgument, "-": optionLetters, "FUNCNAME": callStack, "BASH_SOURCE": callStack, "BASH_LINENO": callStack,
	"BASH_ARGV": callStack, "BASH_ARGC": callStack, "BASH_ARGV0": callStack, "BASH_COMMAND": callStack, "BASH_EXECUTION_STRING": callStack,
	"BASHPID": shellNumbers, "BASH_SUBSHELL": shellNumbers, "SHLVL": shellNumbers, "EPOCHREALTIME": shellNumbers,
	"BASHOPTS": shellState, "SHELLOPTS": shellState, "BASH_VERSINFO": shellState, "BASH_ALIASES": shellState, "BASH_CMDS": shellState,
	"DIRSTACK": shellState, "GROUPS": shellState, "HOSTTYPE": shellState, "MACHTYPE": shellState, "COPROC": shellState, "HISTCMD": shellState,
	"COMP_WORDS": shellState, "COMP_LINE": shellState,
}

// unassigned are variables that bash does something with when they are set.
var unassigned = map[string]rule{
	"UID": fixedVariable, "EUID": fixedVariable, "PPID": fixedVariable, "RANDOM": seededRandom, "SRANDOM": seededRandom, "LINENO": fixedVariable,
	"CDPATH": steeringVariable, "GLOBIGNORE": steeringVariable, "POSIXLY_CORRECT": steeringVariable, "EXECIGNORE": steeringVariable,
	"BASH_COMPAT": steeringVariable, "TMOUT": steeringVariable, "TIMEFORMAT": steeringVariable, "PWD": steeringVariable, "OLDPWD": steeringVariable, "BASH_XTRACEFD": steeringVariable,
}

// mayRead judges a name that is read.
func mayRead(name string) rule { return unread[name] }

// assigned judges a name that is set.
func assigned(name string) rule {
	if r := unassigned[name]; r != fine {
		return r
	}
	return unread[name]
}

// Settable says whether an expression may set a name that does not stand in the text.
func Settable(name string) bool {
	return assigned(name) == fine && name != "SECONDS" && name != "EPOCHSECONDS" && name != "IFS" && name != "OPTIND"
}
