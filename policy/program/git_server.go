package program

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// GitServer is what git is asked to do on the far side of a connection: to serve one repository, or to take a push into it.
type GitServer struct {
	Writes     bool   // git-receive-pack
	Repository string // as it was asked
}

// gitServers are the sub-commands that serve a client, and the options that make them no more than stricter.
var gitServers = map[string]*regexp.Regexp{
	"upload-pack":    regexp.MustCompile(`^--(strict|timeout=[0-9]{1,9})$`),
	"receive-pack":   nil,
	"upload-archive": nil,
}

// IsGitServer reports whether the words start a server of git's: git-upload-pack, git upload-pack. Options of git's own before the
// sub-command make it none.
func IsGitServer(argv []string) bool {
	name, _ := gitServer(argv)
	return name != ""
}

// gitServer is the sub-command, and the words after it.
func gitServer(argv []string) (name string, rest []string) {
	base := argv[0][strings.LastIndexByte(argv[0], '/')+1:]
	rest = argv[1:]
	if name = strings.TrimPrefix(base, "git-"); base == "git" && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	} else if name == base {
		return "", nil
	}
	if !slices.Contains(gitServed, name) {
		return "", nil
	}
	return name, rest
}

// ParseGitServer reads the words that a client of git sends. An error names the word that nobody has looked at, and its index.
func ParseGitServer(argv []string) (s GitServer, index int, err error) {
	name, rest := gitServer(argv)
	at := len(argv) - len(rest)
	if name == "" {
		return s, 0, fmt.Errorf("these words start no server of git's")
	}
	for safe := gitServers[name]; len(rest) > 0 && strings.HasPrefix(rest[0], "-"); rest, at = rest[1:], at+1 {
		if safe == nil || !safe.MatchString(rest[0]) {
			return s, at, fmt.Errorf("the option %q of git-%s is not among those that may be given", rest[0], name)
		}
	}
	switch {
	case len(rest) != 1 || rest[0] == "":
		return s, min(at+1, len(argv)), fmt.Errorf("git-%s serves one repository", name)
	case rest[0][0] == '~':
		return s, at, fmt.Errorf("git would read %q as the home of a user: write the path in full", rest[0])
	}
	return GitServer{name == "receive-pack", rest[0]}, 0, nil
}
