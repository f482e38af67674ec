package program

// text are the programs that look at text.
var text = map[string]Program{
	"awk": {}, // an interpreter: its first operand is a program
	"cat": {Style: getopt("", ""), Filter: true},
	"cmp": {Style: getopt("in", "ignore-initial bytes"), Filter: true},
	"column": {Style: getopt("cEHilnNoOprRsTW", `table-name table-order table-columns table-columns-limit table-noextreme table-hide table-right table-truncate table-wrap tree tree-id tree-parent
output-width output-separator separator`), Filter: true},
	"comm":   {Style: getopt("", "output-delimiter").digits(), Filter: true},
	"cut":    {Style: getopt("bcdf", "bytes characters delimiter fields output-delimiter"), Filter: true},
	"diff":   {Style: diffStyle, Filter: true},
	"egrep":  {Style: grepStyle, Filter: true},
	"fgrep":  {Style: grepStyle, Filter: true},
	"grep":   {Style: grepStyle, Filter: true},
	"head":   {Style: getopt("cn", "bytes lines"), Filter: true},
	"jq":     {Filter: true}, // --arg takes two words
	"md5sum": {Style: getopt("", ""), Filter: true},
	"nl": {Style: getopt("bdfhilnsvw", `body-numbering section-delimiter footer-numbering header-numbering line-increment join-blank-lines number-format
number-separator starting-line-number number-width`), Filter: true},
	"paste":     {Style: getopt("d", "delimiters"), Filter: true},
	"rev":       {Style: getopt("", ""), Filter: true},
	"sed":       {Style: getopt("efl", "expression file line-length").maybe("i"), Filter: true},
	"sha256sum": {Style: getopt("", ""), Filter: true},
	"sort": {Style: getopt("koStTy",
		"random-source sort batch-size compress-program files0-from key output buffer-size field-separator temporary-directory parallel"), Filter: true},
	"tac":   {Style: getopt("s", "separator"), Filter: true},
	"tail":  {Style: getopt("cns", "bytes lines max-unchanged-stats pid sleep-interval"), Filter: true},
	"tee":   {Style: getopt("", ""), Filter: true},
	"tr":    {Style: inOrder("", ""), Filter: true},
	"uniq":  {Style: getopt("fsw", "skip-fields skip-chars check-chars"), Filter: true},
	"wc":    {Style: getopt("", "files0-from"), Filter: true},
	"yq":    {Filter: true},
	"zgrep": {Filter: true}, // a script that reads its options by itself

	"htop": {},
	"less": {env: [][2]string{{"LESSSECURE", "1"}}},
	"man":  {env: [][2]string{{"MANPAGER", "cat"}, {"PAGER", "cat"}}},
	"more": {env: [][2]string{{"MORESECURE", "1"}, {"PAGERSECURE", "1"}}},
	"nano": {},
	"top":  {},
	"vim":  {},
}

// grepStyle: a number such as -5 is one option.
var grepStyle = getopt("ABCDXdefm", `regexp file max-count label binary-files directories devices include exclude exclude-from exclude-dir
before-context after-context context group-separator`)

var diffStyle = getopt("CDFILSUWxX", `show-function-line label tabsize width exclude exclude-from starting-file from-file to-file ignore-matching-lines ifdef
old-group-format new-group-format unchanged-group-format changed-group-format line-format old-line-format new-line-format unchanged-line-format horizon-lines palette`)
