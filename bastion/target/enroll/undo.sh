# All of it is read before any of it runs.
main() {
	etc=/etc/ssh
	own=$etc/gatehouse
	dropin=$etc/sshd_config.d/00-gatehouse.conf
	include="Include $own/sshd.conf"
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	umask 022

	die() { printf 'gatehouse: %s\n' "$*" >&2; exit 1; }

	[ "$(id -u)" = 0 ] || die 'run this as root'
	sshd=$(command -v sshd) || die 'there is no sshd in /usr/sbin'
	[ -e "$own" ] || { echo "gatehouse: this host is no target: nothing to undo"; exit 0; }
	[ "$(cat "$own/target" 2>/dev/null)" = "$target" ] || die "$own is not that of target $target"

	# 1. What was changed since is kept: only our own line leaves sshd_config.
	keep=$(mktemp -d "$etc/.gatehouse.XXXXXX")
	cp -p "$etc/sshd_config" "$keep/sshd_config"
	mv "$own" "$keep/own"
	[ ! -e "$dropin" ] || mv "$dropin" "$keep/dropin"
	restore() {
		rm -rf "$own" "$dropin"
		mv "$keep/own" "$own"
		[ ! -e "$keep/dropin" ] || mv "$keep/dropin" "$dropin"
		cp -p "$keep/sshd_config" "$etc/sshd_config"
		rm -rf "$keep"
	}
	trap restore EXIT
	trap 'exit 1' HUP INT TERM
	if grep -qxF "$include" "$etc/sshd_config"; then
		grep -vxF "$include" "$keep/sshd_config" >"$keep/without" || [ ! -s "$keep/without" ]
		if cmp -s "$keep/without" "$keep/own/sshd_config.before"; then
			cp -p "$keep/own/sshd_config.before" "$etc/sshd_config"
		else
			cat "$keep/without" >"$etc/sshd_config"
		fi
	fi

	# 2. sshd says whether it can read what is left; sessions that run go on.
	"$sshd" -t || die 'sshd refuses the configuration without Gatehouse: everything is as it was'
	reload() {
		if [ -d /run/systemd/system ]; then
			for unit in ssh sshd; do
				! systemctl is-active --quiet "$unit" || { systemctl reload "$unit"; return; }
			done
		fi
		pid=$("$sshd" -T 2>/dev/null | sed -n 's/^pidfile //p')
		[ ! -r "$pid" ] || kill -HUP "$(cat "$pid")"
	}
	reload || die 'sshd could not be reloaded: everything is as it was'
	trap - EXIT
	rm -rf "$keep"
	echo "gatehouse: this host is no target any more; what was trusted before is trusted again"
}
main </dev/null
