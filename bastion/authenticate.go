package bastion

import (
	"context"
	"errors"
	"fmt"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target"
	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// maxAuthTries allows for an agent that holds several keys.
const maxAuthTries = 10

// serverConfig is the configuration of one handshake. gliderlabs adds the public key callback, which calls offered; setting
// it there keeps NoClientAuth off.
func (s *Server) serverConfig(ctx gliderssh.Context) *ssh.ServerConfig {
	c := connOf(ctx)
	config := &ssh.ServerConfig{
		MaxAuthTries:              maxAuthTries,
		PublicKeyAuthAlgorithms:   clientKeys,
		Config:                    s.algorithms(),
		VerifiedPublicKeyCallback: c.proveKey,
		PreAuthConnCallback:       c.beginAuthentication,
	}
	keys, err := s.faces.keys(c.ctx, c.face)
	if err != nil {
		c.excused = true
		c.log.Error("no face certificate", "target", c.face, "error", err)
	}
	for _, k := range keys {
		config.AddHostKey(c.ration(k))
	}
	return config
}

// offered is asked about each key that a client shows, before it has proven anything. What it says may help whoever shows a key that
// is not his, so it says yes to every certificate that the agent CA made, good now and from here or not, and to keys that may renew;
// all others hear the same line. Why a certificate is not good, and who the client is, proveKey says. The user name that gliderlabs
// has in ctx is the first one that was tried, so nothing but dialling ahead may depend on it.
func (s *Server) offered(ctx gliderssh.Context, key gliderssh.PublicKey) bool {
	c := connOf(ctx)
	cert, err := certificate(key)
	if errors.Is(err, ca.ErrNotCertificate) && c.mayRenew(key) {
		ctx.Permissions().Permissions = &ssh.Permissions{}
		return true
	}
	if err == nil {
		_, err = s.trust.agents.Verify(cert, c.source)
	}
	if err != nil && (cert == nil || !s.trust.agents.Made(cert)) {
		c.refuseKey(err)
		return false
	}
	if err != nil {
		c.refusal = err.Error()
		ctx.Permissions().Permissions = &ssh.Permissions{}
		return true
	}
	// Certificates of one connection must not share a Permissions: the last one shown would set what the first one gets.
	ctx.Permissions().Permissions = &ssh.Permissions{CriticalOptions: cert.CriticalOptions}
	if r, err := s.route(ctx.User(), c.face); err == nil && r.target != "" {
		go c.dialAhead(cert, r)
	}
	return true
}

func certificate(key ssh.PublicKey) (*ssh.Certificate, error) {
	return ca.ParseCertificate(key.Marshal())
}

// notAccepted is what everybody hears whose key does not open the door, whatever it is.
const notAccepted = "this key is not accepted: what opens this door is a certificate by its own agent CA, named with CertificateFile"

// refuseKey tells the operator why a key does not open the door, and the client, once, what does. Only certificates are worth an audit
// entry, and only one a connection.
func (c *conn) refuseKey(err error) {
	c.log.Info("key refused", "reason", err)
	if !errors.Is(err, ca.ErrNotCertificate) {
		c.refusal = err.Error()
	}
	if c.banner != nil && !c.told {
		c.told = true
		_ = c.banner.SendAuthBanner("gatehouse: " + notAccepted + "\r\n") // a client that is gone is fine
	}
}

// unfit is why a certificate that the agent CA made is not good, for its proven holder.
func (c *conn) unfit(key ssh.PublicKey) error {
	cert, isCert := key.(*ssh.Certificate)
	if !isCert {
		return nil
	}
	_, err := c.server.trust.agents.Verify(cert, c.source)
	return err
}

// proveKey is called when the client has shown that it holds the certificate's key: here a connection becomes somebody's.
func (c *conn) proveKey(meta ssh.ConnMetadata, key ssh.PublicKey, perms *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	if err := c.unfit(key); err != nil {
		c.refusal = err.Error()
		c.log.Info("certificate refused", "reason", err)
		return nil, c.refused(errors.New(ca.ClientLine(err)))
	}
	r, err := c.server.route(meta.User(), c.face)
	if err != nil {
		c.refusal = err.Error()
		return nil, c.refused(err)
	}
	c.refusal = "" // from here on the decider notes what it refuses
	in := protocol.Authenticate{Connection: c.id, Certificate: key.Marshal(), Source: c.source.String(), Proven: true, Target: r.target, Login: r.login}
	if _, isCert := key.(*ssh.Certificate); !isCert {
		in.Certificate, in.Key = nil, in.Certificate
	}
	if c.outer != nil {
		in.Outer = c.outer.id
	}
	// A client that leaves now must not keep the answer from coming: what the decider has registered, finish has it forget.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), evidenceTime)
	defer cancel()
	who, err := c.server.cfg.Gate.Authenticate(ctx, in)
	if err != nil {
		c.excused = !decided(err)
		return nil, c.refused(err)
	}
	c.registered = true
	if c.outer != nil && !same(who.Identity, c.outer.identity) {
		return nil, c.refused(errors.New("the connection inside a jump must be by the same identity as the one around it"))
	}
	c.renewOnly = who.RenewOnly
	if who.Target != "" {
		r.target = who.Target
	}
	if err := c.authenticated(who.Identity, who.NotAfter, r); err != nil {
		return nil, c.refused(err)
	}
	c.log.Info("authenticated", "target", r.target, "login", r.login)
	return perms, nil
}

// decided reports whether an error is the decider's word about who asks, and not a fault of its own.
func decided(err error) bool {
	var word *protocol.Error
	return errors.As(err, &word) && (word.Code == protocol.CodeRefused || word.Code == protocol.CodeInvalid)
}

func same(a, b policy.Identity) bool { return a.Kind == b.Kind && a.Name == b.Name }

// refused makes an authentication failure whose reason the client sees.
func (c *conn) refused(err error) error {
	c.log.Info("connection refused", "reason", err)
	return &ssh.BannerError{Err: err, Message: "gatehouse: " + answer.Visible(err.Error()) + "\r\n"}
}

// dialAhead opens the way to a target up to its authentication while the client still proves who it is, if the decider
// says that this certificate reaches it. Whoever only shows somebody's certificate gains nothing by it, and takes at most one
// of a target's few places.
func (c *conn) dialAhead(cert *ssh.Certificate, r route) {
	defer c.isolate("dialling ahead")
	in := protocol.Authenticate{Connection: c.id, Certificate: cert.Marshal(), Source: c.source.String(), Target: r.target, Login: r.login}
	who, err := c.server.cfg.Gate.Authenticate(c.ctx, in)
	if err != nil || !who.Reaches {
		return
	}
	if who.Target != "" {
		r.target = who.Target
	}
	t, known := c.server.target(r.target)
	if !known || t.Local || t.Gatehouse {
		return
	}
	key := poolKey{target: r.target, login: r.login}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead != nil || c.ctx.Err() != nil {
		return
	}
	if !c.proven {
		if !c.server.ahead.take(r.target) {
			return
		}
		c.holds = r.target
	}
	pending, err := c.server.dial(c.ctx, t, r.login)
	if err != nil {
		c.leavePlace()
		return
	}
	c.ahead = &aheadDial{key: key, pending: pending}
}

// takeAhead gives the connection that was dialled ahead to the first session that can use it.
func (c *conn) takeAhead(key poolKey) *target.Pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead == nil || c.ahead.key.target != key.target || c.ahead.key.login != key.login {
		return nil
	}
	p := c.ahead.pending
	c.ahead = nil
	return p
}

