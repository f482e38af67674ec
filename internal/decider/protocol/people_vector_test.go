package protocol

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/internal/account"
)

// peopleBodies are the bodies of what people ask, as in bodies.
func peopleBodies() map[Op][2]any {
	signedIn := Credential{SignIn: "cookie"}
	passkey := account.Passkey{ID: "pk_01JDABCDEFGHJKMNPQRSTVWXYZ", Name: "laptop", Created: at, Used: at, Synced: true}
	return map[Op][2]any{
		OpSignInWays:    {Empty{}, SignInWays{true, []string{"corp"}}},
		OpPasskeyBegin:  {PasskeyBegin{&signedIn}, account.Ceremony{Secret: "s", Options: []byte("{}"), URL: "https://issuer.example", Expires: at}},
		OpPasskeySignIn: {PasskeySignIn{"s", json.RawMessage("{}"), "192.0.2.1"}, account.SignedIn{Cookie: "cookie", Person: "ann", Expires: at, Setup: true}},
		OpPasskeyAdd:    {PasskeyAdd{signedIn, "s", "laptop", json.RawMessage("{}")}, passkey},
		OpPasskeyName:   {PasskeyName{signedIn, passkey.ID, "laptop"}, Empty{}},
		OpPasskeyRemove: {PasskeyRemove{signedIn, passkey.ID}, Empty{}},
		OpAccount: {AccountAsk{signedIn}, account.Account{Person: "ann", Passkeys: []account.Passkey{passkey}, Locked: "why", OtherWay: true,
			SignIns: []account.SignIn{{By: "passkey", Source: "192.0.2.1", Started: at, Seen: at, Current: true}}}},
		OpSignOutAll: {AccountAsk{signedIn}, Empty{}},
		OpOIDCBegin:  {OIDCBegin{"corp"}, account.Ceremony{Secret: "s", Options: []byte("{}"), URL: "https://issuer.example", Expires: at}},
		OpOIDCFinish: {OIDCFinish{"s", "corp", "state", "code", "192.0.2.1"}, account.SignedIn{Cookie: "cookie", Person: "ann", Expires: at, Setup: true}},
		OpDeviceBegin: {DeviceBegin{[]byte("key"), "ann@laptop", "192.0.2.1"},
			account.DeviceCodes{DeviceCode: "d", UserCode: "BCDF-GHJK", URL: "https://gatehouse.example/device", Expires: at, Interval: time.Second}},
		OpDeviceShow: {DeviceShow{signedIn, "BCDF-GHJK"}, account.Device{UserCode: "BCDF-GHJK", Source: "192.0.2.1", Name: "ann@laptop", Fingerprint: "SHA256:x",
			Asked: at, Expires: at, Person: "ann", Locked: "why"}},
		OpDeviceAnswer: {DeviceAnswer{signedIn, "BCDF-GHJK", true}, Empty{}},
		OpPasskeys:     {PasskeysOf{"ann", "root"}, PasskeyList{[]account.Passkey{passkey}}},
		OpPasskeyDrop:  {PasskeyDrop{"ann", passkey.ID, true, "root"}, Empty{}},
		OpPasskeyReset: {PasskeysOf{"ann", "root"}, Link{"http://localhost/sign-in#x", "ann", at}},
		EventSignedOut: {SignedOutEvent{[]string{strings.Repeat("0", 64)}}, nil},
	}
}

// peopleOrder follows order.
var peopleOrder = []Op{
	OpSignInWays, OpPasskeyBegin, OpPasskeySignIn, OpPasskeyAdd, OpPasskeyName, OpPasskeyRemove, OpAccount, OpSignOutAll, OpOIDCBegin, OpOIDCFinish,
	OpDeviceBegin, OpDeviceShow, OpDeviceAnswer, OpPasskeys, OpPasskeyDrop, OpPasskeyReset, EventSignedOut,
}
