package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// How people get in, and what they do with their own account.
const (
	OpSignInWays    Op = "sign_in_ways"   // Empty → SignInWays
	OpPasskeyBegin  Op = "passkey_begin"  // PasskeyBegin → account.Ceremony
	OpPasskeySignIn Op = "passkey_signin" // PasskeySignIn → account.SignedIn
	OpPasskeyAdd    Op = "passkey_add"    // PasskeyAdd → account.Passkey
	OpPasskeyName   Op = "passkey_name"   // PasskeyName
	OpPasskeyRemove Op = "passkey_remove" // PasskeyRemove
	OpAccount       Op = "account"        // AccountAsk → account.Account
	OpSignOutAll    Op = "sign_out_all"   // AccountAsk: every sign-in of that person
	OpOIDCBegin     Op = "oidc_begin"     // OIDCBegin → account.Ceremony
	OpOIDCFinish    Op = "oidc_finish"    // OIDCFinish → account.SignedIn
	OpDeviceBegin   Op = "device_begin"   // DeviceBegin → account.DeviceCodes
	OpDeviceShow    Op = "device_show"    // DeviceShow → account.Device
	OpDeviceAnswer  Op = "device_answer"  // DeviceAnswer
)

// What root asks about somebody's passkeys.
const (
	OpPasskeys     Op = "passkeys"      // PasskeysOf → PasskeyList
	OpPasskeyDrop  Op = "passkey_drop"  // PasskeyDrop
	OpPasskeyReset Op = "passkey_reset" // PasskeysOf → Link
)

// EventSignedOut says whose streams the door ends.
const EventSignedOut Op = "signed_out" // SignedOutEvent

// SignedOutEvent names sign-ins that have ended, by the SHA-256 of their cookies in hexadecimal.
type SignedOutEvent struct {
	SignIns []string `json:"sign_ins"`
}

// SignInWays are what the sign-in page offers.
type SignInWays struct {
	Passkeys bool     `json:"passkeys,omitempty"` // this origin can have passkeys
	Issuers  []string `json:"issuers,omitempty"`  // names in the policy
}

// PasskeyBegin begins a sign-in, or with Who a registration for the person who is signed in.
type PasskeyBegin struct {
	Who *Credential `json:"who,omitempty"`
}

// PasskeySignIn is what the browser's authenticator answered.
type PasskeySignIn struct {
	Ceremony string          `json:"ceremony"` // its cookie
	Answer   json.RawMessage `json:"answer"`   // AuthenticationResponseJSON
	Source   string          `json:"source"`   // the browser's address
}

// PasskeyAdd is a new passkey.
type PasskeyAdd struct {
	Who      Credential      `json:"who"`
	Ceremony string          `json:"ceremony"`
	Name     string          `json:"name"`
	Answer   json.RawMessage `json:"answer"` // RegistrationResponseJSON
}

// PasskeyName gives a passkey of one's own another name.
type PasskeyName struct {
	Who  Credential `json:"who"`
	ID   string     `json:"id"`
	Name string     `json:"name"`
}

// PasskeyRemove removes a passkey of one's own.
type PasskeyRemove struct {
	Who Credential `json:"who"`
	ID  string     `json:"id"`
}

// AccountAsk names who asks about themselves.
type AccountAsk struct {
	Who Credential `json:"who"`
}

// OIDCBegin begins a sign-in with an issuer.
type OIDCBegin struct {
	Issuer string `json:"issuer"` // its name in the policy
}

// OIDCFinish is what the issuer sent the browser back with.
type OIDCFinish struct {
	Ceremony string `json:"ceremony"` // its cookie
	Issuer   string `json:"issuer"`
	State    string `json:"state"`
	Code     string `json:"code"`
	Source   string `json:"source"`
}

// DeviceBegin begins the login of a program for a key that it has made.
type DeviceBegin struct {
	PublicKey []byte `json:"public_key"`     // SSH wire format
	Name      string `json:"name,omitempty"` // what the program calls itself
	Source    string `json:"source"`         // address
}

// DeviceShow asks what waits under a code.
type DeviceShow struct {
	Who      Credential `json:"who"`
	UserCode string     `json:"user_code"`
}

// DeviceAnswer confirms or declines it.
type DeviceAnswer struct {
	Who      Credential `json:"who"`
	UserCode string     `json:"user_code"`
	Confirm  bool       `json:"confirm,omitempty"`
}

// PasskeysOf names a person, at the word of root.
type PasskeysOf struct {
	Person string `json:"person"`
	By     string `json:"by"`
}

// PasskeyList is a person's passkeys.
type PasskeyList struct {
	Passkeys []account.Passkey `json:"passkeys"`
}

// PasskeyDrop removes somebody's passkey, at the word of root.
type PasskeyDrop struct {
	Person string `json:"person"`
	ID     string `json:"id"`
	Force  bool   `json:"force,omitempty"` // even the last one of somebody who has no other way in
	By     string `json:"by"`
}

