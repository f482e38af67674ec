package lab

// Services and the journal.
var servicePowers = []Power{
	{Programs: []string{"systemctl"}, Does: Exec, First: true, Words: []string{"edit", "link", "enable", "set-environment", "import-environment", "add-wants", "bind", "mount-image", "switch-root", "kexec"}, How: "change what units start, or open an editor", Fix: "Write the subcommands out: status, show, is-active, restart with a unit slot."},
	{Programs: []string{"systemctl"}, Does: Exec, Options: []string{"-H", "--host", "-M", "--machine", "--root", "--image"}, How: "act on other machines and images", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"systemctl", "journalctl", "loginctl", "timedatectl", "hostnamectl", "resolvectl", "coredumpctl", "busctl", "bootctl", "networkctl"}, Does: Exec, PTY: true, How: "open a pager that starts shells", Fix: "Leave pty out of the rule."},
	{Programs: []string{"systemctl"}, Does: Write, Sub: []string{"start|stop|restart|reload|try-restart|reload-or-restart|kill|enable|disable|mask|unmask|isolate|set-property"}, Words: []string{"not-meant", "not-meant.service"}, How: "stop or change any service by a free word", Fix: "Write the subcommand out and use <unit:…> with the units that are meant."},
	{Programs: []string{"journalctl"}, Does: Write, Options: []string{"--vacuum-size", "--vacuum-time", "--vacuum-files", "--rotate", "--flush", "--setup-keys", "--update-catalog", "--cursor-file", "--relinquish-var"}, How: "remove or change the journal", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"journalctl"}, Does: Read, Options: []string{"-D", "--directory", "--file", "--root", "--image", "-M"}, How: "read journals elsewhere", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"coredumpctl"}, Does: Exec, First: true, Words: []string{"debug", "gdb"}, How: "start a debugger", Fix: "Write the subcommands out: list, info."},
	{Programs: []string{"service", "rc-service", "sv", "initctl", "invoke-rc.d", "supervisorctl", "monit", "pm2", "svc"}, Does: Write, Words: []string{"x", "sshd", "stop", "shell"}, How: "stop or start any service, and some scripts by a path", Fix: "Write the service and the action out, or use enums."},
	{Programs: []string{"service"}, Does: Exec, Words: []string{"../../tmp/x", "../../bin/sh"}, How: "start a program by a path that leaves its folder", Fix: "Use an enum of services."},
	{Programs: []string{"pm2", "forever", "nodemon", "supervisord", "gunicorn", "uwsgi", "uvicorn", "celery", "puma"}, Does: Exec, How: "start programs that its arguments or configuration name", Fix: "Run it as a service, and allow systemctl restart for it."},
	{Programs: []string{"nginx", "apache2", "apachectl", "httpd", "haproxy", "caddy", "lighttpd"}, Does: Load, Options: []string{"-c", "-f", "-C", "-p", "-g", "-d", "-D", "--config", "--adapter"}, How: "take a configuration that loads modules and writes files", Fix: "Write -t (test) out; leave -c and -g out of the pattern."},
	{Programs: []string{"sshd", "dropbear"}, Does: Exec, How: "open another way in", Fix: "Allow only sshd -t."},
}

