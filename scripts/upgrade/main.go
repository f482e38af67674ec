// Command upgrade takes a Gatehouse with data from the program of an older commit to the one of this tree, and back.
//
// The old program serves real sessions over stock ssh; then the new one serves on the same data folder, and whatever the old one
// wrote must be readable there: session list, recordings, log, search. Then the old one serves again. If it cannot, it must say
// so, leave the data alone, and work again on the backup of before the upgrade.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	old := flag.String("old", "0317fb8", "the commit of the old program")
	fresh := flag.String("gatehouse", "bin/gatehouse", "the new program")
	keep := flag.Bool("keep", false, "keep the folder even if all is well")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *old, *fresh, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, commit, fresh string, keep bool) (err error) {
	fresh, err = filepath.Abs(fresh)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "upgrade")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || keep {
			fmt.Println("kept:", dir)
		} else {
			err = os.RemoveAll(dir)
		}
	}()
	old, err := buildOld(ctx, commit, dir)
	if err != nil {
		return err
	}
	w, err := begin(ctx, dir, old, fresh)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.gate.Close()) }()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"the old program works", w.oldWorks},
		{"backup before the upgrade", w.backupOld},
		{"upgrade: the new program reads everything and works", w.upgrade},
		{"rollback to the old program", w.rollback},
		{"upgrade again", w.again},
		{"restore of the new program's backup", w.restoreNew},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println("ok", step.name)
	}
	return nil
}

// buildOld builds the program of a commit of this repository.
func buildOld(ctx context.Context, commit, dir string) (string, error) {
	tree, binary := filepath.Join(dir, "old"), filepath.Join(dir, "gatehouse-old")
	script := `mkdir "$2" && git archive "$1" | tar -x -C "$2" && cd "$2" && go build -buildvcs=false -o "$3" ./cmd/gatehouse`
	if out, err := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script, "bash", commit, tree, binary).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", commit, err, out)
	}
	return binary, os.Chmod(dir, 0o755)
}
