package lab

// Tools that handle files.
var filePowers = []Power{
	{Programs: []string{"find", "gfind"}, Does: Exec, Options: []string{"-execdir", "-ok", "-okdir"}, How: "start a program on each file", Fix: "Leave the option out of the pattern: what -exec starts needs a rule of its own."},
	{Programs: []string{"find", "gfind"}, Does: Write, Options: []string{"-delete", "-fprint", "-fprint0", "-fprintf", "-fls"}, How: "remove files and write lists", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"find", "gfind"}, Does: Read, Options: []string{"-files0-from"}, How: "show any file in its messages", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"fd", "fdfind"}, Does: Exec, Options: []string{"-x", "-X", "--exec", "--exec-batch"}, How: "start a program on each file", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"tee", "sponge", "dd", "cp", "mv", "install", "ln", "link", "touch", "truncate", "fallocate", "mkdir", "rmdir", "rm", "unlink", "shred", "mkfifo", "mknod", "mktemp", "chmod", "chown", "chgrp", "chattr", "setfacl", "setfattr", "rename", "mmv", "vidir", "ditto", "cpio", "dos2unix", "unix2dos", "debugfs", "wipe", "srm"}, Does: Write,
		Words: append([]string{"of=/tmp/x", "of=x", "--target-directory=/tmp/x", "/tmp/x", "/home/deploy/.ssh/authorized_keys", "/home/deploy/.bashrc"}, somewhere...),
		How:   "write, replace or remove files of one's choice, start-up files and keys among them", Fix: "Use path slots that name folders, and none that holds programs, start-up files or keys."},
	{Programs: []string{"dd"}, Does: Read, Words: []string{"if=/etc/shadow", "if=/dev/sda"}, How: "read any file or device", Fix: "Write if= out."},
	{Programs: []string{"cp", "mv", "ln", "install", "cpio"}, Does: Read, Words: []string{"/etc/shadow"}, How: "copy any file to where it can be read", Fix: "Use path slots."},
	{Programs: []string{"install", "cp"}, Does: Exec, Options: []string{"--strip-program"}, How: "start the program that strips", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"ls", "stat", "du", "tree", "readlink", "realpath", "lsattr", "getfacl", "namei", "wc"}, Does: Read, Words: []string{"/home/deploy/.ssh"}, How: "show names and attributes anywhere", Fix: "Use a path slot if names matter."},
	{Programs: []string{"logrotate"}, Does: Exec, Words: somewhere, How: "start the scripts of a configuration file", Fix: "Write the path of the configuration out."},
	{Programs: []string{"logger"}, Does: Network, Options: []string{"-n", "--server"}, How: "send its text to any host", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"logger"}, Does: Read, Options: []string{"-f", "--file"}, How: "copy any file to the journal", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"lsof", "fuser"}, Does: Write, Options: []string{"-k", "--kill"}, How: "end processes", Fix: "Leave -k out of the pattern."},
	{Programs: []string{"ffmpeg", "convert", "magick", "gs", "inkscape", "exiftool", "qpdf", "pdftk", "pdflatex", "latex", "tex", "xelatex", "lualatex", "gnuplot", "dot", "sox"}, Does: Write, How: "write files, and start programs from scripts in their input", Fix: "Write the arguments out."},
	{Programs: []string{"pdflatex", "latex", "tex", "xelatex", "lualatex", "gnuplot", "gs"}, Does: Exec, Words: append([]string{"-dNOSAFER"}, somewhere...), How: "start programs that a document names", Fix: "Remove the rule."},
}

