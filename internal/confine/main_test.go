package confine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// Parts that this test's own binary plays when it is started again.
const (
	partEnv  = "CONFINE_PART"  // "victim" or a layer's name
	worldEnv = "CONFINE_WORLD" // JSON of a world
)

func TestMain(m *testing.M) {
	part := os.Getenv(partEnv)
	if part == "" {
		os.Exit(m.Run())
	}
	var w world
	if err := json.Unmarshal([]byte(os.Getenv(worldEnv)), &w); err != nil {
		fail(err)
	}
	if part == "victim" {
		playVictim(w)
	}
	playIntruder(w, part)
}

// playVictim is a decider: confined, with a key open, until its standard input ends.
func playVictim(w world) {
	key, err := os.Open(w.Key)
	if err != nil {
		fail(err)
	}
	if err := Decider(Paths{ReadWrite: []string{w.DeciderDir}, ReadOnly: []string{w.PolicyDir}}); err != nil {
		fail(err)
	}
	fmt.Println(key.Fd())
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// playIntruder takes on one layer, or all of them, and then tries everything.
func playIntruder(w world, part string) {
	paths := Paths{ReadWrite: []string{w.DoorDir}, ReadOnly: []string{"/etc/hosts"}} // as cmd/gatehouse has it
	var err error
	switch part {
	case "users": // started with the door's user, and nothing else
	case "landlock":
		err = restrictFiles(paths, false)
	case "seccomp":
		if err = loadShapeFilter(false); err == nil {
			err = loadNameFilter(never)
		}
	case "door":
		err = Door(paths)
	case "decider":
		err = Decider(Paths{ReadWrite: []string{w.DeciderDir}, ReadOnly: []string{w.PolicyDir}})
	case "decider with a key agent":
		err = Decider(Paths{ReadWrite: []string{w.DeciderDir}, ReadOnly: []string{w.PolicyDir}, UnixSockets: true})
	default:
		err = fmt.Errorf("no part %q", part)
	}
	if err != nil {
		fail(err)
	}
	tries := doorTries
	if strings.HasPrefix(part, "decider") {
		tries = append(slices.Clone(deciderTries), keyAgentTry)
	}
	results := map[string]string{}
	for _, t := range tries {
		results[t.name] = "ok"
		if err := t.do(w); err != nil {
			results[t.name] = err.Error()
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(results)
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "part:", err)
	os.Exit(3)
}
