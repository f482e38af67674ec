#!/bin/sh
# usage: lifecycle.sh OLD.deb NEW.deb
# The life of the package on a Debian system: run as root in a copy of one (overlay and chroot), never on a machine that is used.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
old=$1 new=$2 failed=0

bad() { echo "FAIL: $*"; failed=1; }
same() { [ "$(cat /var/lib/gatehouse/door/recordings/2026-11/ses_1.ghr /etc/gatehouse/policy.yaml 2>/dev/null)" = "evidencerules" ] || bad "$1: data or configuration changed"; }
dpkg_ok() { dpkg "$@" >/tmp/out 2>&1 || { cat /tmp/out; bad "dpkg $*"; }; }
says() { grep -q "$1" /tmp/out || { cat /tmp/out; bad "not said: $1"; }; }

# 1. A fresh install: users with the numbers of the configuration, an empty data folder, nothing that runs, nothing configured.
dpkg_ok -i "$old"
says "gatehouse init"
[ "$(id -u gatehouse-decider)" = 61001 ] && [ "$(id -u gatehouse-door)" = 61002 ] || bad "users: $(getent passwd gatehouse-decider gatehouse-door)"
case $(getent passwd gatehouse-door) in *nologin) ;; *) bad "the door's user can log in" ;; esac
[ "$(stat -c %a:%U /var/lib/gatehouse)" = 711:root ] || bad "data folder: $(stat -c %a:%U /var/lib/gatehouse)"
[ ! -e /etc/gatehouse ] || bad "a configuration was written"
gatehouse version >/dev/null || bad "the program does not run"

# 2. The scripts may run again.
for _ in 1 2; do
	/var/lib/dpkg/info/gatehouse.postinst configure "" >/tmp/out 2>&1 || { cat /tmp/out; bad "postinst again"; }
done

# 3. Work leaves data and a configuration; an upgrade, a downgrade and the package over itself leave both alone.
mkdir -p /etc/gatehouse /var/lib/gatehouse/door/recordings/2026-11
printf evidence >/var/lib/gatehouse/door/recordings/2026-11/ses_1.ghr
printf rules >/etc/gatehouse/policy.yaml
for deb in "$new" "$new" "$old" "$new"; do
	dpkg_ok -i "$deb"
	same "$deb"
done

# 4. Remove: the program is gone, what was written stays. Then it comes back, and works on the same data.
dpkg_ok -r gatehouse
same remove
[ ! -e /usr/bin/gatehouse ] || bad "remove leaves the program"
dpkg_ok -i "$new"
same "install again"

# 5. Purge never deletes what was written, and says so; twice, and after a remove.
dpkg_ok -P gatehouse
same purge
says "/var/lib/gatehouse stays"
says "/etc/gatehouse stays"
[ ! -e /usr/share/gatehouse ] && [ ! -e /usr/share/doc/gatehouse ] || bad "purge leaves files of the package"
dpkg_ok -i "$new"
dpkg_ok -r gatehouse
dpkg_ok -P gatehouse
same "remove and purge"

# 6. Where nothing was ever written, purge leaves nothing but the users.
rm -r /var/lib/gatehouse /etc/gatehouse
dpkg_ok -i "$new"
dpkg_ok -P gatehouse
[ ! -e /var/lib/gatehouse ] && [ ! -e /etc/gatehouse ] || bad "purge leaves empty folders"

# 7. A data folder on a disk that is not mounted keeps nothing from being installed, upgraded and purged, and its link stays.
ln -s /mnt/not-there/gatehouse /var/lib/gatehouse
dpkg_ok -i "$old"
says "no folder"
dpkg_ok -i "$new"
dpkg_ok -P gatehouse
[ -L /var/lib/gatehouse ] || bad "the link to the data is gone"
[ "$failed" = 0 ] && echo "the package lives as it should"
exit "$failed"
