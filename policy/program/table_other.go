package program

// other are git, interpreters and servers.
var other = map[string]Program{
	"git":     {env: gitEnv, add: gitAdditions}, // options before and after the sub-command are different ones
	"nginx":   {},
	"node":    {},
	"openssl": {},
	"python3": {},
}