// Archivers.
var archivePowers = []Power{
	{Programs: []string{"tar", "gtar", "bsdtar"}, Does: Exec, Options: []string{"--to-command", "--checkpoint-action", "-I", "--use-compress-program", "-F", "--info-script", "--new-volume-script", "--rsh-command", "--rmt-command"},
		How: "start programs on members, at checkpoints and to compress", Fix: "Leave the option out of the pattern; -z, -J and --zstd compress."},
	{Programs: []string{"tar", "gtar", "bsdtar"}, Does: Exec, Words: []string{"cIf", "xIf", "cFf"}, How: "start programs by letters of its first word", Fix: "Write the first word out."},
	{Programs: []string{"tar", "gtar", "bsdtar"}, Does: Write, Words: []string{"x", "xf", "xzf", "/", "/tmp/x"}, Options: []string{"-x", "--extract", "-C", "--directory", "-xf", "-xzf", "-f"}, How: "write the files of an archive where it likes", Fix: "Use path slots for -f and -C, and leave -P out."},
	{Programs: []string{"zip"}, Does: Exec, Options: []string{"-TT", "--unzip-command", "-T", "--test"}, How: "start the program that tests an archive", Fix: "Leave -T and -TT out of the pattern."},
	{Programs: []string{"zip", "unzip", "7z", "7za", "7zr", "rar", "unrar", "ar", "cabextract", "xar", "gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "zstd", "lz4", "lzop", "brotli"}, Does: Write, Words: somewhere, How: "write or replace files", Fix: "Use path slots, and -c where output is what is wanted."},
	{Programs: []string{"zip", "7z", "ar", "rar"}, Does: Read, Words: []string{"/etc/shadow"}, How: "pack any file", Fix: "Use path slots."},
	{Programs: []string{"unzip"}, Does: Write, Options: []string{"-d", "-o"}, How: "write the files of an archive where it likes", Fix: "Use a path slot for -d."},
	{Programs: []string{"borg", "restic", "duplicity", "rdiff-backup", "tarsnap"}, Does: Exec, Options: []string{"--rsh", "--remote-path", "--password-command", "-o", "--option", "--remote-schema"}, How: "start a program that an option names", Fix: "Leave the option out of the pattern."},
}

// What moves data between machines.
var transferPowers = []Power{
	{Programs: []string{"ssh", "slogin", "autossh"}, Does: Exec, Options: []string{"-o", "-F", "-S", "-E", "-W", "-I", "-t"}, How: "start programs here by ProxyCommand, LocalCommand and Match exec, and load libraries", Fix: "Leave the options out; a hop to another host is better a target of its own."},
	{Programs: []string{"ssh", "slogin", "autossh", "telnet", "rsh", "rlogin", "rexec", "mosh", "dbclient", "plink"}, Does: Network, How: "go on to another machine, past the bastion", Fix: "Make the other host a target of its own."},
	{Programs: []string{"scp", "sftp", "rsync", "unison"}, Does: Exec, Options: []string{"-S", "-o", "-D", "-F", "-e", "--rsh", "--rsync-path", "-J", "-sshcmd", "-sshargs"}, How: "start the program that connects", Fix: "Leave the option out; use the role's files section instead."},
	{Programs: []string{"scp", "sftp", "rsync", "rclone", "unison", "lftp", "ftp", "tftp", "ncftp", "smbclient", "s3cmd", "aws", "gsutil", "gcloud", "az", "mc"}, Does: Network, Words: anywhere, How: "send files to other machines", Fix: "Write the remote end out."},
	{Programs: []string{"rsync", "scp", "rclone"}, Does: Write, Words: somewhere, How: "write files of one's choice", Fix: "Use the role's files section."},
	{Programs: []string{"lftp", "ftp", "ncftp", "smbclient", "telnet", "mail", "mailx", "mutt"}, Does: Exec, PTY: true, How: "start a shell by !", Fix: "Leave pty out of the rule."},
	{Programs: []string{"lftp", "ftp", "ncftp", "smbclient", "mail", "mailx"}, Does: Exec, Stdin: true, How: "start a shell by ! in its input", Fix: "Leave stdin out of the rule."},
	{Programs: []string{"lftp", "smbclient"}, Does: Exec, Options: []string{"-c", "-e", "-f", "--command"}, How: "run commands of its own, ! among them", Fix: "Write the commands out."},
	{Programs: []string{"curl"}, Does: Write, Options: []string{"-o", "-O", "--output", "--remote-name", "-D", "--dump-header", "-c", "--cookie-jar", "--trace", "--trace-ascii", "--output-dir", "--etag-save", "--libcurl", "--stderr", "-J"}, How: "write files", Fix: "Leave the option out: the answer goes to the session."},
	{Programs: []string{"curl"}, Does: Read, Options: []string{"-K", "--config", "-T", "--upload-file", "-F", "--form", "-d", "--data", "--data-binary", "--netrc-file", "-E", "--cert"}, How: "send any file", Fix: "Leave the option out, or write its value out."},
	{Programs: []string{"curl", "wget", "httpie", "http", "https", "aria2c", "axel", "fetch", "xh"}, Does: Network, Words: anywhere, How: "talk to any host", Fix: "Write the URL out, or use a slot for hosts."},
	{Programs: []string{"curl"}, Does: Read, Words: []string{"file:///etc/shadow"}, How: "show any file by a file: URL", Fix: "Write the URL's scheme and host out."},
	{Programs: []string{"wget"}, Does: Exec, Options: []string{"--use-askpass", "-e", "--execute", "--config"}, How: "start a program, or take settings that do", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"wget", "aria2c", "axel"}, Does: Write, How: "write what it fetches", Fix: "Use curl without -o, or write -O - out."},
	{Programs: []string{"aria2c"}, Does: Exec, Options: []string{"--on-download-complete", "--on-download-start", "--on-download-stop", "--conf-path"}, How: "start a program at an event", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"nc", "ncat", "netcat", "socat", "telnet", "openvpn", "stunnel", "chisel", "ngrok", "cloudflared", "iperf", "iperf3", "websocat", "hping3", "nping"}, Does: Network, How: "open connections of its own", Fix: "Use the role's forward section for what must be reached."},
	{Programs: []string{"nc", "ncat", "netcat"}, Does: Exec, Options: []string{"-e", "-c", "--exec", "--sh-exec", "--lua-exec"}, How: "start a program on a connection", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"socat"}, Does: Exec, Words: []string{"EXEC:id", "SYSTEM:id"}, How: "start programs by EXEC: and SYSTEM: addresses", Fix: "Write both addresses out."},
	{Programs: []string{"openvpn", "stunnel", "pppd", "wpa_supplicant"}, Does: Exec, Options: []string{"--up", "--down", "--config", "--script-security", "--plugin", "-c"}, How: "start scripts of its configuration", Fix: "Remove the rule."},
	{Programs: []string{"tcpdump", "dumpcap", "tshark"}, Does: Exec, Options: []string{"-z", "-X", "--postrotate-command"}, How: "start a program on each capture file, or run a script", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"tcpdump", "tshark", "dumpcap", "tcpflow"}, Does: Write, Options: []string{"-w", "-W", "-G", "--temp-dir"}, How: "write files", Fix: "Leave -w out: the text goes to the session."},
	{Programs: []string{"nmap", "masscan", "zmap"}, Does: Exec, Options: []string{"--script", "--interactive", "--datadir", "--servicedb"}, How: "run scripts", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"nmap", "masscan", "ping", "ping6", "fping", "traceroute", "tracepath", "mtr", "dig", "host", "nslookup", "drill", "whois", "getent"}, Does: Network, Words: anywhere, How: "send a name or packets of one's choice out", Fix: "Use a slot for hosts with the names that are meant."},
	{Programs: []string{"dig"}, Does: Read, Options: []string{"-f"}, How: "show any file in its messages", Fix: "Leave -f out of the pattern."},
	{Programs: []string{"ip"}, Does: Exec, Sub: []string{"netns", "exec"}, How: "start a program in a network namespace", Fix: "Write harmless subcommands out: addr, route, link show."},
	{Programs: []string{"ip", "ss", "tc"}, Does: Read, Value: true, Words: somewhere, Options: []string{"-b", "-batch", "--batch", "-F", "--filter"}, How: "show any file in its messages", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"ip", "ifconfig", "route", "iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "ethtool", "nmcli", "brctl", "arp", "tc"}, Does: Write, Words: []string{"add", "del", "set", "flush", "delete", "-F", "reload", "down"}, How: "change the network of the machine", Fix: "Write the showing subcommands out."},
}

