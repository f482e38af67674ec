package program

import "slices"

// Harden returns the command with the fixed additions that keep the program from starting others which a configuration
// file names, and the environment that belongs to it. argv[0] keeps its place, and argv itself is not changed; a program
// that needs no additions is returned as it is. Whoever decides or approves must see what Harden returns.
//
// It is a second line: a repository or a home that an attacker can write holds more ways to mislead a program than any
// list of options closes (git's clean and smudge filters are one).
func (p Program) Harden(argv []string) (hardened []string, env [][2]string) {
	if len(argv) == 0 {
		return argv, nil
	}
	hardened, env = argv, slices.Clone(p.env)
	if p.add != nil {
		added, more := p.add(argv)
		hardened, env = added, append(env, more...)
	}
	return hardened, env
}
