package admit

import (
	"slices"
	"strings"
	"unicode"
)

// judgeEcho lets through what the interpreter prints as bash does.
func judgeEcho(args []argument, in Place) (rule, int) {
	escapes := false
	for i, a := range args {
		switch {
		case a.known && (a.text == "-n" || a.text == "-e" || a.text == "-E"):
			escapes = a.text == "-e" || escapes && a.text != "-E"
			if in.Sh && a.text != "-n" {
				return echoSh, i
			}
			continue
		case a.known && len(a.text) > 1 && a.text[0] == '-' && strings.Trim(a.text[1:], "neE") == "":
			return echoOptions, i
		}
		for j, a := range args[i:] {
			if a.known && escapes && oddEscape(a.text, true) {
				return echoEscape, i + j
			}
			if a.known && in.Sh && strings.Contains(a.text, `\`) {
				return echoSh, i + j
			}
		}
		break
	}
	return fine, 0
}

// oddEscape says whether a text has an escape that the interpreter reads differently: \c, quotes where echo prints them, and octal ones of
// more than a byte or, for echo, of other than \0, one and two digits.
func oddEscape(s string, echo bool) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		i++
		c, digits := s[i], octals(s[i:])
		switch {
		case c == 'c', echo && strings.IndexByte(`'"?`, c) >= 0:
			return true
		case digits > 0 && echo && (c != '0' || digits > 3):
			return true
		case digits > 2 && c > '3':
			return true
		}
	}
	return false
}

// octals counts the octal digits that a text begins with.
func octals(s string) int { return len(s) - len(strings.TrimLeft(s, "01234567")) }

// judgePrintf lets through the formats that the interpreter fills in as bash does.
func judgePrintf(args []argument, in Place) (rule, int) {
	if len(args) == 0 || !args[0].known {
		return fine, 0
	}
	format, i := args[0].text, 0
	if format == "--" && len(args) > 1 {
		format, i = args[1].text, 1
		if !args[1].known {
			return fine, 0
		}
	}
	if i == 0 && len(format) > 1 && format[0] == '-' {
		return printfVariable, 0
	}
	conversions, ok := formats(format)
	if !ok || oddEscape(format, false) {
		return printfFormat, i
	}
	if strings.ContainsAny(format, "123456789") && strings.Contains(conversions, "s") {
		for j, a := range args[i+1:] {
			if a.known && strings.IndexFunc(a.text, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
				return printfWidth, i + 1 + j
			}
		}
	}
	return printed(conversions, args[i+1:], i+1)
}

// printed judges what a format is filled with.
func printed(conversions string, args []argument, at int) (rule, int) {
	for i, a := range args {
		if conversions == "" || !a.known {
			continue
		}
		switch conversions[i%len(conversions)] {
		case 'd':
			if !decimal(a.text) {
				return printfNumber, at + i
			}
		case 'b':
			if oddEscape(a.text, true) {
				return echoEscape, at + i
			}
		}
	}
	return fine, 0
}

// formats are the conversions of a format: s, d for every integer, b, c.
func formats(format string) (string, bool) {
	var found strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; i < len(format) && format[i] == '%' {
			continue
		}
		start := i
		if i < len(format) && strings.IndexByte("-+ 0", format[i]) >= 0 {
			i++
		}
		for i < len(format) && '0' <= format[i] && format[i] <= '9' {
			i++
		}
		if i == len(format) || strings.IndexByte("sdiuoxbc", format[i]) < 0 {
			return "", false
		}
		flags, c := format[start:i], format[i]
		if c == 'b' && flags != "" || c == 'c' && flags != "" || c == 's' && strings.Trim(flags, "-123456789") != "" && !plainWidth(flags) {
			return "", false
		}
		if strings.IndexByte("diuox", c) >= 0 {
			c = 'd'
		}
		found.WriteByte(c)
	}
	return found.String(), true
}

func plainWidth(flags string) bool {
	digits := strings.TrimPrefix(flags, "-")
	return strings.Trim(digits, "0123456789") == "" && !strings.HasPrefix(digits, "0")
}

// unaryOperators and binaryOperators are those of test that the interpreter answers as bash does.
var (
	unaryOperators  = strings.Fields("-e -f -d -c -b -p -S -L -h -k -g -u -r -w -x -s -z -n -v")
	binaryOperators = strings.Fields("= == != -eq -ne -lt -le -gt -ge -nt -ot")
)

// judgeTest reads the words of test as POSIX says, by their number; more than four are read where -a and -o join plain tests.
func judgeTest(args []argument, in Place) (rule, int) {
	if len(args) > 0 && args[len(args)-1].known && args[len(args)-1].text == "]" {
		args = args[:len(args)-1]
	}
	for i, a := range args {
		if a.known && (a.text == "-a" || a.text == "-o") && i > 0 && i < len(args)-1 && len(args) > 3 {
			if r, n := judgeTest(args[:i], in); r != fine {
				return r, n
			}
			r, n := judgeTest(args[i+1:], in)
			return r, n + i + 1
		}
	}
	if len(args) > 0 && args[0].known && args[0].text == "!" && len(args) > 1 {
		r, n := judgeTest(args[1:], in)
		return r, n + 1
	}
	return simpleTest(args, in)
}

func simpleTest(args []argument, in Place) (rule, int) {
	switch len(args) {
	case 0, 1:
		return fine, 0
	case 2:
		return unaryTest(args)
	case 3:
		op := args[1]
		switch {
		case !op.known:
			return fine, 0
		case in.Sh && op.text == "==":
			return notSh, 1
		case !slices.Contains(binaryOperators, op.text):
			return testOperator, 1
		}
		return testNumbers(args)
	}
	return testWords, 0
}

func unaryTest(args []argument) (rule, int) {
	switch op := args[0]; {
	case !op.known:
		return fine, 0
	case !slices.Contains(unaryOperators, op.text):
		return testOperator, 0
	case op.text == "-v" && args[1].known && strings.Contains(args[1].text, "["):
		return testElement, 1
	}
	return fine, 0
}

// testNumbers refuses what bash complains of, and the interpreter takes for 0.
func testNumbers(args []argument) (rule, int) {
	if len(args[1].text) != 3 || args[1].text == "-nt" || args[1].text == "-ot" {
		return fine, 0
	}
	for _, i := range []int{0, 2} {
		if args[i].known && !decimal(strings.TrimSpace(args[i].text)) && strings.Trim(args[i].text, "0123456789") != "" || args[i].known && args[i].text == "" {
			return testInteger, i
		}
	}
	return fine, 0
}
