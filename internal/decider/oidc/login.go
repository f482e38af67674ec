package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// The bounds of what a browser brings back or a caller makes up.
const (
	maxCode     = 4096
	minVerifier = 43 // RFC 7636, section 4.1
	maxVerifier = 128
	minSecret   = 16 // of state and nonce, in characters
)

// Begin returns the address at the issuer to which a browser is sent. state and nonce are random and kept by the caller, who compares state
// itself when the browser comes back; challenge is the S256 of a verifier (RFC 7636).
func (p *Provider) Begin(ctx context.Context, redirectURL, state, nonce, challenge string) (string, error) {
	if len(state) < minSecret || len(nonce) < minSecret || len(challenge) != minVerifier {
		return "", refuse(CodeMisconfigured, "state, nonce or challenge are too short to be secrets")
	}
	d, err := p.keys.discovery(ctx)
	if err != nil {
		return "", err
	}
	cfg, err := p.oauth(d, redirectURL, "")
	if err != nil {
		return "", err
	}
	if len(d.challenges) > 0 && !slices.Contains(d.challenges, "S256") {
		return "", refuse(CodeMisconfigured, "%s does not know PKCE with S256, without which nobody signs in", p.cfg.Issuer)
	}
	return cfg.AuthCodeURL(state, oauth2.SetAuthURLParam("nonce", nonce),
		oauth2.SetAuthURLParam("code_challenge", challenge), oauth2.SetAuthURLParam("code_challenge_method", "S256")), nil
}

// Exchange turns the code that a browser brought into the claims of the ID token. redirectURL and nonce are those of Begin. A code works once;
// the caller has compared state before. An ID token needs no jti: the code and the nonce make it good for one sign-in.
func (p *Provider) Exchange(ctx context.Context, code, verifier, redirectURL, nonce string) (Claims, error) {
	if !printable(code, maxCode, " ") || len(verifier) < minVerifier || len(verifier) > maxVerifier || len(nonce) < minSecret {
		return Claims{}, refuse(CodeCodeRefused, "this is not what the issuer sends a browser back with: sign in again")
	}
	d, err := p.keys.discovery(ctx)
	if err != nil {
		return Claims{}, err
	}
	secret := ""
	if p.cfg.ClientSecret != nil {
		if secret, err = p.cfg.ClientSecret(); err != nil {
			return Claims{}, refuse(CodeMisconfigured, "the client secret for %s cannot be read: its file must be a small one that only its owner can read", p.cfg.Issuer).because(err)
		}
	}
	cfg, err := p.oauth(d, redirectURL, secret)
	if err != nil {
		return Claims{}, err
	}
	token, err := cfg.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return Claims{}, p.exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, refuse(CodeCodeRefused, "%s gives no ID token for the code: it is not an OpenID Connect issuer, or the client there is not one for sign-ins", p.cfg.Issuer)
	}
	claims, err := p.verify(ctx, raw, expected{jtiOptional: true, party: true})
	if err != nil {
		return Claims{}, err
	}
	if got, ok := claims.All["nonce"].(string); !ok || subtle.ConstantTimeCompare([]byte(got), []byte(nonce)) != 1 {
		return Claims{}, refuse(CodeWrongNonce, "the issuer's answer belongs to another sign-in: sign in again")
	}
	return claims, checkAccessHash(raw, claims, token.AccessToken)
}

// oauth is the library's configuration for one exchange. How the client shows its secret is chosen from what the issuer names, never by trying:
// a second try would find the code used.
func (p *Provider) oauth(d discovery, redirectURL, secret string) (*oauth2.Config, error) {
	if d.authorize == "" || d.token == "" {
		return nil, refuse(CodeMisconfigured, "%s has no authorization code flow: people cannot sign in with it", p.cfg.Issuer)
	}
	style := oauth2.AuthStyleInParams
	if secret != "" && (len(d.authMethods) == 0 || slices.Contains(d.authMethods, "client_secret_basic")) {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{ClientID: p.cfg.Audience, ClientSecret: secret, RedirectURL: redirectURL, Scopes: append([]string{"openid"}, p.cfg.Scopes...),
		Endpoint: oauth2.Endpoint{AuthURL: d.authorize, TokenURL: d.token, AuthStyle: style}}, nil
}

func (p *Provider) exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refuse(CodeCodeRefused, "%s does not take the code (%s): sign in again", p.cfg.Issuer, quote(refused.ErrorCode)).because(err)
	}
	var way *url.Error
	if errors.As(err, &way) {
		return p.reachError(err)
	}
	return refuse(CodeCodeRefused, "%s answers the code with what is not understood (%s): sign in again", p.cfg.Issuer, quote(err)).because(err)
}

// checkAccessHash compares at_hash, where there is one, with the access token that came along (OpenID Connect Core 1.0, section 3.1.3.6).
func checkAccessHash(raw string, claims Claims, access string) error {
	want, has := claims.All["at_hash"]
	if !has {
		return nil
	}
	t, err := parse(raw)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(access))
	half := sum[:16]
	if t.alg == jose.EdDSA {
		long := sha512.Sum512([]byte(access))
		half = long[:32]
	}
	if want != any(base64.RawURLEncoding.EncodeToString(half)) {
		return refuse(CodeMalformed, "the ID token belongs to another access token (at_hash): sign in again")
	}
	return nil
}
