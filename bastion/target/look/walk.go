package look

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gatehouse/bastion/target/sftp"
)

// place is where a path leads.
type place struct {
	real   string // without symbolic links; of what does not exist: the existing part resolved, the rest as written; empty: it cannot be said
	exists bool   // and attrs is meaningful
	attrs  sftp.Attrs
	why    string // why it cannot be said
}

// Place is where a path leads.
type Place struct {
	Real   string     // without symbolic links; of what does not exist: the existing part resolved, the rest as written; empty: it cannot be said
	Exists bool       // and Attrs is meaningful
	Attrs  sftp.Attrs // as lstat has them
	Why    string     // why it cannot be said
}

// Walk says where an absolute path leads, as a Looker does, over a client that may do other things as well. Names need not be UTF-8.
// With follow false a symbolic link at the path's end is the place itself.
func Walk(ctx context.Context, client *sftp.Client, name string, follow bool) (Place, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("the target took longer than %s to answer: %w", answerLimit, context.DeadlineExceeded))
	defer cancel()
	v := &visit{ctx: ctx, client: client, kept: map[string]*lookup{}, anyBytes: true, stay: !follow}
	at, err := v.walk(name, func(string, sftp.Attrs) {})
	return Place{at.real, at.exists, at.attrs, at.why}, err
}

// walk goes along a path as the kernel would, one component after the other, and shows seen everything on the way: /, folders,
// symbolic links and what is at the end. It follows no link of /proc, because those lead elsewhere for each process.
//
// What does not exist and what the login may not see look alike.
func (v *visit) walk(name string, seen func(at string, a sftp.Attrs)) (place, error) {
	if !v.takes(name) {
		return place{why: "a path that is too long or not UTF-8"}, nil
	}
	rest := components(name)
	v.ahead(rest)
	at := place{real: "/"}
	links := 0
	var err error
	if at.attrs, err = v.lstat("/"); err != nil {
		return place{}, err
	}
	seen("/", at.attrs)
	for len(rest) > 0 {
		if len(rest) > maxDepth || len(at.real) > maxPath {
			return place{why: "too deep a path"}, nil
		}
		next := rest[0]
		switch {
		case !at.attrs.IsDir():
			return missing(at.real, rest), nil
		case next == ".":
			rest = rest[1:]
			continue
		case next == "..":
			rest = rest[1:]
			at.real = path.Dir(at.real)
			if at.attrs, err = v.lstat(at.real); err != nil {
				return unclear(at.real, err)
			}
			continue
		case len(next) > maxName:
			return missing(at.real, rest), nil
		}
		rest = rest[1:]
		here := path.Join(at.real, next)
		a, err := v.lstat(here)
		switch {
		case absent(err):
			return missing(here, rest), nil
		case err != nil:
			return unclear(here, err)
		}
		seen(here, a)
		if !a.IsLink() || v.stay && len(rest) == 0 {
			at.real, at.attrs = here, a
			continue
		}
		if links++; links > maxLinks {
			return place{why: fmt.Sprintf("more than %d symbolic links", maxLinks)}, nil
		}
		target, why, err := v.readlink(here)
		if err != nil || why != "" {
			return place{why: why}, err
		}
		rest = append(components(target), rest...)
		if path.IsAbs(target) {
			at.real = "/"
			if at.attrs, err = v.lstat("/"); err != nil {
				return unclear("/", err)
			}
		}
	}
	at.exists = true
	return at, nil
}

// takes reports whether a name can be followed.
func (v *visit) takes(name string) bool {
	if v.anyBytes {
		return len(name) <= maxPath && !strings.Contains(name, "\x00")
	}
	return speakable(name)
}

// ahead asks for what a path without links and ".." will need, before the first answer is there.
func (v *visit) ahead(rest []string) {
	if len(rest) > maxDepth || !hasNoDotDot(rest) {
		return
	}
	at := "/"
	for _, c := range rest {
		if at = path.Join(at, c); len(c) <= maxName {
			v.expect(at)
		}
	}
}

// components are a path's parts; a slash at the end, which asks for a folder, is "." there.
func components(name string) []string {
	parts := slices.DeleteFunc(strings.Split(name, "/"), func(c string) bool { return c == "" })
	if strings.HasSuffix(name, "/") {
		parts = append(parts, ".")
	}
	return parts
}

// missing is a place that is not there from at on.
func missing(at string, rest []string) place {
	if !hasNoDotDot(rest) {
		return place{why: at + " is not there, and the path leaves it again"}
	}
	real := path.Join(append([]string{at}, rest...)...)
	if len(real) > maxPath {
		return place{why: "too long a path"}
	}
	return place{real: real}
}

// absent reports whether the server says that nothing is there, or nothing that the login may see.
func absent(err error) bool {
	return errors.Is(err, sftp.StatusError(sftp.StatusNoFile)) || errors.Is(err, sftp.StatusError(sftp.StatusDenied))
}

// unclear is a place of which the target does not say what it is; an error that is not the file's own is passed on.
func unclear(at string, err error) (place, error) {
	var status sftp.StatusError
	if errors.As(err, &status) {
		return place{why: "the target does not say what " + at + " is"}, nil
	}
	return place{}, err
}

// readlink is where a symbolic link points, or why it is not followed.
func (v *visit) readlink(at string) (target, why string, err error) {
	if strings.HasPrefix(at, "/proc/") {
		return "", at + " leads elsewhere for each process", nil
	}
	p, err := v.ask(sftp.PacketReadlink, sftp.Text(at))
	if err != nil {
		return "", "", err
	}
	target, err = p.Name()
	var status sftp.StatusError
	switch {
	case errors.As(err, &status):
		return "", "the target does not say where " + at + " leads", nil
	case err != nil:
		return "", "", err
	case target == "" || !v.takes(target):
		return "", at + " leads to a name that is empty, too long or not UTF-8", nil
	}
	return target, "", nil
}
