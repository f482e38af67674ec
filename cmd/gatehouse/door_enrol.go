package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/web"
)

// enrolments lets programs that ask over HTTPS reach the decider: it turns what they write into the protocol and back.
type enrolments struct{ decider protocol.Door }

var _ web.Enrolments = enrolments{}

// Enrol asks the decider. What does not even have the form is refused here.
func (e enrolments) Enrol(ctx context.Context, request, source string, in web.CertificateRequest) (web.Certificate, error) {
	ask := protocol.Enrol{Request: request, Source: source, Agent: in.Agent, Token: in.Token, JoinToken: in.JoinToken, DeviceCode: in.DeviceCode,
		Task: in.Task, Trace: in.Trace, Sources: in.Sources}
	var err error
	if in.PublicKey != "" {
		if ask.PublicKey, err = publicKey(in.PublicKey); err != nil {
			return web.Certificate{}, &web.APIError{Code: "bad_request", Text: err.Error()}
		}
	}
	if in.TTL != "" {
		if ask.TTL, err = time.ParseDuration(in.TTL); err != nil || ask.TTL <= 0 {
			return web.Certificate{}, &web.APIError{Code: "bad_request", Text: fmt.Sprintf("ttl %q is not a time such as 10m", in.TTL)}
		}
	}
	out, err := e.decider.Enrol(ctx, ask)
	if err != nil {
		return web.Certificate{}, apiError(err)
	}
	line, err := certificateLine(out.Issued.Certificate)
	if err != nil {
		return web.Certificate{}, err
	}
	answer := web.Certificate{Certificate: line, Principal: out.Principal, KeyID: out.Issued.KeyID, Serial: strconv.FormatUint(out.Issued.Serial, 10),
		NotAfter: out.Issued.NotAfter, KnownHosts: out.KnownHosts}
	if !out.Issued.RenewUntil.IsZero() {
		answer.RenewUntil = &out.Issued.RenewUntil
	}
	return answer, nil
}

// KnownHosts asks the decider.
func (e enrolments) KnownHosts(ctx context.Context) ([]string, error) {
	out, err := e.decider.KnownHosts(ctx)
	return out.Lines, err
}

// publicKey reads one line as ssh-keygen writes it.
func publicKey(line string) ([]byte, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil || len(options) > 0 || len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("public_key is not one line such as ssh-keygen writes into NAME.pub")
	case strings.Contains(key.Type(), "-cert-"):
		return nil, errors.New("public_key is a certificate; send the key in it")
	}
	return key.Marshal(), nil
}

func certificateLine(wire []byte) (string, error) {
	cert, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	return trimLine(ssh.MarshalAuthorizedKey(cert)), nil
}

// apiError is the decider's refusal as programs are told of it. Everything else is a fault.
func apiError(err error) error {
	var own *protocol.Error
	if !errors.As(err, &own) {
		return err
	}
	switch own.Code {
	case protocol.CodeRefused:
		code := own.Reason
		if code == "" {
			code = "not_allowed"
		}
		return &web.APIError{Code: code, Text: own.Msg}
	case protocol.CodeInvalid:
		return &web.APIError{Code: "bad_request", Text: own.Msg}
	case protocol.CodeEvidence:
		return &web.APIError{Code: "evidence", Text: own.Msg}
	case protocol.CodeUnavailable:
		return &web.APIError{Code: "unavailable", Text: own.Msg}
	}
	return err
}
