package program

// files are the programs of GNU coreutils and their like that look at and change files.
var files = map[string]Program{
	"basename": {Style: inOrder("s", "suffix")},
	"chmod":    {Style: getopt("", "reference").maybe("rwxXstugoa")}, // a mode may begin with "-"
	"chown":    {Style: getopt("", "reference from")},
	"cp":       {Style: getopt("tS", "suffix target-directory no-preserve sparse")},
	"dd":       {Style: Style{Keyed: true}, Filter: true},
	"df":       {Style: getopt("BFtx", "block-size type exclude-type")},
	"dirname":  {Style: getopt("", "")},
	"du":       {Style: getopt("dtBX", "block-size max-depth threshold exclude exclude-from files0-from time-style")},
	"file":     {Style: getopt("eFfmP", "magic-file exclude exclude-quiet files-from separator parameter"), Filter: true},
	"find":     {}, // single-dash words, in order
	"ln":       {Style: getopt("tS", "suffix target-directory")},
	"ls":       {Style: getopt("wIT", "block-size format hide ignore indicator-style quoting-style sort time time-style tabsize width").digits()},
	"mkdir":    {Style: getopt("m", "mode")},
	"mv":       {Style: getopt("tS", "suffix target-directory")},
	"readlink": {Style: getopt("", "")},
	"realpath": {Style: getopt("", "relative-to relative-base")},
	"rm":       {Style: getopt("", "")},
	"rmdir":    {Style: getopt("", "")},
	"stat":     {Style: getopt("c", "format printf cached")},
	"touch":    {Style: getopt("drt", "date reference time")},

	"gunzip": {Style: getopt("bS", "suffix bits").digits(), Filter: true},
	"gzip":   {Style: getopt("bS", "suffix bits").digits(), Filter: true},
	"tar":    {Style: tarStyle()},
	"unzip":  {},
	"zcat":   {Style: getopt("bS", "suffix bits").digits(), Filter: true},
	"zip":    {},
}

// tarStyle keeps the order: options hold for what follows them, and a first word without "-" is a bundle of options.
func tarStyle() Style {
	s := inOrder("bCfFgHIKLNTVX", `add-file after-date blocking-factor checkpoint-action directory exclude exclude-from exclude-ignore exclude-ignore-recursive
exclude-tag exclude-tag-all exclude-tag-under file files-from format group group-map hole-detection index-file info-script label level listed-incremental
mode mtime new-volume-script newer newer-mtime no-quote-chars owner owner-map pax-option quote-chars quoting-style record-size rmt-command rsh-command sort
sparse-version starting-file strip-components suffix tape-length to-command transform use-compress-program volno-file warning xattrs-exclude xattrs-include xform`)
	s.Letters = 1
	return s
}