// Version control.
var versionPowers = []Power{
	{Programs: []string{"git"}, Does: Exec, Early: true, Options: []string{"-c", "--exec-path", "--config-env", "-p", "--paginate"}, How: "start programs by configuration that these options name", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"git"}, Does: Exec, Options: []string{"--upload-pack", "--receive-pack", "--ext-diff", "--textconv", "-O", "--open-files-in-pager", "-u", "--exec", "-x", "--upload-pa", "--template", "--separate-git-dir", "--edit", "-e", "--gpg-sign"},
		How: "start programs by configuration and options that name them", Fix: "Write the subcommands and options out, and none of these."},
	{Programs: []string{"git"}, Does: Exec, First: true, Words: []string{"rebase", "bisect", "filter-branch", "submodule", "difftool", "mergetool", "daemon", "instaweb", "send-email", "commit", "config", "hook", "maintenance", "archive", "!id"}, How: "start programs by this subcommand", Fix: "Write the subcommands out."},
	{Programs: []string{"git"}, Does: Exec, Sub: []string{"clone|fetch|pull|push|ls-remote|remote|archive|submodule"}, Words: []string{"ext::sh -c id", "ext::id"}, How: "start programs by an ext:: address", Fix: "Write the remote's name out."},
	{Programs: []string{"git"}, Does: Exec, Value: true, Options: []string{"-C", "--git-dir", "--work-tree"}, Words: []string{"/tmp/x"}, How: "obey the configuration and hooks of any repository", Fix: "Use a path slot of repositories that the login cannot write."},
	{Programs: []string{"git"}, Does: Write, Options: []string{"--output", "-o", "--output-directory"}, How: "write files", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"git"}, Does: Write, First: true, Words: []string{"checkout", "clean", "reset", "pull", "merge", "apply", "am", "stash", "restore", "switch", "clone", "init", "gc", "rm", "mv", "push"}, How: "change files and history by a free subcommand", Fix: "Write the subcommands out."},
	{Programs: []string{"git"}, Does: Network, Sub: []string{"clone|fetch|pull|push|ls-remote|remote|archive|submodule"}, Words: anywhere, How: "talk to any host", Fix: "Write the remote's name out."},
	{Programs: []string{"git"}, Does: Exec, PTY: true, How: "open a pager that starts shells", Fix: "Leave pty out of the rule."},
	{Programs: []string{"hg"}, Does: Exec, Options: []string{"--config", "-R", "--cwd", "--debugger"}, How: "start programs by aliases and hooks", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"svn", "svnadmin", "svnlook", "cvs", "bzr", "fossil", "darcs", "jj"}, Does: Exec, Options: []string{"--diff-cmd", "--diff3-cmd", "--editor-cmd", "--config-option", "--config-dir", "-e", "--merge-tool", "--config"}, How: "start programs that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"gh", "glab", "hub"}, Does: Exec, First: true, Words: []string{"alias", "extension", "run", "codespace"}, How: "start aliases and extensions", Fix: "Write the subcommands out."},
	{Programs: []string{"pre-commit", "tox", "nox"}, Does: Exec, How: "start what the repository's configuration names", Fix: "Remove the rule."},
}
