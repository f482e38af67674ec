// Package recorder captures what happens in a session, as it happens, into one file a session.
//
// A recording is a header frame, data frames and an end frame (docs/spec/recording-chunk.md). A data frame is a zstd frame
// of events with a prelude that gives its two lengths; every frame stands alone, so an idle session holds no encoder and a
// crash loses at most what was not yet flushed. A chunk is a run of whole frames, at most 512 KiB of events or 60 s; its
// hash is handed to Config.Commit, which is expected to put it into the audit log.
//
// It trusts the local disk to keep what fsync acknowledged, and nothing that it reads back: every length in a file is
// bounded before it is believed.
//
// It guarantees that Open is durable when it returns; that events keep their exact bytes, their order and times that never
// decrease; that what Write took is durable within a second; that chunks are committed in order, only after their bytes are
// durable; and that after any error of the disk or of Commit the recording fails for good and says so, so that the session
// can be ended: there is no action without evidence.
package recorder
