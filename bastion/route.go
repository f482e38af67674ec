package bastion

import (
	"errors"
	"regexp"
	"strings"

	"gatehouse/internal/decider/protocol"
)

// route is where a user name leads. The zero target is the console.
type route struct {
	login, target string
}

// nameForm is what targets and logins look like; the inventory accepts nothing else.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// selectorForm is what labels in a user name look like; which target they choose, the decider says.
var selectorForm = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,63}=[A-Za-z0-9._/-]{1,63}(,[A-Za-z0-9._/-]{1,63}=[A-Za-z0-9._/-]{1,63}){0,7}$`)

var errRoute = errors.New("the user name must be LOGIN@TARGET, as in ssh deploy@web-1@bastion, or with labels in the target's place, as in ssh deploy@env=prod,role=db@bastion")

// parseRoute reads a user name. On an inner connection (face set) it is the login alone; otherwise LOGIN@TARGET, where the target is a
// name, an alias or labels, or a name without @ for the console. It is routing only: who the client is, the certificate says.
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
	if !nameForm.MatchString(login) || !nameForm.MatchString(target) && !selectorForm.MatchString(target) {
		return route{}, errRoute
	}
	return route{login: login, target: target}, nil
}

// route reads a user name and gives the target its own name. Labels stay: whom they may be told about is the decider's business.
func (s *Server) route(user, face string) (route, error) {
	r, err := parseRoute(user, face)
	if t, known := s.named(r.target); known {
		r.target = t.Name
	}
	return r, err
}

// named returns the target that has that name or, if there is none, that alias.
func (s *Server) named(name string) (protocol.Target, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.inventory[name]; ok {
		return t, true
	}
	t, ok := s.inventory[s.aliases[name]]
	return t, ok
}
