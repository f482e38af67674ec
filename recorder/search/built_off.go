//go:build !sqlite_fts5 && !fts5

package search

// Built says whether this program can search.
const Built = false
