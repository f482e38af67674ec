package bastion

import (
	"errors"
	"regexp"
	"strings"
)

// route is where a user name leads. The zero target is the console.
type route struct {
	login, target string
}

// nameForm is what targets and logins look like; the inventory accepts nothing else.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

var errRoute = errors.New("the user name must be LOGIN@TARGET, as in ssh deploy@web-1@bastion")

// parseRoute reads a user name. On an inner connection (face set) it is the login alone; otherwise LOGIN@TARGET, or a name
// without @ for the console. It is routing only: who the client is, the certificate says.
func parseRoute(user, face string) (route, error) {
	if face != "" {
		if !nameForm.MatchString(user) {
			return route{}, errors.New("the login is not a name")
		}
		return route{login: user, target: face}, nil
	}
	login, target, found := strings.Cut(user, "@")
	if !found {
		return route{}, nil
	}
	if !nameForm.MatchString(login) || !nameForm.MatchString(target) {
		return route{}, errRoute
	}
	return route{login: login, target: target}, nil
}
