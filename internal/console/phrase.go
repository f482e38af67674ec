package console

import "strings"

// phraseArgs puts together the words of a reason or a remark that ssh has taken apart: ssh joins its arguments with blanks, so that
// --reason 'the api hangs' comes as four words. What follows belongs to it up to the next flag. It is asked only of arguments that
// cannot be read as they are; nil says that there is nothing to put together.
func phraseArgs(args []string) []string {
	var out []string
	joined := false
	for i := 0; i < len(args); i++ {
		out = append(out, args[i])
		if args[i] != "--reason" && args[i] != "--words" {
			continue
		}
		first := i + 1
		for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
		}
		if i >= first {
			out = append(out, strings.Join(args[first:i+1], " "))
			joined = joined || i > first
		}
	}
	if !joined {
		return nil
	}
	return out
}
