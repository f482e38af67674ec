package policy

import "fmt"

// ValidateFinal reports whether the plan is one that may run: valid, every program and directory and redirected file an
// absolute path, and no word left to expand.
func (p Plan) ValidateFinal() error {
	if err := p.validate(planCount{final: true}); err != nil {
		return err
	}
	return p.final()
}

func (p Plan) final() error {
	switch {
	case p.Op == OpShell:
		return nil
	case p.Dir != "" && p.Dir[0] != '/':
		return fmt.Errorf("the directory %q is not absolute", p.Dir)
	case len(p.Globs) > 0 || len(p.Tildes) > 0:
		return fmt.Errorf("%q has words that are not expanded", p.Argv[0])
	case p.Op == OpRun && p.Argv[0][0] != '/':
		return fmt.Errorf("the program %q is not absolute", p.Argv[0])
	}
	for _, wrap := range p.Wrap {
		if wrap[0][0] != '/' {
			return fmt.Errorf("the program %q is not absolute", wrap[0])
		}
	}
	for _, r := range p.Redirs {
		if r.Path != "" && r.Path[0] != '/' {
			return fmt.Errorf("the redirected file %q is not absolute", r.Path)
		}
	}
	for _, part := range p.Parts {
		if err := part.final(); err != nil {
			return err
		}
	}
	return nil
}
