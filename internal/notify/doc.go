// Package notify tells people what happens: it makes alerts of the audit log's entries, keeps them in an outbox, and delivers
// them to webhooks, chats and mailboxes.
//
// The way of an alert: the log is read from a cursor on; an entry that people must hear of becomes an alert; the alert, its
// deliveries and the cursor become durable in one transaction, so that a crash neither loses an alert nor makes it twice; each
// channel then hands over what is due, until the receiver says that it has it. What is delivered has a stable id by which a
// receiver drops what it already has: each arrives at least once, and counts once. Alerts with one subject arrive in their order.
// What no receiver takes within a day is a dead letter: kept, listed, and sent again on request.
//
// An alert has nothing secret in it: its texts pass the masking of secrets, are cut, and show what is invisible. A link in it
// leads to a page; it approves nothing.
//
// It trusts the log's folder and its own file. Receivers are hostile: what they answer is bounded and believed in nothing but
// whether they took the alert. It has no network of its own: streams are lent by who calls, and TLS ends here.
package notify

import "time"

// The bounds.
const (
	maxBatch   = 1000        // entries of the log read at once
	pollEvery  = time.Second // a look for entries that nobody told of
	gather     = 50 * time.Millisecond
	saveEvery  = 10 * time.Second // between two writes of the cursor, where nothing was found
	firstWait  = time.Second      // after a failure; doubled up to
	maxWait    = 5 * time.Minute  // this
	deadAfter  = 24 * time.Hour   // of trying
	sendLimit  = 14 * time.Second // for one try: a lent stream lives 15
	sendAtOnce = 3                // tries of all channels under way, as others need lent streams too

	dedupSpan   = 10 * time.Minute // in which the same of the same subject is one alert
	denialSpan  = time.Hour        // in which denials are counted
	denialMost  = 20               // denials of one identity in that time that are an alert
	glassEvery  = time.Hour        // between two reminders of a break-glass that nobody reviewed
	glassFor    = 30 * 24 * time.Hour
	gapLimit    = 3 * time.Minute // without an entry of the log, which has a heartbeat each minute
	maxWatched  = 5000            // subjects that are counted, of each sort
	maxWaiting  = 5000            // alerts that wait for one channel; more are dead letters at once
	maxAlerts   = 20_000          // alerts that are kept, and no longer than
	keepFor     = 90 * 24 * time.Hour
	maxTitle    = 160  // characters
	maxText     = 600  // characters
	maxWhy      = 300  // bytes of what a failure is said to be
	maxAnswer   = 8192 // bytes of a receiver's answer
	maxSecret   = 4096 // bytes of a secret's file
	maxCertFile = 1 << 20
)
