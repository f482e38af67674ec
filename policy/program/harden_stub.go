package program

// Harden returns the argv with its fixed additions, and variables.
func (p Program) Harden(argv []string) (hardened []string, env [][2]string) { return argv, p.env }
