package local

import (
	"fmt"
	"os"
)

// A local command has two processes of this same program before it. The *warden* stays: it is root, it is where everything
// that the command leaves behind comes back to (PR_SET_CHILD_SUBREAPER), and it ends when all of that has ended. The *shim*
// becomes the command: it limits itself, takes the user's ids, and executes the program.
const (
	wardenName = "gatehouse-local"
	shimName   = "gatehouse-start"
)

// Helper runs what this process was started as, if that is a server's warden or shim. Programs that have a Server call it
// before anything else and exit with the code; so do the tests.
func Helper(args []string) (code int, is bool) {
	if len(args) != 1 {
		return 0, false
	}
	var err error
	switch args[0] {
	case wardenName:
		err = runWarden()
	case shimName:
		err = runShim() // returns only if the program cannot be executed
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, args[0]+":", err)
		return 1, true
	}
	return 0, true
}

// helperEnv is the environment of the helpers, which the command does not get.
func helperEnv() []string {
	env := []string{"GOMAXPROCS=1", "GOTRACEBACK=single"}
	for _, keep := range []string{"GORACE", "GOCOVERDIR"} { // a test's own
		if v := os.Getenv(keep); v != "" {
			env = append(env, keep+"="+v)
		}
	}
	return env
}
