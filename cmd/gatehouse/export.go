package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/internal/config"
)

// exportPaths are the folders that the decider writes exports to, and those that it reads receivers' certificates from: folders,
// as files in them are replaced. None is made here: whose they are is the administrator's to say.
func exportPaths(settings config.Config) (writable, readable []string, err error) {
	for i := range settings.Export {
		s := &settings.Export[i]
		if s.File != nil {
			dir := filepath.Dir(s.File.Path)
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return nil, nil, fmt.Errorf("export to %s: there is no folder %s; make it, and let user %d write to it", s.Name, dir, settings.Users.Decider)
			}
			writable = append(writable, dir)
		}
		for _, file := range s.ReadOnly() {
			readable = append(readable, filepath.Dir(file))
		}
	}
	return writable, readable, nil
}
