# First process of a target, in new mount, PID and host name namespaces; the working folder becomes /run/target.
# usage: enter.sh NAME SSHD
set -eu
name=$1
sshd=$2

mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir /run/sshd /run/target
mount --bind . /run/target
cd /run/target # the folder it came from may disappear under the mounts below

for file in passwd group shadow nsswitch.conf; do
	[ ! -e "/etc/$file" ] || mount --bind "etc/$file" "/etc/$file"
done
mount --bind home /home
mount --bind root /root
mount --bind tmp /tmp
mount --bind srv /srv
mount --bind log /var/log
mount --bind bin /usr/local/bin
[ ! -d /dev/shm ] || mount -t tmpfs -o mode=1777 tmpfs /dev/shm
config=/run/target/etc/sshd_config
if [ -d etc/ssh ]; then # a stock host: its own /etc/ssh, as the distribution ships it
	mount --bind etc/ssh /etc/ssh
	config=/etc/ssh/sshd_config
fi
mount -o remount,bind,ro /
echo "$name" >/proc/sys/kernel/hostname

exec "$sshd" -D -f "$config" -E /run/target/sshd.log
