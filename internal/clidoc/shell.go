package clidoc

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed shell
var scripts embed.FS

// Shells are those that can complete.
var Shells = []string{"bash", "zsh", "fish"}

// Script is what a shell reads to complete the program's lines. It asks the program itself, by `PROGRAM complete -- WORDS`, and so
// never knows other verbs than the one that is installed.
func Script(shell, program string) (string, error) {
	text, err := scripts.ReadFile("shell/" + shell)
	if err != nil {
		return "", fmt.Errorf("no completion for %q: %s", shell, strings.Join(Shells, ", "))
	}
	return strings.ReplaceAll(string(text), "@PROGRAM@", program), nil
}
