// Package index derives from a recording what looking at it needs: places to begin at, pauses, moments, the text as it was seen.
//
// An index is a file beside the recording (SESSION.ghx). It is never evidence: everything in it can be made again from the
// recording, and deleting it costs only that work. It holds the hash of the recording that it was made from, and one that does
// not fit is made again.
//
// It trusts neither the recording's bytes nor an index file: sizes, counts and times are bounded before they are believed, and
// a terminal emulator runs over the output of hosts here, never on the way of a session.
//
// What it holds is masked: keyframes come from a terminal that was fed with secrets already replaced, and the places of the
// secrets are in it, so that segments are cut from the recording with them replaced too.
package index
