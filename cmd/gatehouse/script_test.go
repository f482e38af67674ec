package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite what cmp compares in the cases")

// atOnce is how many cases run at the same time: each has a Gatehouse and sshds of its own.
const atOnce = 2

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// TestScripts runs the cases of testdata/script, one file a claim, in the language of docs/spec/test-language.md: a real
// Gatehouse, real sshds as targets and the stock clients.
func TestScripts(t *testing.T) {
	root := openFolder(t)
	binary := build(t, root)
	slots := make(chan struct{}, atOnce)
	docs, err := filepath.Abs(filepath.Join("..", "..", "docs"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		WorkdirRoot:        root,
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Cmds:               commands(),
		Setup: func(env *testscript.Env) error {
			slots <- struct{}{}
			s := &scene{binary: binary, work: env.WorkDir, t: env.T(), background: map[string]*client{}}
			env.Values[sceneKey{}] = s
			env.Defer(func() {
				if err := s.close(); err != nil {
					t.Errorf("%s: %v", filepath.Base(env.WorkDir), err)
				}
				<-slots
			})
			env.Vars = append(env.Vars, "CASE="+env.WorkDir, "DOCS="+docs)
			for i, v := range env.Vars {
				if path, ok := strings.CutPrefix(v, "PATH="); ok {
					env.Vars[i] = "PATH=" + filepath.Dir(binary) + ":" + path
				}
			}
			return os.Chmod(env.WorkDir, 0o755)
		},
	})
}

// openFolder is a temporary folder that every user can reach: the door runs as its own.
func openFolder(t *testing.T) string {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build makes the program under test, once.
func build(t *testing.T, root string) string {
	binary := filepath.Join(root, "bin", "gatehouse")
	out, err := exec.Command("go", "build", "-o", binary, "gatehouse/cmd/gatehouse").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

type command func(s *scene, ts *testscript.TestScript, args []string) error

// commands are the words that the language adds to testscript's own. Those in affirmable may stand after "!".
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	out := map[string]func(*testscript.TestScript, bool, []string){}
	for name, run := range map[string]command{
		"gate": cmdGate, "agent": cmdAgent, "person": cmdPerson, "client": cmdClient, "reload": cmdReload, "inventory": cmdInventory,
		"ssh": cmdSSH, "direct": cmdDirect, "scp": withConfig("scp"), "sftp": withConfig("sftp"), "gatehouse": cmdGatehouse, "await": cmdAwait, "heard": cmdHeard, "until": cmdUntil, "storm": cmdStorm,
		"status": cmdStatus, "denied": cmdDenied, "fault": cmdFault, "killed": cmdKilled, "refused": cmdRefused, "blocked": cmdBlocked,
		"arrived": cmdArrived, "nothing-arrived": cmdNothingArrived, "audit": cmdAudit, "log": cmdLog, "verify": cmdVerify, "recorded": cmdRecorded,
		"running": cmdRunning, "gone": cmdGone, "target-stop": cmdTargetStop, "target-file": cmdTargetFile, "target-root": cmdTargetRoot, "target-key": cmdTargetKey, "connect": cmdConnect, "free-port": cmdFreePort, "listen-mute": cmdListenMute,
		"crash": cmdCrash, "start": cmdStart, "halt": cmdHalt, "fill": cmdFill, "unwritten": cmdUnwritten, "small-recordings": cmdSmallRecordings, "bytes": cmdBytes,
		"stopping": cmdStopping, "stopped": cmdStopped, "hang-up": cmdHangUp,
		"secrets": cmdSecrets, "hides": cmdHides, "shows": cmdShows,
		"elsewhere": cmdElsewhere, "talk": cmdTalk, "beyond": cmdBeyond,
		"approver": cmdApprover, "waits": cmdWaits, "approve": cmdApprove,
		"witness": cmdWitness, "cosigned": cmdCosigned, "authlog": cmdAuthLog,
		"manual": cmdManual, "examples": cmdExamples, "terminal": cmdTerminal, "type": cmdType, "screen": cmdScreen, "size": cmdSize,
	} {
		out[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(sceneKey{}).(*scene)
			if neg && name != "audit" && name != "log" {
				ts.Fatalf("%s cannot be negated", name)
			}
			if needsGate(name) && s.gate == nil {
				ts.Fatalf("%s needs a gate first", name)
			}
			s.negated = neg
			args, err := unquote(args)
			if err == nil {
				err = run(s, ts, args)
			}
			if neg {
				ts.Check(negate(err))
				return
			}
			ts.Check(err)
		}
	}
	return out
}

func needsGate(name string) bool {
	return !slices.Contains([]string{"gate", "approver", "gatehouse", "bytes", "status", "listen-mute", "free-port", "secrets", "hides", "shows"}, name)
}

// errAbsent is what audit and log return when they find nothing: the one failure that "!" turns round.
var errAbsent = errors.New("not there")

func negate(err error) error {
	switch {
	case errors.Is(err, errAbsent):
		return nil
	case err == nil:
		return errors.New("found, and must not be there")
	}
	return err
}

// unquote turns an argument written %"…" into the text that Go reads it as: newlines and control characters fit on a line.
func unquote(args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, a := range args {
		text, special := strings.CutPrefix(a, "%")
		if !special || !strings.HasPrefix(text, `"`) {
			out[i] = a
			continue
		}
		var err error
		if out[i], err = strconv.Unquote(text); err != nil {
			return nil, fmt.Errorf("argument %s: %w", a, err)
		}
	}
	return out, nil
}
