#!/usr/bin/env bash
# Speaks for dropbear's dbclient (docs/spec/client-driver.md): to the door itself with its bare key, and else through the relay.
set -uo pipefail

socket=${SSH_AUTH_SOCK-}
unset SSH_AUTH_SOCK
BETWEEN="between the client and its relay; the door sees OpenSSH's"

mkdir -p "$HOME/.ssh"
printf '%s %s\n' "$GH_HOST" "$GH_HOSTKEY" >"$HOME/.ssh/known_hosts"
key() { # key FILE: in dropbear's form
	[ -e "$GH_DIR/$(basename "$1").dropbear" ] || dropbearconvert openssh dropbear "$1" "$GH_DIR/$(basename "$1").dropbear" 2>/dev/null
	echo "$GH_DIR/$(basename "$1").dropbear"
}
na() { echo "$1" >"$GH_NA"; exit 0; }
# dbclient reads known_hosts in its home alone, and takes no comment behind a key there.
relay() {
	printf '127.0.0.1 %s\n' "${GH_RELAY_HOSTKEY% *}" >"$HOME/.ssh/known_hosts"
	dbclient -p "$GH_RELAY_PORT" -i "$(key "$GH_RELAY_KEY")" "$@"
}
to=$GH_RELAY_USER@127.0.0.1

word=$1
shift
case $word in
certificate) dbclient -p "$GH_PORT" -i "$(key "$GH_KEY")" -l "$GH_USER" "$GH_HOST" "$1" ;;
exec) relay "$to" "$1" ;;
agent) SSH_AUTH_SOCK=$socket dbclient -p "$GH_PORT" -l "$GH_USER" "$GH_HOST" "$1" ;;
host-ca) na "dbclient knows no host certificates" ;;
host-key) na "$BETWEEN" ;;
env) na "dbclient sends no variables" ;;
pty) exec python3 "$GH_DRIVERS/terminal.py" "$2" "$3" "$4" "$5" "$0" shown "$1" ;;
shown) relay -t "$to" "$1" ;;
signal) na "dbclient cannot send signals" ;;
many | channels) na "dbclient has one command a connection" ;;
keepalive | rekey | compress) na "$BETWEEN" ;;
put | get | put-dir | get-dir) na "dropbear has no client for files" ;;
forward) na "through the relay there are no forwards" ;;
*) na "no such word" ;;
esac
