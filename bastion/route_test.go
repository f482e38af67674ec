package bastion

import "testing"

func TestParseRoute(t *testing.T) {
	for _, c := range []struct {
		user, face string
		want       route
		ok         bool
	}{
		{"deploy@web-1", "", route{"deploy", "web-1"}, true},
		{"ann", "", route{}, true},
		{"", "", route{}, true},
		{"deploy", "web-1", route{"deploy", "web-1"}, true},
		{"deploy@web-2", "web-1", route{}, false}, // the face says which target, not the user
		{"deploy@", "", route{}, false},
		{"@web-1", "", route{}, false},
		{"a@b@c", "", route{}, false},
		{"-oProxyCommand=x@web-1", "", route{}, false},
		{"deploy@../web-1", "", route{}, false},
		{"deploy@web-1\n", "", route{}, false},
		{"DEPLOY@web-1", "", route{}, false},
	} {
		got, err := parseRoute(c.user, c.face)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("parseRoute(%q, %q) = %+v, %v", c.user, c.face, got, err)
		}
	}
}
