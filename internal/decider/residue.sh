PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset ENV BASH_ENV CDPATH
me=$(id -u)
home=${HOME:-/}
start=$(($(date +%s) - @AGE@))
live=" @LIVE@ "
nl=$(printf "\n.")
nl=${nl%.}
say() { # say TEXT...: on one line, whatever a name or a command line holds
	text=$*
	case $text in *"$nl"*) text=$(printf "%s" "$text" | tr "\n" " ") ;; esac
	printf "residue %s\n" "$text"
}
newer() { # newer PATH: it is there, and was made or changed since; the change time, which nobody sets
	c=$(stat -c %Z "$1" 2>/dev/null) && test "$c" -ge "$start"
}
changed() { # changed WHAT PATH...
	what=$1
	shift
	n=0
	for f in "$@"; do
		if ! newer "$f"; then continue; fi
		n=$((n + 1))
		if test "$n" -gt 5; then # many of one kind do not push the others out
			say "$what changed: and more"
			break
		fi
		say "$what changed: $f"
	done
}
hz=$(getconf CLK_TCK 2>/dev/null || echo 100)
mine=" $$ "
p=$$
above=
since=
while test "${p:-0}" -gt 1; do
	s=$(cat "/proc/$p/stat" 2>/dev/null) || break
	name=${s#*(}
	set -- ${s##*) }
	p=$2
	mine="$mine$p "
	case $name in sshd*) # the last but one serves this connection, and is as old as that
		since=$above
		shift 2
		shift 9
		above=$9
		;;
	esac
done
read -r up _ </proc/uptime
up=$((${up%%.*} * hz))
test -n "$since" || since=$up
start=$((start - (up - since) / hz)) # the age is from after that moment: what the way here took is no part of it
first=$((since - @AGE@ * hz))        # the same in ticks: the second in which the machine was booted is known too roughly
left() { # the processes of the login that began since, without this shell and its own, and without those of live sessions
	for d in /proc/[0-9]*; do
		p=${d#/proc/}
		test "$(stat -c %u "$d" 2>/dev/null)" = "$me" || continue
		case $mine in *" $p "*) continue ;; esac
		s=$(cat "$d/stat" 2>/dev/null) || continue
		name=${s#*(}
		name=${name%)*}
		set -- ${s##*) }
		test "$1" != Z && test "$2" != $$ || continue
		shift 2
		shift 9
		test "$9" -ge "$first" || continue
		case $name in sshd*)
			s=$(cat "$d/stat" 2>/dev/null) || continue
			set -- ${s##*) }
			if test "$2" != 1 && test "$(stat -c %u "/proc/$2" 2>/dev/null)" = 0; then continue; fi
			;;
		esac
		mark=$(tr "\0" "\n" <"$d/environ" 2>/dev/null | grep "^@VARIABLE@=" | head -n 1)
		case $live in *" ${mark#*=} "*) test -n "$mark" && continue ;; esac
		echo "$p"
	done
}
listening() { # the inodes and ports of sockets that listen
	for f in /proc/net/tcp /proc/net/tcp6; do
		test -r "$f" || continue
		while read -r _ local _ state _ _ _ _ _ inode _; do
			if test "$state" = 0A; then echo "$inode ${local##*:}"; fi
		done <"$f"
	done
}
who=$(id -un)
changed crontab "/var/spool/cron/crontabs/$who" "/var/spool/cron/$who"
if ! test -x /var/spool/cron/crontabs && crontab -l 2>/dev/null | grep -q "^[^#]"; then
	say "crontab: $who has one, and when it was changed cannot be seen"
fi
jobs=$(atq 2>/dev/null | head -n 5)
if test -n "$jobs"; then say "at jobs: $jobs"; fi
changed "at job" /var/spool/cron/atjobs/* /var/spool/at/[!.]*
changed unit "$home"/.config/systemd/user/* "$home"/.config/systemd/user/*/* "/run/user/$me/systemd/transient/"* "/run/user/$me/systemd/user/"*
changed "key file" "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2" "$home/.ssh/rc" "$home/.ssh/environment"
changed "start-up file" "$home/.profile" "$home/.bash_profile" "$home/.bash_login" "$home/.bashrc" "$home/.zshenv" "$home/.zshrc" "$home/.config/autostart/"*
if test "$me" = 0; then
	changed crontab /etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/*
	changed unit /run/systemd/transient/* /etc/systemd/system/* /etc/init.d/*
	changed "account file" /etc/passwd /etc/shadow /etc/sudoers /etc/sudoers.d/* /etc/ld.so.preload
fi
timeout 4 find "$home" /tmp /var/tmp /dev/shm -xdev -maxdepth 6 -type f "(" -perm -4000 -o -perm -2000 ")" -user "$me" 2>/dev/null | head -n 200 | while read -r f; do
	changed "set-uid file" "$f"
done | head -n 6
found=$(left | head -n 16)
sockets=$(listening)
for p in $found; do
	exe=$(readlink "/proc/$p/exe" 2>/dev/null) || continue # it is ending
	line=$(head -c 120 "/proc/$p/cmdline" 2>/dev/null | tr "\0\n" "  ")
	say "process $p: ${line:-$exe}"
	fds=0
	ports=0
	for fd in "/proc/$p/fd/"*; do
		fds=$((fds + 1))
		if test "$fds" -gt 64 || test "$ports" -ge 3; then
			say "process $p has more open, which was not looked at"
			break
		fi
		l=$(readlink "$fd" 2>/dev/null) || continue
		case $l in "socket:["*) ;; *) continue ;; esac
		i=${l#socket:[}
		i=${i%]}
		port=$(echo "$sockets" | grep "^$i " | head -n 1)
		if test -n "$port"; then
			ports=$((ports + 1))
			say "process $p listens on TCP port $(printf "%d" "0x${port#* }")"
		fi
	done
done
printf "residue-end\n"
