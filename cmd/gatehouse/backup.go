package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/internal/backup"
	"gatehouse/internal/store"
)

// BackupCmd copies the whole data folder into one file while Gatehouse runs.
type BackupCmd struct {
	Data string `required:"" type:"path" help:"The data folder."`
	Out  string `required:"" type:"path" help:"The file to write; it must not exist. It holds the CA keys: keep it like one."`
}

// Run writes the backup and says what is in it.
func (c *BackupCmd) Run(ctx context.Context) error {
	summary, err := backup.Create(ctx, c.Data, c.Out)
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("%s exists, and a backup never replaces a file: name another with --out", c.Out)
	}
	if err != nil {
		return err
	}
	if err := noteBackup(c.Data); err != nil {
		return fmt.Errorf("the backup is whole; note when it was taken: %w", err)
	}
	fmt.Printf("backed up %d files, %d bytes, to %s\n", summary.Files, summary.Bytes, c.Out)
	return nil
}

// noteBackup leaves the time for who asks how old the last backup is.
func noteBackup(data string) error {
	stamp := backupStamp(data)
	if err := os.MkdirAll(filepath.Dir(stamp), 0o700); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(nowUTC().Format(time.RFC3339)+"\n"), 0o600)
}

// RestoreCmd puts a backup into a new data folder.
type RestoreCmd struct {
	From string `required:"" type:"existingfile" help:"The backup."`
	Data string `required:"" type:"path" help:"The data folder; it must not exist or be empty."`
}

// Run checks the whole backup and then puts it in place.
func (c *RestoreCmd) Run(ctx context.Context) error {
	summary, err := backup.Restore(ctx, c.From, c.Data)
	if err != nil {
		return err
	}
	fmt.Printf("restored %d files, %d bytes, to %s; every one fits the manifest\n", summary.Files, summary.Bytes, c.Data)
	return nil
}