// Containers and clusters.
var containerPowers = []Power{
	{Programs: []string{"docker", "podman", "nerdctl", "ctr", "crictl", "buildah", "lxc", "lxc-attach", "lxd", "incus", "runc", "crun", "singularity", "apptainer", "machinectl", "systemd-nspawn", "buildkitd", "kaniko"}, Does: Exec, First: true, Words: []string{"run", "exec", "build", "create", "start", "attach", "import", "load", "compose", "commit", "cp", "plugin", "buildx", "swarm", "context", "bash"},
		How: "start programs as root, with the machine's files mounted", Fix: "Write the showing subcommands out: ps, logs, inspect, stats."},
	{Programs: []string{"docker", "podman", "nerdctl"}, Does: Exec, Options: []string{"-H", "--host", "--config", "--context", "-v", "--volume", "--privileged", "--mount", "--cap-add", "--pid", "--device", "--entrypoint", "--hooks-dir", "--runtime"}, How: "reach beyond the container", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"docker", "podman", "nerdctl", "docker-compose", "podman-compose"}, Does: Read, First: true, Words: []string{"export", "save"}, How: "read the files of any image or container", Fix: "Write the subcommands out."},
	{Programs: []string{"docker-compose", "podman-compose", "compose", "vagrant", "skaffold", "tilt", "earthly"}, Does: Exec, How: "start what its file says", Fix: "Write -f with a path that only root can write, and the subcommand out."},
	{Programs: []string{"kubectl", "oc", "k3s", "microk8s", "k9s"}, Does: Exec, First: true, Words: []string{"exec", "run", "debug", "attach", "cp", "edit", "apply", "create", "replace", "patch", "plugin", "proxy", "port-forward", "set", "kustomize", "scale", "delete", "drain"},
		How: "start programs in pods, or change what they run", Fix: "Write the reading subcommands out: get, describe, logs, top; and leave secrets out of get."},
	{Programs: []string{"kubectl", "oc"}, Does: Exec, Options: []string{"--kubeconfig", "--as", "--as-group", "--token", "-s", "--server", "--context", "--cluster", "--user"}, How: "act as somebody else, or by a configuration that starts programs", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"kubectl", "oc"}, Does: Read, Sub: []string{"get|describe"}, First: true, Words: []string{"secrets", "secret", "secret/x"}, How: "show secrets", Fix: "Use an enum of resources: pods, deployments, services, nodes."},
	{Programs: []string{"kubectl", "oc"}, Does: Exec, Sub: []string{"config"}, First: true, Words: []string{"view", "set", "set-credentials", "set-cluster", "set-context", "use-context"}, How: "show its credentials, or change as whom and by which programs it connects", Fix: "Write the reading subcommands out: current-context, get-contexts."},
	{Programs: []string{"kubectl", "oc"}, Does: Read, Sub: []string{"get|describe|apply|create|replace|delete|diff|wait|scale|label|annotate|expose|autoscale|set|patch|edit"}, Options: []string{"-f", "--filename", "-k", "--kustomize", "--raw"}, How: "read any file or address of the API", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"helm", "kustomize", "flux", "argocd", "istioctl", "eksctl", "kops", "kubeadm", "etcdctl"}, Does: Exec, First: true, Words: []string{"install", "upgrade", "plugin", "template", "build", "apply", "exec", "put", "reset", "join", "init"}, How: "change what the cluster runs, or start plugins", Fix: "Write the reading subcommands out: list, status, get, history."},
	{Programs: []string{"helm"}, Does: Exec, Options: []string{"--post-renderer", "--kubeconfig"}, How: "start a program that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"terraform", "tofu", "terragrunt", "pulumi", "packer", "ansible", "ansible-playbook", "ansible-pull", "salt", "salt-call", "salt-ssh", "puppet", "chef-client", "chef-solo", "cf-agent", "fab", "cap", "nomad", "consul", "vault"}, Does: Exec,
		How: "start programs that its files or arguments name", Fix: "Allow it from a folder that only root can write, with the subcommand written out."},
	{Programs: []string{"virsh", "qemu-img", "qemu-system-x86_64", "xl", "vboxmanage", "esxcli"}, Does: Exec, First: true, Words: []string{"edit", "define", "create", "console", "qemu-monitor-command", "attach-device"}, How: "change or enter machines", Fix: "Write the showing subcommands out: list, dominfo."},
}

