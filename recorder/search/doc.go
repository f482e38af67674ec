// Package search finds commands and lines of output in recordings, by the rows that recorder/index makes of them: masked, as they
// were seen. It is derived data. Every file of it can be deleted and is made again from the recordings.
//
// There is one SQLite database a month, of the time in the session's id, so that a month goes by deleting a file. In it rows stand
// in compressed blocks of about 2 KB (a command is a block of its own), newest session first by their numbers, and FTS5 has the
// words of each block, without its text. FTS5 says which blocks may have a hit; the rows in them are then compared one by one, by
// the same rules that the tests have written down: a term is found where the row has its characters, in either case and with
// blanks run together, not in the middle of a word.
//
// It trusts neither the rows nor a query: both are bounded, and FTS5 is asked for words made of letters and digits only, so that
// nothing that anybody writes is syntax to it. A database that is corrupt, or not ours, is moved aside and said to be lost.
//
// A build without the tag sqlite_fts5 answers ErrOff.
package search
