package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"gatehouse/recorder/audit/witness"
)

// WitnessCmd is `gatehouse witness`.
type WitnessCmd struct {
	Listen  string `required:"" help:"Where it answers: HOST:PORT."`
	Dir     string `required:"" help:"Its own folder: its key, and the newest checkpoint that it has cosigned." type:"path"`
	Origin  string `required:"" help:"The log's name: node in gatehouse.yaml."`
	LogKey  string `required:"" help:"The log's verifier key (log.pub)." type:"existingfile"`
	Name    string `help:"Its name in cosignatures; default: the host's name and /witness."`
	TLSCert string `name:"tls-cert" help:"File of its TLS certificate, PEM with the chain; without it, plain HTTP." type:"existingfile"`
	TLSKey  string `name:"tls-key" help:"File of the certificate's key." type:"existingfile"`
}

// Run answers until it is told to end.
func (c *WitnessCmd) Run(ctx context.Context) (err error) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return &exitError{exitUsage, errors.New("--tls-cert and --tls-key go together")}
	}
	key, err := os.ReadFile(c.LogKey)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("host name: %w", err)
		}
		c.Name = host + "/witness"
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "witness", Output: os.Stderr})
	w, err := witness.New(witness.Config{Dir: c.Dir, Name: c.Name, Origin: c.Origin, LogKey: strings.TrimSpace(string(key)), Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	log.Info("witness", "listen", l.Addr().String(), "origin", c.Origin, "key", w.VerifierKey(), "size", w.Size())
	return w.Serve(ctx, l, c.TLSCert, c.TLSKey)
}