// Databases.
var databasePowers = []Power{
	{Programs: []string{"psql", "pgcli"}, Does: Exec, Options: []string{"-c", "--command", "-f", "--file", "-v", "-P", "--pset"}, Words: []string{`\! id`, `\o |id`, "/tmp/x", "x"}, How: `start programs by \!, \o | and COPY … PROGRAM`, Fix: "Write the statement out, and let the database's own role be a reading one."},
	{Programs: []string{"psql", "pgcli", "mysql", "mariadb", "sqlite3", "sqlite", "mongo", "mongosh", "redis-cli", "cqlsh", "sqlplus", "clickhouse-client", "duckdb", "influx", "isql", "sqlcmd", "rethinkdb", "neo4j", "cypher-shell"}, Does: Exec, Stdin: true,
		How: `start programs that its input names (\! in psql and mysql, .shell in sqlite3)`, Fix: "Write the statements out with -c or -e, or give them by stdin: sha256:…."},
	{Programs: []string{"psql", "pgcli", "mysql", "mariadb", "sqlite3", "mongo", "mongosh", "redis-cli", "sqlplus", "duckdb", "cqlsh"}, Does: Exec, PTY: true, How: "start a shell from its prompt", Fix: "Leave pty out of the rule."},
	{Programs: []string{"mysql", "mariadb"}, Does: Exec, Options: []string{"-e", "--execute", "--pager", "--init-command", "--defaults-file", "--defaults-extra-file", "--plugin-dir", "--tee"}, Words: []string{`\! id`, "system id", "x", "/tmp/x"}, How: `start programs by \! and system`, Fix: "Write the statement out."},
	{Programs: []string{"sqlite3", "sqlite", "duckdb"}, Does: Exec, Words: []string{".shell id", ".system id", `select edit('','id')`}, How: "start programs by .shell, .system and edit()", Fix: "Write the statement out, with -readonly and -safe."},
	{Programs: []string{"sqlite3", "sqlite"}, Does: Load, Options: []string{"-init", "-cmd", "-vfs"}, How: "load extensions and scripts", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"mongo", "mongosh"}, Does: Exec, Options: []string{"--eval", "--file", "-f", "--shell"}, How: "run JavaScript", Fix: "Write the script out."},
	{Programs: []string{"redis-cli"}, Does: Exec, Words: []string{"EVAL", "CONFIG", "MODULE", "DEBUG", "SLAVEOF", "REPLICAOF", "SAVE", "config", "eval"}, How: "write files and load modules by commands", Fix: "Write the command out: INFO, GET with a slot."},
	{Programs: []string{"pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "mysqldump", "mariadb-dump", "mongodump", "mongoexport"}, Does: Read, Words: []string{"postgres", "mysql"}, How: "show all that the account can read", Fix: "Write the database and tables out."},
	{Programs: []string{"pg_dump", "pg_basebackup", "pg_dumpall", "mysqldump", "mongodump", "mongoexport"}, Does: Write, Value: true, Words: somewhere, Options: []string{"-f", "--file", "-D", "--result-file", "-r", "--tab", "-T", "-o", "--out"}, How: "write files", Fix: "Leave the option out: the dump goes to the session."},
}

// Package managers: what they install runs scripts.
var packagePowers = []Power{
	{Programs: []string{"apt", "apt-get", "aptitude", "yum", "dnf", "microdnf", "zypper", "pacman", "apk", "emerge", "snap", "flatpak", "brew", "nix", "nix-env", "guix", "pkg", "port", "alien"}, Does: Exec,
		First: true, Words: []string{"install", "upgrade", "dist-upgrade", "full-upgrade", "add", "reinstall", "localinstall", "source", "build-dep", "changelog", "x", "-i", "-U", "-S", "run", "shell", "update", "remove", "purge"}, How: "run the scripts of a package, as root", Fix: "Write the showing subcommands out: list, show, policy, search."},
	{Programs: []string{"apt", "apt-get", "apt-cache", "aptitude"}, Does: Exec, Options: []string{"-o", "--option", "-c", "--config-file"}, How: "start programs by settings such as Pre-Invoke", Fix: "Leave -o and -c out of the pattern."},
	{Programs: []string{"dpkg", "rpm"}, Does: Exec, Options: []string{"-i", "--install", "-U", "-F", "--upgrade", "--configure", "--unpack", "--pipe", "--define", "-E", "--eval", "--pre-invoke", "--root", "--admindir"}, How: "run the scripts of a package", Fix: "Write the showing options out: -l, -L, -s, -q."},
	{Programs: []string{"pip", "pip3", "pipx", "pipenv", "poetry", "uv", "uvx", "conda", "mamba", "easy_install", "virtualenv"}, Does: Exec, First: true, Words: []string{"install", "run", "download", "wheel", "x", "exec", "tool", "sync", "add"}, How: "run the set-up code of a package", Fix: "Write the showing subcommands out: list, show, freeze."},
	{Programs: []string{"npm", "yarn", "pnpm", "npx", "corepack", "lerna", "nx", "turbo", "gulp", "grunt", "webpack", "vite"}, Does: Exec, First: true, Words: []string{"run", "exec", "install", "i", "ci", "start", "test", "x", "dlx", "rebuild", "config", "explore"}, How: "run the scripts of a package", Fix: "Write the showing subcommands out: ls, outdated."},
	{Programs: []string{"gem", "bundle", "bundler", "composer", "cpan", "cpanm", "luarocks", "opam", "asdf", "mise", "sdk", "rustup"}, Does: Exec, First: true, Words: []string{"install", "exec", "run", "update", "x", "require", "build", "shell", "open", "run-script"}, How: "run the code of a package", Fix: "Write the showing subcommands out: list, info."},
}

// The machine itself.
var systemPowers = []Power{
	{Programs: []string{"kill", "pkill", "killall", "skill", "xkill"}, Does: Write, Words: []string{"1", "-1", "sshd", "x"}, How: "end any process of the login", Fix: "Restart services by systemctl; or write the name out."},
	{Programs: []string{"mount", "umount", "losetup", "cryptsetup", "mkfs", "mkfs.ext4", "fdisk", "parted", "sfdisk", "gdisk", "lvm", "lvcreate", "vgchange", "mdadm", "zfs", "zpool", "btrfs", "swapon", "blkdiscard", "hdparm", "wipefs", "sgdisk"}, Does: Write, Words: []string{"/dev/sda", "/tmp/x", "x", "create", "destroy"}, How: "change disks and mounts", Fix: "Write the showing forms out: findmnt, lsblk, zfs list."},
	{Programs: []string{"insmod", "modprobe", "rmmod", "kexec", "bpftool", "bpftrace", "perf", "stap", "ldconfig", "kmod"}, Does: Load, Words: []string{"/tmp/x", "x", "x.ko"}, How: "load code into the kernel or into other programs", Fix: "Write the module out, or remove the rule."},
	{Programs: []string{"perf"}, Does: Exec, First: true, Words: []string{"stat", "record", "trace"}, How: "start the program that follows", Fix: "Write the program out."},
	{Programs: []string{"bpftrace", "stap", "dtrace"}, Does: Exec, Options: []string{"-e", "-c", "--unsafe"}, How: "run a script that starts programs", Fix: "Remove the rule."},
	{Programs: []string{"useradd", "usermod", "userdel", "groupadd", "groupmod", "gpasswd", "passwd", "chpasswd", "chage", "adduser", "deluser", "vipw", "visudo", "chsh", "newusers", "pam-auth-update"}, Does: Write, How: "change who may log in", Fix: "Let people or configuration management do it."},
	{Programs: []string{"vipw", "vigr", "visudo", "sudoedit", "chfn", "edquota"}, Does: Exec, PTY: true, How: "open an editor", Fix: "Remove the rule."},
	{Programs: []string{"sysctl", "update-alternatives", "alternatives", "localectl", "timedatectl", "hostnamectl", "grub-install", "update-grub", "efibootmgr", "setenforce", "semanage", "setsebool", "auditctl", "aa-complain", "aa-disable"}, Does: Write,
		Words: []string{"kernel.core_pattern=|/tmp/x", "--install", "set-time", "0", "x", "-D"}, How: "change settings of the machine, a program that the kernel starts among them", Fix: "Write the showing forms out: sysctl -n with a name."},
	{Programs: []string{"sysctl"}, Does: Write, Options: []string{"-w", "--write", "-p", "--load", "--system"}, How: "change settings of the kernel", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"reboot", "poweroff", "halt", "shutdown", "init", "telinit"}, Does: Write, How: "stop the machine", Fix: "Make it an ask rule."},
	{Programs: []string{"gpg", "gpg2", "age", "sops", "pass", "ssh-keygen", "ssh-add", "ssh-agent", "keytool", "certtool", "step", "cfssl"}, Does: Write, Options: []string{"-o", "--output", "-f", "-out", "-keyout", "-storetype", "-s", "-y"}, How: "read or write keys and files", Fix: "Leave the option out of the pattern, or use a path slot."},
	{Programs: []string{"ssh-keygen", "ssh-add", "ssh-agent"}, Does: Load, Options: []string{"-D", "-w", "-s", "-P", "-I"}, How: "load a library that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"ssh-agent"}, Does: Exec, Words: []string{"id", "sh"}, How: "start the program that follows", Fix: "Leave operands out of the pattern."},
	{Programs: []string{"gpg", "gpg2"}, Does: Exec, Options: []string{"--photo-viewer", "--options", "--homedir", "--exec-path", "--agent-program", "--pinentry-program"}, How: "start programs that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"sops", "pass"}, Does: Exec, First: true, Words: []string{"exec-env", "exec-file", "edit", "git"}, How: "start programs and editors", Fix: "Write the subcommand out."},
	{Programs: []string{"date"}, Does: Write, Options: []string{"-s", "--set"}, How: "set the clock", Fix: "Leave -s out of the pattern."},
	{Programs: []string{"ps"}, Does: Read, Words: []string{"e", "auxe", "axe", "eww"}, How: "show the environment of processes, secrets among it", Fix: "Write the words out: aux."},
	{Programs: []string{"dmesg"}, Does: Write, Options: []string{"-c", "-C", "--clear", "--read-clear", "-n", "-D"}, How: "clear the kernel's log", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"mail", "mailx", "sendmail", "mutt", "swaks", "msmtp", "exim", "exim4", "postfix"}, Does: Network, How: "send mail anywhere", Fix: "Write the recipient out."},
	{Programs: []string{"sendmail", "exim", "exim4", "mutt", "swaks"}, Does: Exec, Options: []string{"-be", "-C", "-O", "-D", "-oQ", "-X", "-F", "--attach"}, How: "take a configuration that starts programs", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"aws", "gcloud", "az", "oci", "doctl", "linode-cli", "hcloud", "heroku", "flyctl"}, Does: Exec, First: true, Words: []string{"ssm", "configure", "ssh", "compute", "run-command", "x", "extension"}, How: "start programs on other machines with the account's rights", Fix: "Write the reading subcommands out."},
	{Programs: []string{"xdg-open", "open", "sensible-browser", "sensible-editor", "sensible-pager", "run-mailcap", "see", "edit", "www-browser"}, Does: Exec, How: "start whatever the settings or the environment name", Fix: "Remove the rule."},
	{Programs: []string{"tailscale", "wg", "wg-quick", "zerotier-cli", "ngrok", "cloudflared"}, Does: Network, How: "open a tunnel", Fix: "Write the showing subcommands out: status."},
	{Programs: []string{"wg-quick"}, Does: Exec, How: "start PostUp lines of its configuration", Fix: "Remove the rule."},
}
