package admit

// rule is a reason to refuse. What stands behind it in Table is what a client is told.
type rule int

// fine is no reason.
const fine rule = 0

// The rules, in the order of the manual.
const (
	textsInTexts rule = iota + 1
	longText
	denseText
	nesting
	invalidUTF8
	carriageReturn
	controlCharacter
	invisibleCharacter
	notUnderstood
	notSh
	commentBackslash
	processSubstitution
	coprocess
	selectLoop
	functionName
	functionBody
	descriptor
	inputDuplicate
	closedOutput
	outputDuplicate
	readWrite
	deviceFile
	globTarget
	assignmentInput
	negatedRedirect
	negatedEnd
	targetAssigns
	documentEnd
	tildeOther
	tildeColon
	braceRange
	braceEmpty
	braceName
	elementBackwards
	loneIn
	neverSet
	exportedName
	replaceStar
	globStart
	globQuotes
	emptyQuotes
	extendedGlob
	loneDollar
	localeQuotes
	ansiEscape
	pipeStatus
	lastArgument
	statusAfter
	optionLetters
	callStack
	shellNumbers
	shellState
	fixedVariable
	seededRandom
	steeringVariable
	localeVariable
	namesByPrefix
	tenthParameter
	indirectMore
	indirectUnset
	keyOrder
	transformation
	casePattern
	listDefault
	quotesInDefault
	eagerDefault
	quotedRemoval
	replaceAnchor
	replacePattern
	replaceAmpersand
	arithmeticQuotes
	testOperator
	testElement
	regexpDialect
	regexpQuoted
	readonlyAgain
	elementAppend
	associativeElement
	separatorOdd
	listing
	localOutside
	assignedTwice
	localAgain
	localBefore
	localElsewhere
	declareOption
	declareWord
	declareCalled
	returnOutside
	breakOutside
	breakAhead
	trapSubshell
	trapSignal
	jobControl
	interactiveOnly
	resourceLimits
	setOption
	shoptOption
	readOption
	mapfileOption
	cdOption
	execOption
	unsetOption
	killJob
	waitOption
	typeOption
	hashOption
	commandOption
	aliases
	tooMany
	countNumber
	umaskSymbolic
	folderOption
	echoSh
	printfFormat
	printfElement
)

// Row is what is said of one construct. Refused is an example, in which ‸ stands before the column; Instead is a text beside it that is
// read. Both are empty where no short text shows it.
type Row struct{ Construct, Reason, Refused, Instead string }

