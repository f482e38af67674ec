package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
)

// CAStatusCmd says where the four CAs are.
type CAStatusCmd struct {
	ConfigFlag
	JSON bool `name:"json" help:"For programs."`
}

// Run prints them.
func (c *CAStatusCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var status protocol.CAStatus
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpCAStatus, protocol.Empty{}, &status)
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(status)
	}
	for _, one := range status.CAs {
		printCA(one)
	}
	return nil
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// stateWords say what a key in a state is for.
var stateWords = map[string]string{"active": "signs, trusted", "next": "prepared, trusted", "old": "signs no more, trusted", "retired": "retired, not trusted", "dropped": "dropped, not trusted"}

func printCA(c protocol.CA) {
	fmt.Printf("%s CA: %s\n  signer: %s\n", c.Name, c.Phase, c.Signer)
	for _, k := range c.Keys {
		line := fmt.Sprintf("  key %d: %s  %s since %s  (%s)", k.Generation, k.Fingerprint, stateWords[k.State], k.Since.Format(time.RFC3339), k.Name)
		if k.State == "old" && !k.LastEnd.IsZero() {
			line += ", its certificates end by " + k.LastEnd.Format(time.RFC3339)
		}
		fmt.Println(line)
	}
	for _, w := range c.Waiting {
		fmt.Printf("  waiting: %s\n", w)
	}
	for _, n := range c.Notes {
		fmt.Printf("  note: %s\n", n)
	}
	fmt.Printf("  next: gatehouse ca rotate %s  (%s)\n", c.Name, c.Next)
}

// CARotateCmd takes one step of a CA's rotation.
type CARotateCmd struct {
	ConfigFlag
	Name  string `arg:"" enum:"agent,target,host,face" help:"agent, target, host or face."`
	Undo  bool   `help:"Take the last step back. A key that was retired stays retired."`
	Force bool   `help:"Go on although somebody known will be shut out."`
	JSON  bool   `name:"json" help:"For programs."`
}

// Run takes the step and says what comes next.
func (c *CARotateCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var out protocol.CARotated
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpCARotate, protocol.CARotate{CA: c.Name, Undo: c.Undo, Force: c.Force, By: localUser()}, &out)
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out)
	}
	fmt.Printf("done: %s of the %s CA (change %d). %s\n", out.Step, c.Name, out.Change, rotatedWords(c.Name, out))
	for _, f := range out.Forced {
		fmt.Printf("  forced: %s\n", f)
	}
	printCA(out.CA)
	return nil
}

// rotatedWords says what a step did, and what others must do before the next.
func rotatedWords(name string, out protocol.CARotated) string {
	words := map[string]string{
		"prepare":      "There is a next key. Both are trusted; the old one signs.",
		"switch":       "The new key signs. Both are trusted.",
		"retire":       "The old key is trusted no more; its file is kept as NAME.retired. This cannot be undone.",
		"undo prepare": "The next key is trusted no more; a further prepare makes another.",
		"undo switch":  "The old key signs again. Both are trusted.",
	}[out.Step]
	todo := map[string]string{
		"agent prepare":  "Nobody has to do anything.",
		"agent switch":   "Certificates are replaced as they are renewed; wait until the last by the old key has ended.",
		"target prepare": "Now on every target: gatehouse targets enroll TARGET, then gatehouse targets check.",
		"target switch":  "The next step may follow at once: certificates for targets live at most a minute.",
		"target retire":  "Now take the old key away from every target: gatehouse targets enroll TARGET.",
		"host prepare":   "Nobody has to do anything.",
		"host switch":    "Now for every target with host_ca: gatehouse ca sign-host --target TARGET, and install the certificate there.",
		"face prepare":   "Now give every client both lines of gatehouse ssh-config; renewals and logins bring them.",
		"face switch":    "Clients that trust only the old key are refused by their own ssh from now on; --undo brings it back.",
		"face retire":    "Clients may drop the old line from their known_hosts.",
	}[name+" "+out.Step]
	if out.Ended > 0 {
		todo = strings.TrimSpace(fmt.Sprintf("%s Connections by the old key that were ended: %d.", todo, out.Ended))
	}
	return strings.TrimSpace(words + " " + todo)
}
