package admit

import (
	"slices"
	"strings"
)

// judgeEcho refuses what sh prints in as many ways as there are kinds of it.
func judgeEcho(args []argument, in Place) (rule, int) {
	if !in.Sh {
		return fine, 0
	}
	for i, a := range args {
		if a.known && (strings.Contains(a.text, `\`) || i == 0 && len(a.text) > 1 && a.text[0] == '-' && strings.Trim(a.text[1:], "neE") == "" && a.text != "-n") {
			return echoSh, i
		}
	}
	return fine, 0
}

// judgePrintf refuses the conversions that are bash's alone and not filled in.
func judgePrintf(args []argument, in Place) (rule, int) {
	i := 0
	if len(args) > 2 && args[0].known && args[0].text == "-v" {
		if args[1].known && strings.Contains(args[1].text, "[") {
			return printfElement, 1
		}
		if in.Sh {
			return notSh, 0
		}
		i = 2
	}
	if i < len(args) && args[i].known && args[i].text == "--" {
		i++
	}
	if i < len(args) && args[i].known {
		format := strings.ReplaceAll(args[i].text, "%%", "")
		if strings.Contains(format, "%(") || strings.Contains(format, "%n") {
			return printfFormat, i
		}
	}
	return fine, 0
}

// oddOperators are those of test that are not answered as bash does.
var oddOperators = strings.Fields("-N -R -o -ef")

// judgeTest refuses operators, as far as their place says that they are ones.
func judgeTest(args []argument, in Place) (rule, int) {
	if len(args) > 0 && args[len(args)-1].known && args[len(args)-1].text == "]" {
		args = args[:len(args)-1]
	}
	start := 0
	for i := 0; i <= len(args); i++ {
		if i < len(args) && !(args[i].known && (args[i].text == "-a" || args[i].text == "-o") && i > start && i-start != 1) {
			continue
		}
		if r, n := simpleTest(args[start:i], in); r != fine {
			return r, start + n
		}
		start = i + 1
	}
	return fine, 0
}

// simpleTest judges a test of one operator.
func simpleTest(args []argument, in Place) (rule, int) {
	if len(args) > 2 && args[0].known && args[0].text == "!" {
		r, n := simpleTest(args[1:], in)
		return r, n + 1
	}
	switch len(args) {
	case 2:
		if args[0].known && slices.Contains(oddOperators, args[0].text) {
			return testOperator, 0
		}
		if args[0].known && args[0].text == "-v" && args[1].known && strings.Contains(args[1].text, "[") {
			return testElement, 1
		}
	case 3:
		if args[1].known && args[1].text == "-ef" {
			return testOperator, 1
		}
		if in.Sh && args[1].known && args[1].text == "==" {
			return notSh, 1
		}
	}
	return fine, 0
}
