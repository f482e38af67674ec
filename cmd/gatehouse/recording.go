package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gatehouse/internal/console"
	"gatehouse/recorder"
)

// RecordingCmd is `gatehouse recording`: what can be done with a recording's file, and what is asked of the service over ssh.
type RecordingCmd struct {
	Play      RecordingPlayCmd   `cmd:"" help:"Play it in this terminal."`
	Show      RecordingShowCmd   `cmd:"" help:"Say who, what, and how it ended."`
	Export    RecordingExportCmd `cmd:"" help:"Write it to standard output in another format."`
	Shred     ShredCmd           `cmd:"" passthrough:"" help:"The console's verb recording shred, over ssh: destroy the key of a recording."`
	CheckKeys CheckKeysCmd       `cmd:"" name:"check-keys" help:"List which recordings of a folder an identity opens."`
}

// recordingFile is a recording on this machine.
type recordingFile struct {
	File     string `arg:"" type:"existingfile" help:"The recording (.ghr), or the archive of sessions export --format raw (.tar)."`
	Identity string `short:"i" type:"existingfile" help:"Your age identity, or an SSH private key without a passphrase."`
	Key      string `type:"existingfile" help:"Its key file, if it is not beside it."`
}

func (f recordingFile) open() (*recorder.Reader, error) {
	var e recorder.Encryption
	if f.Identity != "" {
		ids, err := recorder.LoadIdentities(f.Identity)
		if err != nil {
			return nil, err
		}
		e.Identities = ids
	}
	rd, err := recorder.OpenFileWith(f.File, f.Key, e)
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) && !locked.Lost {
		return nil, fmt.Errorf("%s is encrypted for %s (%s): name an identity that opens it: --identity FILE", f.File, locked.For, locked.Why)
	}
	return rd, err
}

// run opens the recording and does something with it.
func (f recordingFile) run(do func(console.Offline) error) error {
	rd, err := f.open()
	if err != nil {
		return err
	}
	defer rd.Close()
	err = do(console.Offline{Recording: rd, Std: console.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, PTY: false}})
	if err != nil && console.ExitCode(err) == exitUsage {
		return &exitError{exitUsage, err}
	}
	return err
}

// RecordingPlayCmd is `gatehouse recording play`.
type RecordingPlayCmd struct {
	recordingFile
	Speed    float64       `help:"How many times faster than it happened, 0.1 to 1000." default:"1"`
	SkipIdle time.Duration `help:"Shorten pauses that are longer than this." placeholder:"2s"`
}

// Run plays.
func (c *RecordingPlayCmd) Run(ctx context.Context) error {
	return c.run(func(o console.Offline) error { return o.Play(ctx, c.Speed, c.SkipIdle) })
}

// RecordingShowCmd is `gatehouse recording show`.
type RecordingShowCmd struct {
	recordingFile
	JSON bool `help:"Answer in JSON."`
}

// Run shows.
func (c *RecordingShowCmd) Run(ctx context.Context) error {
	return c.run(func(o console.Offline) error { return o.Show(ctx, c.JSON) })
}

// RecordingExportCmd is `gatehouse recording export`.
type RecordingExportCmd struct {
	recordingFile
	Format string `help:"asciicast-v2, asciicast-v3, text or json." default:"asciicast-v3" short:"f" placeholder:"NAME"`
}

// Run exports.
func (c *RecordingExportCmd) Run() error {
	return c.run(func(o console.Offline) error { return o.Export(os.Stdout, console.Format(c.Format)) })
}

// ShredCmd is `gatehouse recording shred`.
type ShredCmd struct {
	Args []string `arg:"" optional:"" help:"The verb's arguments."`
}

// Run asks the service.
func (c *ShredCmd) Run(ctx context.Context) error {
	return askConsole(ctx, append([]string{"recording", "shred"}, c.Args...))
}

// CheckKeysCmd is `gatehouse recording check-keys`.
type CheckKeysCmd struct {
	Dir      string `arg:"" type:"existingdir" help:"The folder of recordings, in the data folder or a copy of it."`
	Identity string `short:"i" required:"" type:"existingfile" help:"The age identity, or an SSH private key without a passphrase."`
}

// Run lists every encrypted recording that the identity does not open, and says how many it does.
func (c *CheckKeysCmd) Run(ctx context.Context) error {
	ids, err := recorder.LoadIdentities(c.Identity)
	if err != nil {
		return err
	}
	var sum recorder.KeyReport
	err = recorder.CheckKeys(ctx, c.Dir, ids, func(session, fault string) { fmt.Println(printable(session + "  " + fault)) }, &sum)
	if err != nil {
		return err
	}
	fmt.Printf("%d recordings: %d encrypted, of which this identity opens %d; %d without a key file; %d not encrypted\n", sum.Recordings, sum.Encrypted, sum.Opened, sum.Lost, sum.Plain)
	if sum.Opened < sum.Encrypted {
		return &exitError{exitNo, nil}
	}
	return nil
}
