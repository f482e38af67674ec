package recorder

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"
)

// ErrSession is returned for a session id that is not "ses_" and a ULID.
var ErrSession = errors.New("not a session id")

const (
	sessionPrefix = "ses_"
	fileSuffix    = ".ghr"
	liveDir       = "live" // one marker for each recording that is not settled
)

// Path returns where the recording of a session is kept under dir: the month comes from the time in the id, so no listing
// is needed to find it. The id is checked, so a hostile one cannot name another file.
func Path(dir, session string) (string, error) {
	text, ok := strings.CutPrefix(session, sessionPrefix)
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrSession, session)
	}
	id, err := ulid.ParseStrict(text)
	if err != nil || id.String() != text {
		return "", fmt.Errorf("%w: %q", ErrSession, session)
	}
	month := ulid.Time(id.Time()).UTC().Format("2006-01")
	return filepath.Join(dir, month, session+fileSuffix), nil
}

// markerPath returns the marker of a recording that is not settled. The session must have passed Path.
func markerPath(dir, session string) string { return filepath.Join(dir, liveDir, session) }
