// Package store keeps what the door knows about sessions, and named blobs.
//
// [Sessions] is an index: recordings and the audit log are the evidence, and the index can be rebuilt from them. [Blobs] are
// files by name, such as backups. Callers know these two interfaces and no SQL; SQLite and a folder on disk are the
// implementations. Package storetest holds the contracts, which every implementation must pass.
//
// What it trusts: the folder it is given. It does not trust the strings in a session, which come from clients: they are bound
// to statements, never made part of one, and come back byte for byte.
//
// What it guarantees: a write that returned is on disk; one that failed is as if it had not been tried; a final session never
// becomes live again; a database that a newer Gatehouse wrote is left alone.
package store
