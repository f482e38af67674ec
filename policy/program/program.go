// Package program knows what well-known programs do with their arguments: how they read options, whether standard input is
// only data to them, and which fixed additions keep them from starting other programs that a configuration file names.
//
// It is a table. It trusts nothing, reads no files, and holds for the programs of current Linux distributions (GNU
// coreutils, util-linux, procps, systemd): a program of the same name by somebody else may read its words otherwise. Of a
// program that it does not know it says nothing, and the zero Program is the careful answer.
package program

import "path"

// Program is what is known of one program.
type Program struct {
	Name   string // base name; "" for a program that the table does not have
	Style  Style
	Filter bool                                                  // it reads standard input only as data: text to search, sort or count, never commands or a program
	env    [][2]string                                           // what Harden sets whatever the arguments are
	add    func(argv []string) (added []string, env [][2]string) // what Harden makes of the arguments; nil: it leaves them alone
}

// Known reports whether the table has the program.
func (p Program) Known() bool { return p.Name != "" }

// Of returns what is known of the program with this name or path; of an unknown one the zero Program.
func Of(name string) Program {
	base := path.Base(name)
	for _, table := range tables {
		if p, known := table[base]; known {
			p.Name = base
			return p
		}
	}
	return Program{}
}
