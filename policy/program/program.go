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
	Filter bool // it reads standard input only as data: text to search, sort or count, never commands or a program
	env    [][2]string
	add    func(rest []string) []string // what stands between argv[0] and the rest, and what the rest becomes; nil: nothing
}

// Of returns what is known of the program with this name or path; of an unknown one the zero Program.
func Of(name string) Program {
	base := path.Base(name)
	p, known := table[base]
	if !known {
		return Program{}
	}
	p.Name = base
	return p
}
