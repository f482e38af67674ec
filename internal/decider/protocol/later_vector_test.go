package protocol

import (
	"net/netip"

	"gatehouse/policy"
)

// laterBodies are the bodies of operations that came after those of people, as in bodies.
func laterBodies() map[Op][2]any {
	approval := policy.Approval{Approvals: 2, From: []string{"sre"}, Within: 900}
	rule := policy.RuleOffer{ID: "web/ask[0]", Kind: "ask", Pattern: "id <user:app>", When: "request.pty", Mode: policy.Pinned, PTY: true, Stdin: []policy.StdinClass{policy.StdinData},
		StdinMax: 1, Dirs: []string{"/srv/**"}, Checksum: true, DryRun: true, MaxSeconds: 2, Approval: &approval, Reason: "r"}
	offer := policy.Offer{Role: "web", Windows: []string{"every day from 08:00 to 17:00 (UTC)"}, When: "true", Limits: policy.Obligations{MaxSeconds: 1}, Shell: "governed",
		Rules: []policy.RuleOffer{rule}, Env: []policy.EnvOffer{{Name: "APP_ENV", Value: "<enum:a,b>"}}, Dirs: []string{"/srv"}, Read: []string{"/var/log/**"},
		Write: []string{"/tmp/*"}, Forward: []string{"db-1:5432"}, Dropped: 3}
	return map[Op][2]any{
		OpStreamSent: {StreamSent{7, 5}, Empty{}},
		OpExportMove: {ExportMove{"siem", "now", "root"}, ExportMoved{5}},
		OpOffers: {ListOffers{Credential{Connection: con}, "web-1", "deploy"}, policy.Offering{Principal: "agent:bot",
			Reach:  []policy.Reach{{Role: "web", Targets: []policy.TargetPattern{{Name: "web-*", Labels: map[string]string{"env": "prod"}}}, Logins: []policy.Login{"deploy"}}},
			Logins: []policy.LoginOffer{{Login: "deploy", Offers: []policy.Offer{offer}}}}},
		OpUnseal: {Unseal{Credential{SignIn: "cookie"}, ses, "to see what was typed", []byte("age-encryption.org/v1\n")}, Unsealed{Key: []byte("0123456789abcdef0123456789abcdef")}},
		OpAuditState: {ReadAudit{Credential{SignIn: "cookie"}, 4711, 12}, AuditState{By: Actor{Principal: "person:ann", Rights: []string{"view"}}, Size: 13, Checkpoint: "n\n13\nroot\n", Key: "n+1+k",
			At: at, Gap: 60, GapAt: at, GapSince: at, Anchors: []AuditAnchor{{"witness", "w", 12, at, "p", "a"}},
			Entries: []AuditEntry{{11, at, "decision", "", "agent:bot", "deny", ses, "web-1", "o", "r"}}, Offset: 4000, Seq: 11}},
		OpTransfer: {Transfer{con, ses, "web-1", "deploy", policy.SFTP, "scp -f /srv/a", []policy.EnvVar{{Name: "LANG", Value: "C"}}, []byte("key"), true, true},
			Decided{ID: "dec_01KB9Z0000000000000000000X", Decision: policy.Decision{Verdict: policy.Allow, Mode: policy.Pinned, Directions: []policy.Direction{policy.FileRead}, PolicyHash: "sha256:00"}, Line: "internal-sftp -R", Certificate: []byte("cert")}},
		OpFile: {File{Session: ses, Op: policy.OpList, Path: []byte("/srv/\xff"), To: []byte("/srv/b"), Asked: []byte("/srv/a"), AskedTo: []byte("/srv/b"), Home: "/home/deploy", Kind: policy.PathDir,
			Size: 7, Why: "w", Names: [][]byte{[]byte("n")}, Quiet: true}, FileAnswer{ID: "dec_01KB9Z0000000000000000000X", Allowed: true, Code: policy.CodeFileNotAllowed, Reason: "r", Nearest: []string{"/srv/**"},
			PolicyHash: "sha256:00", DenialsLeft: 3, MaxFile: 9, Hold: &policy.Hold{Secrets: true, Types: []string{"text"}, Max: 8}, Shown: []bool{true}}},
		OpFileEnd: {FileEnd{ses, "dec_01KB9Z0000000000000000000X", []byte("/srv/a"), "read", 7, "00ff", "whole", "w"}, Empty{}},
		OpForward: {Forward{con, ses, "web-1", "deploy", "db-1", 5432, "/run/app.sock", []netip.Addr{netip.MustParseAddr("192.0.2.7")}, []byte("key"), true, true},
			Forwarded{"dec_01JDABCDEFGHJKMNPQRSTVWXYZ", policy.Decision{Verdict: policy.Allow, PolicyHash: "sha256:00"}, "signer", ViaDoor, NeedsKey, []netip.Addr{netip.MustParseAddr("192.0.2.7")}, "192.0.2.9:22", []byte("cert"), 3}},
		OpHealth: {Empty{}, Health{"the audit log cannot be written"}},
		OpStatus: {Empty{}, Status{"1.0", "gatehouse", at, "sha256:00", at, "no", 1, 2, 3, 4, "the audit log cannot be written", []AuditAnchor{{"witness", "w", 12, at, "p", "a"}},
			[]CA{{Name: "target", Signer: "a file", Phase: "steady", Next: "prepare", Keys: []CAKey{{1, "target_ca", "active", at, at, "SHA256:x", "ssh-ed25519 AAAA"}}}}, []string{"target"}}},
		OpDispose: {Dispose{Credential{Connection: con}, "shredded", ses, "00ff", 4096, "asked to"}, Empty{}},
	}
}

// laterOrder follows peopleOrder.
var laterOrder = []Op{OpOffers, OpUnseal, OpDispose, OpStreamSent, OpExportMove, OpAuditState, OpTransfer, OpFile, OpFileEnd, OpForward, OpHealth, OpStatus}