// SignInWays says what the sign-in page offers.
func (d Door) SignInWays(ctx context.Context) (passkeys bool, issuers []string, err error) {
	w, err := ask[SignInWays](ctx, d.Client, OpSignInWays, Empty{})
	return w.Passkeys, w.Issuers, err
}

// BeginPasskey begins a sign-in; with a sign-in, the registration of another passkey for its person.
func (d Door) BeginPasskey(ctx context.Context, who console.Credential) (account.Ceremony, error) {
	in := PasskeyBegin{}
	if who != (console.Credential{}) {
		c := credential(who)
		in.Who = &c
	}
	return askPerson[account.Ceremony](ctx, d, OpPasskeyBegin, in)
}

// SignInByPasskey ends a ceremony; account.ErrCeremony says that it was not this browser's, or over.
func (d Door) SignInByPasskey(ctx context.Context, ceremony string, answer []byte, source string) (account.SignedIn, error) {
	return askPerson[account.SignedIn](ctx, d, OpPasskeySignIn, PasskeySignIn{Ceremony: ceremony, Answer: answer, Source: source})
}

// AddPasskey registers a passkey for whoever is signed in.
func (d Door) AddPasskey(ctx context.Context, who console.Credential, ceremony, name string, answer []byte) (account.Passkey, error) {
	return askPerson[account.Passkey](ctx, d, OpPasskeyAdd, PasskeyAdd{Who: credential(who), Ceremony: ceremony, Name: name, Answer: answer})
}

// NamePasskey gives a passkey of one's own another name.
func (d Door) NamePasskey(ctx context.Context, who console.Credential, id, name string) error {
	_, err := askPerson[Empty](ctx, d, OpPasskeyName, PasskeyName{Who: credential(who), ID: id, Name: name})
	return err
}

// RemovePasskey removes a passkey of one's own.
func (d Door) RemovePasskey(ctx context.Context, who console.Credential, id string) error {
	_, err := askPerson[Empty](ctx, d, OpPasskeyRemove, PasskeyRemove{Who: credential(who), ID: id})
	return err
}

// Account returns a person's own passkeys and sign-ins.
func (d Door) Account(ctx context.Context, who console.Credential) (account.Account, error) {
	return askPerson[account.Account](ctx, d, OpAccount, AccountAsk{Who: credential(who)})
}

// SignOutAll ends every sign-in of a person, the asking one too.
func (d Door) SignOutAll(ctx context.Context, who console.Credential) error {
	_, err := askPerson[Empty](ctx, d, OpSignOutAll, AccountAsk{Who: credential(who)})
	return err
}

// BeginOIDC begins a sign-in with an issuer.
func (d Door) BeginOIDC(ctx context.Context, issuer string) (account.Ceremony, error) {
	return askPerson[account.Ceremony](ctx, d, OpOIDCBegin, OIDCBegin{Issuer: issuer})
}

// SignInByOIDC ends one with what the issuer sent the browser back with.
func (d Door) SignInByOIDC(ctx context.Context, ceremony, issuer, state, code, source string) (account.SignedIn, error) {
	return askPerson[account.SignedIn](ctx, d, OpOIDCFinish, OIDCFinish{Ceremony: ceremony, Issuer: issuer, State: state, Code: code, Source: source})
}

// BeginDevice begins a program's login; a refusal is *Error.
func (d Door) BeginDevice(ctx context.Context, publicKey []byte, name, source string) (account.DeviceCodes, error) {
	return ask[account.DeviceCodes](ctx, d.Client, OpDeviceBegin, DeviceBegin{PublicKey: publicKey, Name: name, Source: source})
}

// ShowDevice returns the login that waits under a code.
func (d Door) ShowDevice(ctx context.Context, who console.Credential, userCode string) (account.Device, error) {
	return askPerson[account.Device](ctx, d, OpDeviceShow, DeviceShow{Who: credential(who), UserCode: userCode})
}

// AnswerDevice confirms or declines it.
func (d Door) AnswerDevice(ctx context.Context, who console.Credential, userCode string, confirm bool) error {
	_, err := askPerson[Empty](ctx, d, OpDeviceAnswer, DeviceAnswer{Who: credential(who), UserCode: userCode, Confirm: confirm})
	return err
}

// CodeCeremony says that a ceremony is over or another browser's.
const CodeCeremony = "ceremony"

// askPerson turns the decider's refusals into what the pages show.
func askPerson[Out any](ctx context.Context, d Door, op Op, in any) (Out, error) {
	out, err := ask[Out](ctx, d.Client, op, in)
	var e *Error
	if !errors.As(err, &e) {
		return out, err
	}
	switch e.Code {
	case CodeSignedOut:
		return out, console.ErrSignedOut
	case CodeCeremony:
		return out, account.ErrCeremony
	case CodeRefused, CodeInvalid:
		return out, &account.RefusedError{Reason: e.Msg}
	}
	return out, err
}

// PollInterval is how long a program waits between two polls of its login.
const PollInterval = 5 * time.Second
