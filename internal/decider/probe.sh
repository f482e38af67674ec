PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset ENV BASH_ENV CDPATH
say() { printf "%s\n" "$*"; }
closed() { # closed FILE: root alone may change it and the folders above it
	f=$1
	n=0
	set --
	while :; do
		set -- "$@" "$f"
		n=$((n + 1))
		case $f in /) break ;; esac
		f=${f%/*}
		f=${f:-/}
	done
	test "$(find -L "$@" -prune -user 0 ! -perm -0020 ! -perm -0002 2>/dev/null | wc -l)" -eq "$n"
}
look() { # look FILE: root, absent, absent-open (others may make it), other (others may change it)
	if test -e "$1" || test -L "$1"; then
		is=other
		real=$(readlink -f "$1" 2>/dev/null)
		if closed "$1" && { test "$real" = "$1" || closed "${real:-$1}"; }; then is=root; fi
		size=0
		if test -s "$1"; then size=1; fi
	else
		is=absent-open
		size=0
		up=${1%/*}
		while test -n "$up" && ! test -e "$up"; do up=${up%/*}; done
		if closed "${up:-/}"; then is=absent; fi
	fi
	say file "$is" "$size" "$1"
}
say gatehouse-check 1
say time "$(date -u +%s)"
login=$(id -un)
say login "$login"
entry=$(getent passwd "$login" 2>/dev/null || grep "^$login:" /etc/passwd)
shell=${entry##*:}
home=${entry%:*}
home=${home##*:}
say shell "$shell"
say real "$(readlink -f "${shell:-/bin/sh}")"
say home "$home"
look "${shell:-/bin/sh}"
for name in .bashrc .zshenv .profile .bash_profile .bash_login .zprofile .zshrc .config/fish/config.fish .config/fish/conf.d .config/fish/functions .config/fish/fish_variables .local/share/fish/vendor_conf.d .local/share/fish/vendor_functions.d .ssh/rc .ssh/environment .ssh/authorized_keys .ssh/authorized_keys2 .pam_environment; do
	look "$home/$name"
done
for name in /etc/bash.bashrc /etc/zshenv /etc/zsh/zshenv /etc/fish/config.fish /etc/fish/conf.d /etc/fish/functions /usr/share/fish/vendor_conf.d /usr/share/fish/vendor_functions.d /etc/profile /etc/profile.d /etc/environment /etc/ssh/sshrc /etc/ssh /etc/ssh/sshd_config; do
	look "$name"
done
for name in /etc/profile.d/*; do
	if test -e "$name"; then look "$name"; fi
done
conf=/etc/ssh/sshd_config.d/00-gatehouse.conf
if ! test -r "$conf"; then conf=/etc/ssh/gatehouse/sshd.conf; fi
look "$conf"
look "/etc/ssh/gatehouse/target_ca.pub"
look "/etc/ssh/gatehouse/principals/$login"
if test -r "/etc/ssh/gatehouse/principals/$login"; then
	head -n 16 "/etc/ssh/gatehouse/principals/$login" | sed "s/^/principal /"
fi
if sshd -T -C "user=$login,host=gatehouse,addr=127.0.0.1" >/dev/null 2>&1; then
	sshd -T -C "user=$login,host=gatehouse,addr=127.0.0.1" | grep -E "^(maxstartups|persourcepenalties|persourcepenaltyexemptlist|permituserenvironment|permituserrc|authorizedkeysfile|authorizedkeyscommand|disableforwarding) " | sed "s/^/sshd /"
elif test -r "$conf"; then
	grep -E -i "^[[:space:]]*(MaxStartups|PerSourcePenaltyExemptList|PermitUserEnvironment|PermitUserRC|AuthorizedKeysFile|AuthorizedKeysCommand|DisableForwarding) " "$conf" | sed "s/^[[:space:]]*/conf /"
fi
say end 1
