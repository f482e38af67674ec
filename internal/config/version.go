package config

import "fmt"

// Current is the version of the format of gatehouse.yaml and targets.yaml that this program writes and reads.
const Current = 1

// VersionFault says what is wrong with a file's version, and the cure. There is no older version yet; the next one will read
// this one, or say here what to change.
func VersionFault(found int) string {
	switch {
	case found == Current:
		return ""
	case found == 0:
		return fmt.Sprintf("version is missing: write version: %d as the first line", Current)
	case found > Current:
		return fmt.Sprintf("version is %d, want %d: the file is of a newer Gatehouse; start that one, or put back the file of before the upgrade", found, Current)
	}
	return fmt.Sprintf("version is %d, want %d: there never was such a version", found, Current)
}
