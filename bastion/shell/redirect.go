package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// redirs converts redirections in their order.
func (r *reader) redirs(list []*syntax.Redirect) ([]policy.Redir, error) {
	var all []policy.Redir
	for _, d := range list {
		t, err := r.redirection(d)
		if err != nil {
			return nil, err
		}
		fd, err := descriptor(d)
		if err != nil {
			return nil, err
		}
		some, err := r.redir(d, fd, t)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// descriptor is the number before the operator, or what the operator means without one.
func descriptor(d *syntax.Redirect) (int, error) {
	in := d.Op == syntax.RdrIn || d.Op == syntax.Hdoc || d.Op == syntax.DashHdoc || d.Op == syntax.WordHdoc
	switch {
	case d.N == nil && in:
		return 0, nil
	case d.N == nil:
		return 1, nil
	case in && d.N.Value == "0":
		return 0, nil
	case !in && (d.N.Value == "1" || d.N.Value == "2"):
		return int(d.N.Value[0] - '0'), nil
	}
	return 0, refuse(d, "descriptor", "only standard input is read from elsewhere, and only 1 and 2 are written to elsewhere")
}

func (r *reader) redir(d *syntax.Redirect, fd int, t *token) ([]policy.Redir, error) {
	switch d.Op {
	case syntax.RdrIn:
		return r.toFile(t, policy.Redir{FD: fd, Op: policy.RedirIn})
	case syntax.RdrOut:
		return r.toFile(t, policy.Redir{FD: fd, Op: policy.RedirOut})
	case syntax.AppOut:
		return r.toFile(t, policy.Redir{FD: fd, Op: policy.RedirAppend})
	case syntax.RdrAll, syntax.AppAll:
		if r.sh {
			return nil, refuse(d, "redirection &>", "not every sh knows it: write >FILE 2>&1")
		}
		op := policy.RedirOut
		if d.Op == syntax.AppAll {
			op = policy.RedirAppend
		}
		return r.toFile(t, policy.Redir{FD: 1, Op: op}, policy.Redir{FD: 2, Op: policy.RedirDup, To: 1})
	case syntax.DplOut:
		if text := plainText(t.chars); text == "1" || text == "2" {
			return []policy.Redir{{FD: fd, Op: policy.RedirDup, To: int(text[0] - '0')}}, nil
		}
		return nil, refuse(d, "redirection >&", "only >&1, >&2 and 2>&1 are accepted; for both in one file write &>")
	case syntax.Hdoc, syntax.DashHdoc:
		data, err := r.document(d)
		return []policy.Redir{{Op: policy.RedirData, Data: data}}, err
	case syntax.WordHdoc:
		if r.sh {
			return nil, refuse(d, "here-string", "not every sh knows it: use a here-document, or bash -c")
		}
		w, err := r.literalWord(t.chars, "a here-string")
		return []policy.Redir{{Op: policy.RedirData, Data: w.text + "\n"}}, err
	}
	return nil, refuse(d, "redirection", "it is not understood")
}

// toFile gives the first redirection its file.
func (r *reader) toFile(t *token, redirs ...policy.Redir) ([]policy.Redir, error) {
	w, err := r.pathWord(t.chars, "a redirection")
	if err != nil {
		return nil, err
	}
	path := w.path()
	switch {
	case path == "":
		return nil, w.refuse("redirection", "the file's name is empty")
	case strings.HasPrefix(path, "/dev/tcp/") || strings.HasPrefix(path, "/dev/udp/"):
		return nil, w.refuse("network redirection", "it would open a connection")
	}
	redirs[0].Path = path
	return redirs, nil
}

// redirected puts redirections around a plan.
func redirected(plan policy.Plan, redirs []policy.Redir) policy.Plan {
	if len(redirs) == 0 {
		return plan
	}
	if plan.Dir != "" || plan.Umask != "" || plan.Not {
		return policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{plan}, Redirs: redirs}
	}
	plan.Redirs = append(redirs, plan.Redirs...)
	return plan
}

// withoutTabs removes the tabs that begin lines, as <<- does.
func withoutTabs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}
