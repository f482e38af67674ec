package readonly

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRequestsExist: OpenSSH's server knows each request by that name, and the options are its own: with -R nothing that writes.
func TestRequestsExist(t *testing.T) {
	for _, argv := range [][]string{LocalArgv(true), LocalTransfer(false), LocalTransfer(true)} {
		requestsExist(t, argv)
	}
}

func requestsExist(t *testing.T, argv []string) {
	t.Helper()
	known, err := exec.Command(argv[0], "-Q", "requests").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range strings.Split(argv[len(argv)-1], ",") {
		if !slices.Contains(strings.Fields(string(known)), r) {
			t.Errorf("%s has no request %q", argv[0], r)
		}
	}
	if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil { // /dev/null is its client
		t.Errorf("%q: %v", argv, err)
	}
}

// TestHashAddsReading: open and read are there for hashes alone, and asking for them once does not leave them in.
func TestHashAddsReading(t *testing.T) {
	with, without := Command(true), Command(false)
	if with != without+",open,read" || !strings.HasPrefix(without, "internal-sftp -R -p ") || strings.Contains(without, "open,") || Command(true) != with {
		t.Errorf("%q, %q", with, without)
	}
}
