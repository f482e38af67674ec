package console

import "errors"

// UserMistake returns the line of an error that is the user's own mistake (NewUsageError).
func UserMistake(err error) (line string, ok bool) {
	var usage *usageError
	if !errors.As(err, &usage) {
		return "", false
	}
	return usage.message, true
}
