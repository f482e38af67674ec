package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/internal/clidoc"
	"gatehouse/internal/config/schema"
)

// ManCmd writes the manual pages: of the program, of each verb, and of the two files of the configuration.
type ManCmd struct {
	Dir string `arg:"" optional:"" type:"path" help:"A folder for the pages; without it their names are printed."`
}

// Help says how a page is read.
func (ManCmd) Help() string {
	return "The pages are made from the program itself. man -l FILE shows one; make install and the package put them where man looks."
}

// Run writes the pages into DIR/man1 and DIR/man5.
func (c *ManCmd) Run() error {
	pages, err := manualPages()
	if err != nil {
		return err
	}
	for _, p := range pages {
		if c.Dir == "" {
			fmt.Println(p.Name)
			continue
		}
		path := filepath.Join(c.Dir, "man"+p.Name[len(p.Name)-1:], p.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(p.Text), 0o644)); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	return nil
}

func manualPages() ([]clidoc.Page, error) {
	app, err := wholeModel()
	if err != nil {
		return nil, err
	}
	date := built().Date
	if date.IsZero() { // a build that nothing is known of
		date = time.Now()
	}
	book := clidoc.Book{App: app, Date: date, Also: []string{"gatehouse.yaml.5", "targets.yaml.5"},
		Exits: []clidoc.Exit{
			{Status: "0", Meaning: "The answer is yes, or it was done."},
			{Status: "1", Meaning: "The answer is no, or it failed; one line on the standard error says why."},
			{Status: "2", Meaning: "The line was not understood, or a file is wrong."},
			{Status: "75", Meaning: "Gatehouse, the target or a signer cannot be reached; try again later."},
		},
		Vars: []clidoc.Exit{
			{Status: "GATEHOUSE_CONFIG", Meaning: "The configuration, in the place of /etc/gatehouse/gatehouse.yaml."},
			{Status: "GATEHOUSE_SERVER", Meaning: "Where the pages are, for login and enrolment."},
			{Status: "GATEHOUSE_HOST", Meaning: "The host as ssh knows it, for the verbs of the console; without it: gatehouse."},
			{Status: "GATEHOUSE_SSH_CONFIG", Meaning: "The ssh_config with which these verbs run ssh."},
		},
		Files: []clidoc.Exit{
			{Status: "/etc/gatehouse/gatehouse.yaml", Meaning: "What this installation is."},
			{Status: "/etc/gatehouse/policy.yaml", Meaning: "Who may do what."},
			{Status: "/etc/gatehouse/targets.yaml", Meaning: "Which hosts there are."},
			{Status: "/var/lib/gatehouse", Meaning: "The data folder: keys, audit log, recordings. Back it up by gatehouse backup."},
		}}
	pages := book.Pages()
	for _, f := range schema.Files {
		page, err := clidoc.Format(clidoc.File{Name: f.Name, About: f.About, Schema: f.Text, Date: date, Also: []string{"gatehouse.1", "gatehouse-config.1"}})
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}
