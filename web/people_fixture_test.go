package web

import (
	"context"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
)

// The people's side of the decider that stands in these tests: what the pages show and where they lead. The flows themselves are
// tested against the real one (internal/decider, cmd/gatehouse).

func (d *decider) SignInWays(context.Context) (bool, []string, error) {
	return true, []string{"corp"}, nil
}

func (d *decider) BeginPasskey(_ context.Context, who console.Credential) (account.Ceremony, error) {
	return account.Ceremony{Secret: "ceremony-secret", Options: []byte(`{"publicKey":{}}`), Expires: time.Now().Add(time.Minute)}, nil
}

func (d *decider) SignInByPasskey(_ context.Context, ceremony string, answer []byte, _ string) (account.SignedIn, error) {
	if ceremony != "ceremony-secret" {
		return account.SignedIn{}, account.ErrCeremony
	}
	return d.open("ann"), nil
}

func (d *decider) open(person string) account.SignedIn {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cookies["new-cookie"] = person
	return account.SignedIn{Cookie: "new-cookie", Person: person, Expires: time.Now().Add(12 * time.Hour)}
}

func (d *decider) BeginOIDC(_ context.Context, issuer string) (account.Ceremony, error) {
	if issuer != "corp" {
		return account.Ceremony{}, &account.RefusedError{Reason: "nobody signs in with that"}
	}
	return account.Ceremony{Secret: "ceremony-secret", URL: "https://issuer.example/authorize?x=1"}, nil
}

func (d *decider) SignInByOIDC(_ context.Context, ceremony, issuer, state, code, _ string) (account.SignedIn, error) {
	if ceremony != "ceremony-secret" || issuer != "corp" || state != "state" || code != "code" {
		return account.SignedIn{}, account.ErrCeremony
	}
	return d.open("ann"), nil
}

func (d *decider) person(who console.Credential) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	person, ok := d.cookies[who.SignIn]
	if !ok {
		return "", console.ErrSignedOut
	}
	return person, nil
}

func (d *decider) Account(_ context.Context, who console.Credential) (account.Account, error) {
	person, err := d.person(who)
	hour := time.Now().Add(-time.Hour)
	a := account.Account{Person: person, Passkeys: []account.Passkey{{ID: "pk_1", Name: "<b>laptop", Created: hour, Synced: true}},
		SignIns: []account.SignIn{{By: "passkey", Source: "192.0.2.1", Started: hour, Seen: hour, Current: true}, {By: "oidc:corp", Source: "192.0.2.2", Started: hour, Seen: hour}}}
	if person == "vic" {
		a.Locked = "this sign-in is older than 15 minutes"
	}
	return a, err
}

func (d *decider) AddPasskey(_ context.Context, who console.Credential, ceremony, name string, _ []byte) (account.Passkey, error) {
	_, err := d.person(who)
	if err == nil && ceremony != "ceremony-secret" {
		err = account.ErrCeremony
	}
	return account.Passkey{ID: "pk_2", Name: name}, d.note(err, "passkey.add", name)
}

func (d *decider) note(err error, verb console.Verb, object string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.asked = append(d.asked, asked{Verb: verb, Object: object})
	}
	return err
}

func (d *decider) NamePasskey(_ context.Context, who console.Credential, id, name string) error {
	_, err := d.person(who)
	return d.note(err, "passkey.name", id+" "+name)
}

func (d *decider) RemovePasskey(_ context.Context, who console.Credential, id string) error {
	_, err := d.person(who)
	return d.note(err, "passkey.remove", id)
}

func (d *decider) SignOutAll(_ context.Context, who console.Credential) error {
	_, err := d.person(who)
	return d.note(err, "sign-out-all", "")
}

func (d *decider) BeginDevice(_ context.Context, _, name, source string) (account.DeviceCodes, error) {
	return account.DeviceCodes{DeviceCode: "device-secret", UserCode: "BCDF-GHJK", URL: "https://gatehouse.example/device",
		Expires: time.Now().Add(10 * time.Minute), Interval: 5 * time.Second}, nil
}

func (d *decider) ShowDevice(_ context.Context, who console.Credential, code string) (account.Device, error) {
	person, err := d.person(who)
	if err == nil && code != "BCDF-GHJK" {
		err = &account.RefusedError{Reason: "no login waits under this code"}
	}
	out := account.Device{UserCode: code, Source: "192.0.2.9", Name: "<i>ann@laptop", Fingerprint: "SHA256:abc", Asked: time.Now(), Expires: time.Now(), Person: person}
	if person == "vic" {
		out.Locked = "to confirm this, sign in with a passkey or an issuer"
	}
	return out, err
}

func (d *decider) AnswerDevice(_ context.Context, who console.Credential, code string, confirm bool) error {
	_, err := d.person(who)
	verb := console.Verb("device.decline")
	if confirm {
		verb = "device.confirm"
	}
	return d.note(err, verb, code)
}
