// Package krl reads and writes OpenSSH Key Revocation Lists (PROTOCOL.krl), the files that sshd's RevokedKeys and ssh's
// RevokedHostKeys name, and answers what ssh-keygen -Q answers. It is pure: no files, no clock, no network.
//
// [New] makes a [List] from [Contents], [Parse] from bytes. A list does not change afterwards and is safe for concurrent use.
//
// What it trusts: golang.org/x/crypto/ssh to read a key. It does not trust the bytes, whoever hands them in. Parse refuses
// what it does not understand, with the place: unknown sections, flags, critical extensions, filled reserved fields, forms
// that are not the shortest, serial 0, keys that do not re-encode to themselves. It also refuses signature sections: OpenSSH
// 9.4 and later refuse the whole file for one, and a signature that nobody pinned a key for proves nothing. Extensions that
// call themselves not critical are skipped, as PROTOCOL.krl asks, and never written: OpenSSH before 9.4 refuses them all.
//
// What it guarantees: [List.Revoked] agrees with ssh-keygen -Q and sshd about every key and certificate that both read, and
// calls what it cannot read revoked. One set of revocations has one wire form, whatever order it came in, and
// [List.Marshal] writes nothing that OpenSSH 9.2 or later refuses to load, which matters because an sshd that cannot load
// its list refuses everybody. (ssh-keygen itself writes such lists: a bitmap over 16384 bits.) Memory is bounded by
// [MaxSize] and [MaxEntries], not by what lengths and bitmaps in the bytes promise.
//
// What it cannot help: sshd refuses everybody also when the file is missing, and nobody when it is empty, which it takes for
// a list of keys in text. Whoever writes the file must put it in place whole, by a rename.
//
// The judges in the tests are ssh-keygen -k, ssh-keygen -Q and sshd.
package krl
