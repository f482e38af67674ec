package recorder

import "testing"

// TestForwardLine: a forward's beginning says where it really leads, its end how much went by.
func TestForwardLine(t *testing.T) {
	for data, want := range map[string]string{
		`{"event":"open","host":"db-1","port":5432,"address":"192.0.2.7:5432","via":"door"}`:                    "open db-1:5432 at 192.0.2.7:5432 via the door",
		`{"event":"open","socket":"/run/a.sock","address":"/run/a.sock","via":"target"}`:                        "open /run/a.sock at /run/a.sock via the target",
		`{"event":"close","host":"db-1","port":5432,"address":"x","via":"door","bytes_in":3,"bytes_out":70000}`: "close db-1:5432: 3 bytes to it, 70000 bytes from it",
		`{"event":"close","socket":"/s","bytes_in":0,"bytes_out":0,"reason":"ended by person:ann: enough"}`:     "close /s: 0 bytes to it, 0 bytes from it: ended by person:ann: enough",
		`not JSON`: "not JSON",
	} {
		if got := ForwardLine([]byte(data)); got != want {
			t.Errorf("%s:\n got %q\nwant %q", data, got, want)
		}
	}
}
