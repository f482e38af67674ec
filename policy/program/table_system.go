package program

// system are the programs that look at and change the system: processes, services, packages, time.
var system = map[string]Program{
	"date":     {Style: getopt("dfrs", "date file rfc-3339 reference set").maybe("I")},
	"dmesg":    {Style: getopt("Fflns", "file facility level console-level buffer-size time-format since until").maybe("L")},
	"echo":     {Style: Style{Bundle: true, Rest: true, Only: "neE"}}, // alone, --help and --version are options too
	"env":      {Style: inOrder("CSu", "unset chdir split-string")},
	"false":    {},
	"free":     {Style: getopt("cs", "count seconds")},
	"hostname": {Style: getopt("F", "file")},
	"id":       {Style: getopt("", "")},
	"kill":     {},
	"last":     {Style: getopt("fnpst", "file limit since until present time-format")},
	"lsblk":    {Style: getopt("EeIowx", "dedup exclude include output width sort sysroot").maybe("T")},
	"nproc":    {Style: getopt("", "ignore")},
	"pgrep":    {Style: getopt("dFGgOPrstuU", "delimiter pgroup group older parent session terminal euid uid pidfile runstates cgroup ns nslist signal")},
	"pkill":    {}, // -9 and -HUP
	"printf":   {Style: Style{Bundle: true, End: true, Rest: true}},
	"ps":       {Style: Style{Letters: AllWords}}, // aux is a bundle of options
	"test":     {},
	"true":     {},
	"uname":    {Style: getopt("", "")},
	"uptime":   {Style: getopt("", "")},
	"vmstat":   {Style: getopt("pS", "partition unit")},
	"w":        {Style: getopt("", "")},
	"which":    {Style: inOrder("", "")},
	"who":      {Style: getopt("", "")},
	"whoami":   {Style: getopt("", "")},
	"xargs":    {Style: inOrder("adEILnPs", "arg-file delimiter max-args max-procs process-slot-var max-chars").maybe("eil").digits()},

	"hostnamectl": {Style: getopt("HM", "host machine json"), env: systemdPager},
	"journalctl": {Style: getopt("cDFgMnopStuU", `machine directory file root image namespace since until cursor after-cursor cursor-file unit user-unit
identifier priority facility grep output output-fields interval verify-key field lines vacuum-size vacuum-files vacuum-time`).unclear("bIiT"), env: systemdPager},
	"loginctl": {Style: getopt("HMnopPs", "host machine property kill-whom kill-who signal lines output"), env: systemdPager},
	"service":  {env: systemdPager}, // it starts systemctl
	"systemctl": {Style: getopt("HMnopPst", `boot-loader-entry boot-loader-menu check-inhibitors drop-in host image image-policy job-mode kill-value kill-who
kill-whom legend lines machine message output preset-mode property reboot-argument root signal state timestamp type what when`), env: systemdPager},
	"timedatectl": {Style: getopt("HMPp", "host machine property"), env: systemdPager},

	"apt":        {env: pagerCat}, // apt and dpkg read options in their own way
	"apt-cache":  {env: pagerCat},
	"apt-get":    {env: pagerCat},
	"dnf":        {env: pagerCat},
	"dpkg":       {env: pagerCat},
	"dpkg-query": {env: pagerCat},
	"npm":        {},
	"pip":        {},
	"rpm":        {env: pagerCat},
}

// systemdPager keeps systemd's programs from starting less.
var systemdPager = [][2]string{{"SYSTEMD_PAGER", "cat"}, {"SYSTEMD_LESS", ""}}

var pagerCat = [][2]string{{"PAGER", "cat"}}
