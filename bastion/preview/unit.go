package preview

import (
	"path"
	"strings"
)

// unitFolders are where systemd looks for units, the first wins (systemd.unit(5)).
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// maxUnits bounds the units of one line.
const maxUnits = 16

// units looks at the files of the units that systemctl is told.
func (w *work) units() error {
	var names []string
	each(&w.in.Plan, func(c command) {
		if _, operands := c.split(); c.name() == "systemctl" && len(operands) > 1 {
			names = append(names, operands[1:]...)
		}
	})
	if len(names) > maxUnits {
		w.note("only the first %d units are looked at", maxUnits)
		names = names[:maxUnits]
	}
	for _, name := range names {
		if err := w.unit(name); err != nil {
			return err
		}
	}
	return nil
}

// unit looks at the file of one unit, and at the folder of what is added to it.
func (w *work) unit(name string) error {
	if strings.ContainsAny(name, "/*?[") || name == "" {
		return nil
	}
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	found := false
	for _, file := range unitFiles(name) {
		for _, dir := range unitFolders {
			at := path.Join(dir, file)
			f, err := w.file(at)
			if err != nil {
				return err
			}
			if f.Kind == "missing" {
				delete(w.files, at)
				continue
			}
			if found = found || !strings.HasSuffix(file, ".d"); strings.HasSuffix(file, ".d") {
				continue
			}
			break
		}
	}
	if !found {
		w.note("%s: there is no such unit file where systemd looks for them", name)
	}
	return nil
}

// unitFiles are the files that a unit may be made of: its own, its template's, and the folders of additions.
func unitFiles(name string) []string {
	files := []string{name}
	if before, after, ok := strings.Cut(name, "@"); ok {
		if dot := strings.LastIndexByte(after, '.'); dot > 0 {
			files = append(files, before+"@"+after[dot:])
		}
	}
	for _, f := range files[:len(files):len(files)] {
		files = append(files, f+".d")
	}
	return files
}