// Table is all that is refused, by rule. The manual's list is made from it.
var Table = [...]Row{
	textsInTexts:        {"text in text", "texts are at most 16 deep in each other: eval, sh -c and source", "", ""},
	longText:            {"long text", "a text has at most 65536 bytes; put it into several", "", ""},
	denseText:           {"dense text", "a text has at most 2048 parentheses, braces, brackets and keywords", "", ""},
	nesting:             {"nesting", "commands and expansions are at most 200 deep in each other: use a function or a variable", "", ""},
	invalidUTF8:         {"invalid UTF-8", "a text is UTF-8: write other bytes as $'\\xNN'", "echo a‸\xff", "echo é"},
	carriageReturn:      {"carriage return", "lines end with a newline alone", "echo a‸\r\necho b\n", "echo a\necho b\n"},
	controlCharacter:    {"control character", "write it as $'\\033' or by printf", "echo ‸\x1b[1m", "echo $'\\033[1m'"},
	invisibleCharacter:  {"invisible character", "format, bidirectional and separator characters deceive whoever reads the text", "echo a‸\u202eb", "echo aéb"},
	notUnderstood:       {"syntax error", "what the parser says of it", "echo )", "echo ')'"},
	notSh:               {"not sh", "not every sh has it: write bash -c", "", ""},
	commentBackslash:    {"comment", "it cannot end with a backslash, nor stand in backquotes: write $(…)", "echo a ‸# b \\\necho c", "echo a # b\necho c"},
	processSubstitution: {"process substitution", "write to a file, use a pipe, or a here-string: <<< \"$(…)\"", "diff ‸<(ls a) <(ls b)", "ls a | diff - b"},
	coprocess:           {"coproc", "run it in the foreground, or behind with &", "‸coproc cat", "cat &"},
	selectLoop:          {"select", "read the choice with read", "‸select x in a b; do echo $x; done", "for x in a b; do echo $x; done"},
	functionBody:        {"command behind a function", "the parser takes what stands behind } for a part of it: write it on a line of its own", "f() { ls; } ‸&& f", "f() { ls; }; f"},
	functionName:        {"function name", "it must be letters, digits and _ - . : + and no word of the shell's grammar", "‸a@b() { :; }", "a-b() { :; }"},
	descriptor:          {"file descriptor", "only 0 for input and 1 and 2 for output can be redirected", "exec ‸3>log", "exec >log"},
	inputDuplicate:      {"<&", "redirect input from a file, with < or <<<", "cat ‸<&3", "cat </dev/null"},
	closedOutput:        {">&-", "write >/dev/null", "ls ‸>&-", "ls >/dev/null"},
	outputDuplicate:     {">& to a file", "write &> FILE; after >& stands 1 or 2", "ls ‸>&log", "ls &>log"},
	readWrite:           {"<>", "open a file for reading with < or for writing with >", "cat ‸<>f", "cat <f"},
	deviceFile:          {"device file", "the shell opens no connections and no other descriptors: use curl, nc or a plain file", "echo a > ‸/dev/tcp/h/80", "echo a > /dev/null"},
	globTarget:          {"pattern in redirection", "write the file's name in full", "cat < ‸*.txt", "cat *.txt"},
	targetAssigns:       {"assignment in a redirection", "bash makes it in the command's own process, where it is lost: make it on a line before", "ls > ‸f$((i++))", "i=$((i+1)); ls > f$i"},
	negatedEnd:          {"! at the end of a list", "with set -e its status cannot be read behind the braces: use if", "set -e; { a || ‸! b; }; echo $?", "set -e; if a; then b; fi; echo $?"},
	negatedRedirect:     {"! and a redirection", "bash does not turn the status of a file that cannot be opened: use if", "! { ls; } ‸>f", "if { ls; } >f; then false; fi"},
	assignmentInput:     {"redirection of an assignment", "it would turn nothing of $(…), only > /dev/null and 2>&1 are read there: put the redirection into $(…)", "x=$(cat) ‸<f", "x=$(cat <f)"},
	documentEnd:         {"here-document", "the word that ends it must be plain, or quoted as a whole", "cat <<‸'A'B\nx\nAB\n", "cat <<'AB'\nx\nAB\n"},
	tildeOther:          {"tilde", "write the folder in full, or $PWD or $OLDPWD", "ls ‸~+", "ls ~"},
	tildeColon:          {"tilde within a word", "write $HOME", "make ‸PREFIX=~/x", "make PREFIX=$HOME/x"},
	braceRange:          {"brace range", "it makes too many words, or mixes what it counts: use seq, or for ((…))", "echo ‸{1..100000}", "echo {1..100}"},
	loneIn:              {"in", "where a command begins it is a word of the language to bash", "‸in a", "'in' a"},
	elementBackwards:    {"assignment from the end", "count from the beginning: ${#a[@]}-1", "‸a[-1]=x", "a[1]=x"},
	neverSet:            {"variable that is never set", "set it in the text first: a=(), n=0", "echo ‸${!a[@]}", "a=(); echo ${!a[@]}"},
	exportedName:        {"exported variable", "commands would not see the new value: write NAME=VALUE", "export x; for ‸x in a b; do ls; done", "export x; for y in a b; do x=$y; ls; done"},
	replaceStar:         {"${name/*/…}", "the pattern may stand for nothing: test the variable", "echo ‸${x/*/b}", "echo ${x/a*/b}"},
	braceName:           {"brace after $name", "bash looks for the name when it has the braces: use ${…}", "echo ‸$x{a,b}", "echo ${x}{a,b}"},
	braceEmpty:          {"empty brace", "a word of it would be nothing, which bash leaves out", "echo ‸{,a}", "echo x{,a}"},
	globQuotes:          {"quotes in [ ]", "a quoted - in a set stands for itself in bash: write the set without quotes", "ls a[0‸\"-\"9]", "ls a[0-9]"},
	emptyQuotes:         {"empty quotes", "beside a value that begins with blanks they are a word of their own in bash: leave them out", "ls ‸''$x", "ls $x"},
	globStart:           {"pattern", "a file's name cannot begin with ? [! or [^ in a pattern, which would match hidden files here and not in bash: use find", "ls ‸[!a]*", "ls a[!a]*"},
	extendedGlob:        {"extended pattern", "write the patterns one by one, or use find or grep", "ls ‸!(a)", "ls *.txt"},
	loneDollar:          {"lone dollar", "write \\$", "echo a‸$`ls`", "echo a\\$`ls`"},
	localeQuotes:        {"$\"…\"", "leave the dollar out", "echo ‸$\"a\"", "echo \"a\""},
	ansiEscape:          {"escape in $'…'", "write control characters as \\xNN", "echo ‸$'\\cA'", "echo $'\\x01'"},
	pipeStatus:          {"PIPESTATUS", "it is read in the command right behind a pipeline of programs, or with set -o pipefail in $?", "a; echo ‸${PIPESTATUS[0]}", "a | b; echo ${PIPESTATUS[0]}"},
	lastArgument:        {"$_", "put the word into a variable", "mkdir d; cd ‸$_", "d=x; mkdir $d; cd $d"},
	statusAfter:         {"$? after $(…)", "put what $(…) gives into a variable, and read $? on a line before", "echo $(ls) ‸$?", "x=$(ls); echo $?"},
	optionLetters:       {"$-", "the shell is not interactive", "echo ‸$-", "echo $#"},
	callStack:           {"call stack", "the shell keeps no names of functions and files: write them into the text", "f() { echo ‸$FUNCNAME; }", "f() { echo f; }"},
	shellNumbers:        {"shell's own number", "use $$, SECONDS, EPOCHSECONDS or date", "echo ‸$BASHPID", "echo $$"},
	shellState:          {"shell's own state", "the variable is not kept", "echo ‸$SHELLOPTS", "set -e; echo $?"},
	fixedVariable:       {"fixed variable", "bash does not let it be set, or makes its value anew: choose another name", "‸UID=5", "uid=5"},
	seededRandom:        {"RANDOM=", "its row of numbers is not bash's: do not seed it", "‸RANDOM=42", "x=$RANDOM"},
	localeVariable:      {"locale", "the shell reads C.UTF-8 alone: give another to the command that needs it", "‸LC_ALL=de_DE.UTF-8; ls", "LC_ALL=de_DE.UTF-8 ls"},
	steeringVariable:    {"steering variable", "it would change how bash reads what follows: choose another name, or use cd", "‸CDPATH=/srv", "cdpath=/srv"},
	namesByPrefix:       {"${!prefix*}", "write the names", "echo ‸${!HO*}", "echo ${HOME}"},
	tenthParameter:      {"${10}", "use shift, or a=(\"$@\") and ${a[9]}", "echo ‸${10}", "echo ${9}"},
	indirectMore:        {"${!name…}", "put ${!name:-} into a variable first", "echo ‸${!x:-a}", "y=${!x:-}; echo ${y:-a}"},
	indirectUnset:       {"${!name} under set -u", "bash ends where what it names is not set: write ${!name:-}", "set -u; echo ‸${!x}", "set -u; echo ${!x:-}"},
	keyOrder:            {"order of an associative array", "bash has an order of its own: pass it to sort with printf '%s\\n' … | sort", "declare -A m; for k in ‸${!m[@]}; do echo $k; done", "declare -A m; printf '%s\\n' \"${!m[@]}\" | sort"},
	transformation:      {"${name@…}", "only @U, @u and @L of one value are read: quote with printf on the target", "echo ‸${x@Q}", "echo ${x@U}"},
	casePattern:         {"${name^pattern}", "only the forms without a pattern are read", "echo ‸${x^^[a-c]}", "echo ${x^^}"},
	listDefault:         {"${list-word}", "test ${#list[@]} or $# first; with set -u \"${list[@]}\" may be empty", "a=(); echo ‸${a[@]:-none}", "a=(); echo ${#a[@]}"},
	quotesInDefault:     {"quotes within ${…}", "put the word into a variable first, or the whole in double quotes", "echo \"${x:-‸'a'}\"", "echo \"${x:-a}\""},
	eagerDefault:        {"assignment within ${…}", "make it on a line before", "echo ${x:-‸$((i++))}", "echo ${x:-$((i+1))}"},
	quotedRemoval:       {"quotes in ${name#…}", "put the quoted part into a variable of its own and remove that first", "echo ‸${x#\"$y\"*}", "echo ${x#\"$y\"}"},
	replaceAnchor:       {"${name/#…}", "use ${name#prefix} or ${name%suffix}, or sed", "echo ‸${x/#a/b}", "echo ${x/a/b}"},
	replacePattern:      {"${name/$pattern}", "quote the pattern, or use sed", "echo ${x/‸$p/b}", "echo ${x/\"$p\"/b}"},
	replaceAmpersand:    {"& in a replacement", "quote the replacement: ${x//a/\"$y\"}", "echo ${x/a/‸$y}", "echo ${x/a/\"$y\"}"},
	arithmeticQuotes:    {"quotes in arithmetic", "single quotes and backslashes do not quote there: leave them out", "echo $((‸'5'+1))", "echo $((5+1))"},
	testOperator:        {"test operator", "-ef, -N, -R, -o OPTION and, in [[, -t are not answered alike: use stat, and [ -t 1 ]", "[ a ‸-ef b ]", "[ a -nt b ]"},
	testElement:         {"[ -v element ]", "compare ${a[i]+set}", "[[ ‸-v a[$i] ]]", "[[ -n ${a[$i]+set} ]]"},
	regexpDialect:       {"regular expression", "the two dialects differ on it: keep to . [a-z] [[:class:]] * + ? {n,m} ^ $ ( ) and, where BASH_REMATCH is read, | between words of which none begins another", "[[ $x =~ ‸\\d+ ]]", "[[ $x =~ [0-9]+ ]]"},
	regexpQuoted:        {"quoted variable in =~", "compare with == or *\"$x\"*, or leave the quotes out", "[[ $x =~ ‸\"$y\" ]]", "[[ $x =~ $y ]]"},
	readonlyAgain:       {"readonly", "it is set once: bash would end the shell here", "readonly A=1; ‸A=2", "readonly A=1; B=2"},
	elementAppend:       {"+= to an element", "write a[i]=${a[i]}…, on a line of its own", "‸a[i++]+=x", "a[0]+=x"},
	associativeElement:  {"associative array", "write declare -A m=([\"key\"]=value …), each key quoted", "declare -A m=(‸a b)", "declare -A m=([\"a\"]=b)"},
	separatorOdd:        {"IFS", "what follows would be split differently: set it for read alone, or in a function that splits nothing", "‸IFS=,; for x in $y; do echo $x; done", "IFS=, read -ra a <<< $y"},
	listing:             {"listing", "bash's own lists are not printed", "‸set", "set -e"},
	localAgain:          {"local again", "it is local already, and keeps its value in bash: set it", "f() { local x=1; local ‸x; }", "f() { local x=1; local y; }"},
	localOutside:        {"local", "outside of a function write a plain assignment", "‸local x=1", "f() { local x=1; }"},
	assignedTwice:       {"NAME=… twice", "set it once before a command", "x=1 ‸x=2 ls", "x=2 ls"},
	localBefore:         {"NAME=… before a function", "local NAME in it takes this value over: set it on a line before, or give local a value", "f() { local x; echo $x; }; ‸x=1 f", "f() { local x=; echo $x; }; x=1 f"},
	localElsewhere:      {"export of a local", "another function has a local of this name, which bash would take: choose another name", "f() { local x; g; echo $x; }; g() { ‸export x=1; }; f", "f() { local x; g; echo $x; }; g() { export y=1; }; f"},
	declareOption:       {"option of declare", "only -a -A -r -x and, for declare, -g are read", "declare ‸-i n=1", "declare -r n=1"},
	declareWord:         {"word of declare", "write NAME=VALUE, without braces", "declare ‸$x", "declare x"},
	declareCalled:       {"declare at run time", "write the word declare or export itself, not a variable that holds it", "", ""},
	returnOutside:       {"return", "outside of a function write exit", "‸return 1", "exit 1"},
	breakOutside:        {"break", "it is in no loop, or in fewer than it would end", "‸break", "while true; do break; done"},
	breakAhead:          {"break before &&", "what follows would run: write it last, or with if", "for i in a; do test -f $i || ‸continue && ls; done", "for i in a; do test -f $i || continue; ls; done"},
	trapSubshell:        {"trap in a subshell", "set it in the text itself", "(‸trap 'echo a' EXIT)", "trap 'echo a' EXIT"},
	trapSignal:          {"trap", "only EXIT and, with a text, HUP INT QUIT TERM are read, whose text does not run: what comes from outside ends the shell at once", "trap 'echo a' ‸ERR", "trap 'echo a' EXIT INT TERM"},
	jobControl:          {"job control", "use & with wait and $!", "‸jobs", "sleep 1 & wait"},
	interactiveOnly:     {"builtin of interactive shells", "there is none here", "‸compgen -c", "command -v ls"},
	resourceLimits:      {"limits and times", "bounds are the session's own: use timeout and the target's tools", "‸ulimit -n 5", "timeout 5 ls"},
	setOption:           {"option of set", "only -e -f -u -x -a and -o pipefail are read", "set ‸-m", "set -eu"},
	shoptOption:         {"option of shopt", "only nullglob, dotglob and globstar can be set, and extglob for [[ … ]]", "shopt -s ‸lastpipe", "shopt -s nullglob"},
	readOption:          {"option of read", "only -r -s -a -p -d -n and -t are read", "read ‸-u 3 x", "read -r x"},
	mapfileOption:       {"option of mapfile", "only -t and -d are read", "mapfile ‸-n 1 a", "mapfile -t a"},
	cdOption:            {"option of cd", "only cd FOLDER and cd - are read, and pwd -P", "cd ‸-P a", "cd a"},
	execOption:          {"option of exec", "write exec COMMAND", "exec ‸-a x ls", "exec ls"},
	unsetOption:         {"option of unset", "only -v and -f are read", "unset ‸-n x", "unset -v x"},
	killJob:             {"kill", "write a number or $!, and the signal's name", "kill ‸%1", "kill $!"},
	waitOption:          {"option of wait", "only wait and wait $! are read", "wait ‸-n", "wait"},
	typeOption:          {"option of type", "only -t -p and -P are read", "type ‸-a ls", "type -t ls"},
	hashOption:          {"option of hash", "only hash -r and hash NAME are read", "hash ‸-t ls", "hash ls"},
	commandOption:       {"option of command", "only -v and -p are read", "command ‸-V ls", "command -v ls"},
	aliases:             {"alias", "write a function", "‸alias l=ls", "l() { ls; }"},
	tooMany:             {"too many words", "the builtin takes fewer", "exit 1 ‸2", "exit 1"},
	countNumber:         {"number", "it must be a whole number of 1 or more", "shift ‸x", "shift 1"},
	umaskSymbolic:       {"umask", "write an octal number", "umask ‸u=rwx", "umask 077"},
	folderOption:        {"option of pushd", "only pushd FOLDER, pushd, popd and dirs are read", "pushd ‸-n a", "pushd a"},
	echoSh:              {"echo of sh", "every sh prints it differently: use printf", "", ""},
	printfFormat:        {"format of printf", "%(…)T and %n are not filled in: use date", "printf ‸'%(%Y)T' 0", "date +%Y"},
	printfElement:       {"printf -v", "only a plain name is set: write a[i]=$(printf …)", "printf -v ‸'a[1]' x", "printf -v x a"},
}
