#!/bin/sh
# Gatehouse: makes this host the target web-1. Read it, then run it as root; it can run again, and after a rotation must.
# It writes /etc/ssh/gatehouse, one file in /etc/ssh/sshd_config.d or one line of /etc/ssh/sshd_config, and reloads sshd.
# To undo it: gatehouse targets enroll web-1 --undo
set -eu
target='web-1'
logins='deploy'
from=''
target_cas='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c gatehouse-target-ca'
host_key=''
host_certificate=''
# All of it is read before any of it runs.
main() {
	etc=/etc/ssh
	own=$etc/gatehouse                               # all that is ours, but for the two below
	dropin=$etc/sshd_config.d/00-gatehouse.conf      # where sshd_config includes that folder
	include="Include $own/sshd.conf"                 # else one line at the top of sshd_config
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	umask 022

	die() { printf 'gatehouse: %s\n' "$*" >&2; exit 1; }

	# 1. Nothing is touched on a host that is not as it should be.
	[ "$(id -u)" = 0 ] || die 'run this as root'
	sshd=$(command -v sshd) || die 'there is no sshd in /usr/sbin'
	mkdir -p /run/sshd
	"$sshd" -t || die 'sshd refuses its configuration as it is: mend that first'
	if [ -e "$own" ]; then
		[ "$(cat "$own/target" 2>/dev/null)" = "$target" ] || die "$own is not that of target $target: undo it first"
	fi
	for login in $logins; do
		id -u "$login" >/dev/null 2>&1 || die "there is no account $login: make it, with a login shell such as /bin/sh"
	done
	if [ -n "$host_key" ]; then
		private=
		for file in $("$sshd" -T 2>/dev/null | sed -n 's/^hostkey //p'); do
			[ "$(ssh-keygen -y -f "$file" 2>/dev/null | cut -d ' ' -f 1,2)" != "$host_key" ] || private=$file
		done
		[ -n "$private" ] || die 'sshd here does not have the host key that was certified: this is another host, or its key was replaced'
	fi

	# 2. What is there is kept, and comes back if anything below fails.
	keep=$(mktemp -d "$etc/.gatehouse.XXXXXX")
	cp -p "$etc/sshd_config" "$keep/sshd_config"
	[ ! -e "$own" ] || cp -pR "$own" "$keep/own"
	[ ! -e "$dropin" ] || cp -p "$dropin" "$keep/dropin"
	restore() {
		rm -rf "$own" "$dropin"
		[ ! -e "$keep/own" ] || mv "$keep/own" "$own"
		[ ! -e "$keep/dropin" ] || mv "$keep/dropin" "$dropin"
		cmp -s "$keep/sshd_config" "$etc/sshd_config" || cp -p "$keep/sshd_config" "$etc/sshd_config"
		rm -rf "$keep"
	}
	trap restore EXIT
	trap 'exit 1' HUP INT TERM

	# 3. Root's own files: who is trusted, and which principal opens which login.
	put() { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; } # whole or not at all: sshd reads them at every login
	mkdir -p "$own/principals"
	for file in "$own/principals"/*; do
		case " $logins " in *" ${file##*/} "*) ;; *) rm -f "$file" ;; esac
	done
	for login in $logins; do
		put "$own/principals/$login" "gh:$target:$login"
	done
	put "$own/target_ca.pub" "$target_cas"
	put "$own/target" "$target"
	[ -e "$own/sshd_config.before" ] || cp -p "$etc/sshd_config" "$own/sshd_config.before"
	[ -z "$host_key" ] || put "$own/host_key-cert.pub" "$host_certificate"

	# 4. sshd takes the first value that it meets: ours come first, and those about logins for the managed ones only.
	exempt=
	if [ -n "$from" ] && "$sshd" -t -o 'PerSourcePenaltyExemptList=192.0.2.1' 2>/dev/null; then
		exempt=$from # sshd 9.8 and later
	fi
	settings() {
		echo "# Made by gatehouse targets enroll $target. Run its script again instead of editing; what is here wins."
		echo 'MaxStartups 200:30:1000'
		echo 'PermitUserEnvironment no'
		[ ! -e "$own/host_key-cert.pub" ] || echo "HostCertificate $own/host_key-cert.pub"
		[ -z "$exempt" ] || echo "PerSourcePenaltyExemptList $exempt"
		echo "Match User $(echo "$logins" | tr ' ' ,)"
		printf '\t%s\n' "TrustedUserCAKeys $own/target_ca.pub" "AuthorizedPrincipalsFile $own/principals/%u" 'AuthorizedPrincipalsCommand none' \
			'AuthorizedKeysFile none' 'AuthorizedKeysCommand none' 'PubkeyAuthentication yes' 'AuthenticationMethods publickey' \
			'DisableForwarding yes' 'PermitTunnel no' 'PermitUserRC no'
		case " $logins " in *' root '*) printf '\tPermitRootLogin prohibit-password\n' ;; esac
		echo 'Match all'
	}
	included=$(awk 'tolower($1) == "match" { exit } tolower($1) == "include" { print }' "$etc/sshd_config")
	rm -f "$dropin" "$own/sshd.conf"
	case $([ ! -d "${dropin%/*}" ] || echo "$included") in
	*sshd_config.d/\*.conf*) settings >"$dropin" ;;
	*)
		settings >"$own/sshd.conf"
		if ! grep -qxF "$include" "$etc/sshd_config"; then
			{ printf '%s\n' "$include"; cat "$keep/sshd_config"; } >"$own/sshd_config.new"
			cat "$own/sshd_config.new" >"$etc/sshd_config"
			rm "$own/sshd_config.new"
		fi
		;;
	esac

	# 5. sshd says whether it can read this, and what it makes of it for each login.
	"$sshd" -t || die 'sshd refuses the new configuration: everything is as it was'
	for login in $logins; do
		"$sshd" -T -C "user=$login,host=gatehouse,addr=$(echo "${from:-127.0.0.1}" | cut -d , -f 1)" >"$keep/is"
		for want in "trustedusercakeys $own/target_ca.pub" "authorizedprincipalsfile $own/principals/%u" 'authorizedprincipalscommand none' \
			'authorizedkeysfile none' 'authorizedkeyscommand none' 'authenticationmethods publickey' 'disableforwarding yes' 'permittunnel no' \
			'permituserrc no' 'permituserenvironment no' 'forcecommand none' 'chrootdirectory none'; do
			grep -qxF "$want" "$keep/is" || die "for $login sshd has \"$(grep "^${want%% *} " "$keep/is")\" and not \"$want\": remove that line; everything is as it was"
		done
	done

	# 6. Sessions that run go on. A sshd that cannot be told reads the new configuration when it starts.
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
	echo "gatehouse: this host is target $target for $logins"
	if [ ! -e "$own/host_key-cert.pub" ]; then
		echo 'gatehouse: its host key has no certificate yet. Put the next line into a file, web.pub say, on the Gatehouse machine, and run there:'
		echo "  gatehouse targets enroll $target --host-key web.pub"
		"$sshd" -T 2>/dev/null | sed -n 's/^hostkey //p' | while read -r file; do ssh-keygen -y -f "$file"; done | grep -m 1 '^ssh-ed25519 ' ||
			echo 'gatehouse: there is no Ed25519 host key: ssh-keygen -A makes one'
	fi
}
main </dev/null
