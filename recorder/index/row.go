package index

import (
	"context"
	"iter"
	"time"
)

// The kinds of rows.
const (
	KindCommand = "command" // a line that was asked for
	KindOutput  = "output"  // a line that was shown
)

// Row is one line for the search: masked, as it was seen, without control characters.
type Row struct {
	At      time.Duration // when the line was first complete, since the recording's start
	Command int           // the command that it belongs to, from 1; 0 before the first
	Kind    string
	Text    string
}

// Meta says whose session a row comes from.
type Meta struct {
	Session, Identity, Owner, Task, Target, Login, Verdict string
	Started                                                time.Time
}

// Sink takes the rows of recordings, for the search.
type Sink interface {
	// Put replaces what the sink has of m.Session by rows, which it takes as they come, once; it is durable when it returns. After
	// an error the session's rows are what they were before. It is not called concurrently by one Indexer.
	Put(ctx context.Context, m Meta, rows iter.Seq[Row]) error
}