// dial begins a connection to a target, recognised by its pinned key or by the host CA.
func (s *Server) dial(ctx context.Context, t protocol.Target, login string) (*target.Pending, error) {
	var pinned ssh.PublicKey
	e := target.Endpoint{Name: t.Name, Address: t.Address, Observe: s.cfg.Dialled}
	if len(t.HostKey) > 0 {
		key, err := ssh.ParsePublicKey(t.HostKey)
		if err != nil {
			return nil, fmt.Errorf("host key of %s: %w", t.Name, err)
		}
		pinned = key
		e.HostKeyAlgorithms = algorithmsFor(key.Type())
	} else {
		e.HostKeyAlgorithms = certificateAlgorithms
	}
	var hostCAs []ssh.PublicKey
	if pinned == nil {
		hostCAs = s.trust.hostCAs()
	}
	check, err := ca.HostKeyChecker(t.Name, hostCAs, pinned, s.cfg.Now)
	if err != nil {
		return nil, err
	}
	e.HostKey = s.noting(t.Name, check)
	return target.Open(ctx, e, target.Login(login))
}

// certificateAlgorithms are what a target known by the host CA must show.
var certificateAlgorithms = []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
	ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}

// algorithmsFor are the signature algorithms of a pinned key's type.
func algorithmsFor(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}
